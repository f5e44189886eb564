"""Queues, answers, recoveries, resources, leaks: each check finds what is not so, or says that it saw nothing."""

import pytest

from paintbox.prove import witness
from paintbox.prove.checks import operated, secret
from paintbox.prove.checks.operated import Ending, Recovery, Sample, Sessions, Window
from paintbox.prove.checks.secret import Canary
from paintbox.prove.nemesis import Event, Phase
from paintbox.prove.nemesis_plan import Stroke
from paintbox.prove.sampling import Samples
from paintbox.prove.verdicts import SHOWN, State, Violation, skipped, verdict
from paintbox.prove.witness import Course
from support.proof import a_delivery, an_attempt, subjects

MAIL = Canary("an e-mail address", "ann.lee@example.com")


def test_a_queue_that_holds_something_at_rest_is_found() -> None:
    assert subjects(operated.queues_are_empty({"a": 0, "b": 2})) == ["b"]
    assert operated.queues_are_empty({"a": 0}).state is State.HELD


def test_what_did_not_come_to_rest_is_a_violation() -> None:
    assert operated.everything_came_to_rest([], 3.0, 60).state is State.HELD
    assert operated.everything_came_to_rest(["a lag"], 61.0, 60).state is State.VIOLATED


def test_a_recovery_that_took_too_long_or_never_came_is_found() -> None:
    recoveries = [
        Recovery("kill", "a", 3.0, 179.0),
        Recovery("kill", "b", 60.5),
        Recovery("kill", "c", None),
        Recovery("kill", "d", 3.0, 181.0),
    ]

    assert subjects(operated.every_fault_was_recovered_from(recoveries)) == ["kill of b", "kill of c", "kill of d"]
    assert operated.every_fault_was_recovered_from([]).state is State.NOTHING_CHECKED


def test_an_answer_after_five_seconds_is_found() -> None:
    slow = a_delivery(an_attempt(seconds=5.1, status=503))

    assert subjects(operated.answers_were_in_time([a_delivery(), slow], [], [])) == ["companycam delivery 1"]


def test_while_both_servers_are_harmed_another_door_may_be_asked_but_not_for_ever() -> None:
    passed_on = a_delivery(an_attempt(seconds=8.0, at_ms=5_000))
    hung = a_delivery(an_attempt(seconds=10.5, at_ms=5_000))
    quick = [a_delivery() for _ in range(200)]
    both = [Window(4_000, 6_000)]

    assert operated.answers_were_in_time([*quick, passed_on], [], [], both).state is State.HELD
    assert operated.answers_were_in_time([*quick, *[passed_on] * 20], [], [], both).state is State.HELD
    assert operated.answers_were_in_time([*quick, passed_on], [], [], [Window(0, 4_000)]).state is State.VIOLATED
    assert operated.answers_were_in_time([*quick, hung], [], [], both).state is State.VIOLATED


def test_answers_that_are_slow_on_the_whole_are_found_however_quick_each_is() -> None:
    deliveries = [a_delivery(an_attempt(seconds=3.5)) for _ in range(10)]

    assert subjects(operated.answers_were_in_time(deliveries, [], [])) == ["99th percentile"]


def test_a_frozen_door_cannot_answer_and_a_quick_end_without_answer_is_no_late_one() -> None:
    hung, cut = an_attempt(seconds=10.0, status=None, at_ms=5_500), an_attempt(seconds=0.2, status=None)
    before = an_attempt(seconds=5.1, status=None, at_ms=1_000)
    frozen = a_delivery(an_attempt(seconds=8.0, at_ms=5_000), before, hung, cut)

    assert operated.answers_were_in_time([frozen, a_delivery()], [Window(4_000, 6_000)], []).state is State.HELD
    assert operated.answers_were_in_time([frozen], [Window(4_000, 6_000)], []).state is State.NOTHING_CHECKED


def test_a_try_that_hung_without_any_answer_is_found() -> None:
    hung = a_delivery(an_attempt(seconds=10.0, status=None), an_attempt())

    verdict = operated.answers_were_in_time([hung], [], [])

    assert [one.what for one in verdict.violations] == ["had no answer after 10.00 s"]


def test_a_dead_door_excuses_what_has_no_answer_and_no_late_one() -> None:
    died = [Window(4_000, 6_000)]
    hung, late = an_attempt(seconds=10.0, status=None, at_ms=5_000), an_attempt(seconds=7.0, at_ms=5_000)

    assert operated.answers_were_in_time([a_delivery(hung, an_attempt())], [], died).state is State.HELD
    assert operated.answers_were_in_time([a_delivery(late)], [], died).state is State.VIOLATED


def test_windows_are_of_doors_alone_from_before_the_fault_to_after_its_end() -> None:
    strokes = [
        Stroke(1, 4.0, "freeze", "webhook-ingest-2", 3.0, "SIGSTOP"),
        Stroke(2, 5.0, "kill", "webhook-ingest", 3.0, "kill -9"),
        Stroke(3, 6.0, "kill", "photo-sync", 3.0, "kill -9"),
        Stroke(4, 6.0, "kafka-freeze", "kafka", 3.0, "SIGSTOP"),
        Stroke(5, 8.0, "postgres-blackhole", "postgres", 9.0, "nothing passes"),
        Stroke(6, 40.0, "postgres-kill", "postgres", 2.0, "kill -9"),
    ]
    course = Course(100_000)
    for stroke in strokes:
        course.events.append(Event(Phase.BEGUN, stroke.at, stroke.says, stroke))
        course.events.append(Event(Phase.HEALED, stroke.at + stroke.seconds, stroke.says, stroke))

    assert witness.frozen(course) == [Window(102_000, 109_000)]
    assert witness.dead(course) == [Window(103_000, 110_000)]
    assert witness.without_servers(course) == [Window(106_000, 111_000)]


def test_a_death_that_no_fault_had_to_do_with_is_found() -> None:
    died = Event(Phase.DIED, 12.0, "photo-sync has ended", process="photo-sync")
    excused = Event(Phase.DIED, 13.0, "postgres has ended", process="postgres", excuse="the disk was full")

    assert operated.nobody_died(14, witness.deaths([excused])).state is State.HELD
    assert subjects(operated.nobody_died(14, witness.deaths([excused, died]))) == ["photo-sync"]


def test_who_was_asked_to_end_and_did_not_exit_with_0_in_time_is_found() -> None:
    well = Ending("photo-sync", 19.9, 0)
    ill = [
        Ending("killed", 30.0, None),
        Ending("late", 20.1, 0),
        Ending("failed", 0.5, 1),
        Ending("gave-up", 20.1, 1),
        Ending("dropped-dead", 0.1, -15),
    ]

    assert operated.whoever_was_asked_ended([well], asked=True).state is State.HELD
    assert subjects(operated.whoever_was_asked_ended([well, *ill], asked=True)) == [one.process for one in ill]


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("restart", State.NOTHING_CHECKED),
        ("rolling-restart", State.NOTHING_CHECKED),
        ("clock-ahead", State.NOTHING_CHECKED),
        ("clock-behind", State.NOTHING_CHECKED),
        ("kill", State.SKIPPED),
    ],
)
def test_where_somebody_was_asked_to_end_and_nobody_was_seen_to_nothing_was_checked(kind: str, state: State) -> None:
    asked = witness.asked_to_end([Event(Phase.BEGUN, 4.0, kind, Stroke(1, 4.0, kind, "photo-sync", 1.0, kind))])

    assert operated.whoever_was_asked_ended([], asked=asked).state is state


def test_a_delivery_that_was_given_up_is_found() -> None:
    assert operated.everything_was_told([a_delivery()]).state is State.HELD
    assert subjects(operated.everything_was_told([a_delivery(state="failed")])) == ["companycam delivery 1"]


def test_a_deadlock_is_found() -> None:
    assert operated.there_were_no_deadlocks({"log": 0}).state is State.HELD
    assert subjects(operated.there_were_no_deadlocks({"log": 1})) == ["log"]


def test_deadlocks_that_were_never_counted_are_not_known_to_be_none() -> None:
    found = operated.there_were_no_deadlocks({"log": 0, "pg_stat_database": Samples().deadlocks})

    assert (found.state, found.note) == (State.NOTHING_CHECKED, "could not be read: pg_stat_database")
    assert subjects(operated.there_were_no_deadlocks({"log": 1, "pg_stat_database": None})) == ["log"]


def test_deadlocks_are_added_up_over_crashes_of_the_server() -> None:
    samples = Samples()

    for counted in (0, 2, 3, 0, 1):
        samples.count_deadlocks(counted)

    assert samples.deadlocks == 4


def test_memory_files_and_sessions_beyond_their_bounds_are_found() -> None:
    large = Sample(0, "large", 500 * operated.MIB, 10)
    many = Sample(0, "many", operated.MIB, 500)
    small = Sample(0, "small", operated.MIB, 10)

    few = Sessions(0, {"door idle": 80})
    too_many = [
        Sessions(3_600_000 + ms, {"door active": 5, "door idle": 86})
        for ms in (*range(0, 40_001, 8_000), 40_001, 42_000)
    ]

    assert operated.processes_were_bounded(["small"], [small]).state is State.HELD
    assert operated.sessions_were_bounded([few]).state is State.HELD
    assert subjects(operated.processes_were_bounded(["small"], [large, many, small])) == ["large", "many"]
    found = operated.sessions_were_bounded([few, *too_many])
    assert "had 91 sessions at 01:00:40Z: 86 door idle, 5 door active" in repr(found)


def test_what_was_never_looked_at_is_not_known_to_be_bounded() -> None:
    seen = Sample(0, "seen", operated.MIB, 10)

    found = operated.processes_were_bounded(["seen", "unseen"], [seen])

    assert (found.state, found.note) == (State.NOTHING_CHECKED, "never seen: unseen")
    assert operated.sessions_were_bounded([]).state is State.NOTHING_CHECKED


def test_more_sessions_may_be_there_until_the_server_has_noticed_that_their_clients_are_gone() -> None:
    looks = [Sessions(seconds * 1000, {"door idle": 60 if seconds == 30 else 99}) for seconds in range(0, 70, 2)]
    around_an_outage = [Sessions(seconds * 1000, {"door idle": 99}) for seconds in (0, 2, 4, 50, 52)]

    assert operated.sessions_were_bounded(looks).state is State.HELD
    assert operated.sessions_were_bounded(around_an_outage).state is State.HELD


def test_a_canary_is_seen_and_never_shown() -> None:
    seen = secret.sightings([MAIL], "log a.log", b'{"to": "ann.lee@example.com"}')

    found = secret.nothing_leaked({"log a.log": 30}, seen, 1)

    assert subjects(found) == ["log a.log"]
    assert MAIL.text not in repr(found)


def test_without_canaries_or_places_nothing_was_checked() -> None:
    assert secret.nothing_leaked({"log": 10}, [], 0).state is State.NOTHING_CHECKED
    assert secret.nothing_leaked({}, [], 5).state is State.NOTHING_CHECKED
    assert secret.nothing_leaked({"log": 10}, secret.sightings([MAIL], "log", b"nothing"), 1).state is State.HELD


def test_all_violations_are_counted_and_the_first_are_shown() -> None:
    many = verdict("I1", "claim", 100, (Violation(str(number), "x") for number in range(SHOWN + 5)))

    assert (many.violated, len(many.violations)) == (SHOWN + 5, SHOWN)


def test_what_is_skipped_is_never_held() -> None:
    assert skipped("I5", "claim", "why").state is State.SKIPPED
