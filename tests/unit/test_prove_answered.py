"""Wrong answers to good deliveries are found, and so is a log that tells of a bug."""

import asyncio
import logging
from collections.abc import MutableMapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import ProducerClosed

from paintbox.prove import sampling, witness
from paintbox.prove.checks import operated
from paintbox.prove.checks.answered import answers_were_right
from paintbox.prove.checks.operated import Window
from paintbox.prove.nemesis import Event, Phase
from paintbox.prove.nemesis_plan import Stroke
from paintbox.prove.verdicts import State
from paintbox.prove.witness import Course
from support.proof import a_delivery, an_attempt, subjects
from synckit import web
from synckit.background import background
from synckit.observability import logs

HARMED = [Window(4_000, 6_000)]


@pytest.mark.parametrize("status", [204, 400, 401, 408, 413, 429, 500, 502, 504])
def test_an_answer_that_no_good_delivery_deserves_is_found_though_a_later_one_is_right(status: int) -> None:
    wrong = a_delivery(an_attempt(status=status, at_ms=5_000, retry_after="1"), an_attempt(at_ms=5_100))

    found = answers_were_right([wrong, a_delivery()], HARMED)

    assert [one.what for one in found.violations] == [f"was answered {status}"]
    assert subjects(found) == ["companycam delivery 1"]


def test_a_refusal_is_right_where_it_says_when_to_come_again() -> None:
    told = a_delivery(an_attempt(status=503, at_ms=5_000, retry_after="5"), an_attempt(at_ms=7_000))
    untold = a_delivery(an_attempt(status=503, at_ms=5_000), an_attempt(at_ms=7_000))

    found = answers_were_right([untold], HARMED)

    assert answers_were_right([told], HARMED).state is State.HELD
    assert [one.what for one in found.violations] == ["was answered 503 without Retry-After"]


def test_a_refusal_is_wrong_while_kafka_or_the_spool_can_keep_what_comes() -> None:
    refused = a_delivery(an_attempt(status=503, at_ms=5_000, retry_after="5"), an_attempt(at_ms=7_000))

    found = answers_were_right([refused], [], [Window(6_000, 9_000)])

    assert [one.what for one in found.violations] == ["was answered 503 though it could be kept"]
    assert answers_were_right([refused], [], [Window(4_000, 6_000)]).state is State.HELD


def course_of(began_ms: int, *strokes: Stroke) -> Course:
    """Each is begun, and healed after its time."""
    course = Course(began_ms)
    for stroke in strokes:
        course.events.append(Event(Phase.BEGUN, stroke.at, stroke.says, stroke))
        course.events.append(Event(Phase.HEALED, stroke.at + stroke.seconds, stroke.says, stroke))
    return course


def test_a_signature_is_stale_only_to_a_door_whose_clock_is_wrong() -> None:
    stale = a_delivery(an_attempt(status=401, at_ms=5_000), an_attempt(at_ms=7_000))
    course = course_of(
        0,
        Stroke(1, 4.0, "clock-ahead", "webhook-ingest-2", 3.0, "10 minutes ahead"),
        Stroke(2, 20.0, "clock-behind", "customer-sync", 3.0, "10 minutes behind"),
    )

    astray = witness.astray(course)

    assert astray == [Window(2_000, 9_000)]
    assert answers_were_right([stale], astray, (), astray).state is State.HELD
    assert [one.what for one in answers_were_right([stale], HARMED).violations] == ["was answered 401"]


def test_no_answer_is_right_only_while_a_door_or_the_edge_was_harmed() -> None:
    silent = a_delivery(an_attempt(status=None, at_ms=5_000), an_attempt(at_ms=7_000))

    assert answers_were_right([silent], HARMED).state is State.HELD
    assert answers_were_right([silent], [Window(6_000, 9_000)]).state is State.VIOLATED
    assert answers_were_right([], []).state is State.NOTHING_CHECKED


def test_a_door_is_harmed_by_a_restart_as_by_a_kill_and_the_services_behind_it_are_no_excuse() -> None:
    course = course_of(
        100_000,
        Stroke(1, 4.0, "restart", "webhook-ingest", 1.0, "SIGTERM"),
        Stroke(2, 9.0, "edge-kill", "edge", 1.0, "kill -9"),
        Stroke(3, 9.0, "kill", "photo-sync", 3.0, "kill -9"),
        Stroke(4, 9.0, "kafka-kill", "kafka", 3.0, "kill -9"),
    )

    assert witness.harmed(course) == [Window(102_000, 107_000), Window(107_000, 112_000)]


def logged(*records: logging.LogRecord) -> str:
    """As a process writes it."""
    return "".join(f"{logs._Formatter('photo-sync').format(record)}\n" for record in records)


def an_error(
    event: str, error: BaseException | None = None, logger: str = "asyncio", **extra: str
) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord(logger, logging.ERROR, "", 0, event, (), info)
    vars(record).update(extra)
    return record


def test_a_log_that_tells_of_a_bug_is_found(tmp_path: Path) -> None:
    files = [tmp_path / "photo-sync.log", tmp_path / "edge.log"]
    stopped = an_error("A consumer stopped", logger="synckit.consumer.loop", trouble="stopped by a bug")
    files[0].write_text(logged(stopped, stopped) + logged(stopped)[:-3])  # and was killed amid a line
    files[1].write_text('{"event":"A request was answered","status":200}\n')

    found = operated.nobody_met_a_bug(sampling.bugs_in([*files, tmp_path / "gone.log"]))

    assert [(one.subject, one.what) for one in found.violations] == [
        ("photo-sync.log", 'says "A consumer stopped: stopped by a bug" 2 times')
    ]
    assert operated.nobody_met_a_bug(sampling.bugs_in(files[1:])).state is State.HELD
    assert operated.nobody_met_a_bug({}).state is State.NOTHING_CHECKED


TASK = (
    "Task exception was never retrieved\nfuture: <Task finished name='Task-1' coro=<{} defined at {}:1> exception=E()>"
)
FUTURE = "Future exception was never retrieved\nfuture: <Future finished exception={}>"
PACKAGES = "/x/.venv/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    "record",
    [
        an_error(TASK.format("GroupCoordinator._do_commit_offsets()", f"{PACKAGES}/aiokafka/consumer/group.py")),
        an_error(TASK.format("PoolConnectionHolder.release()", f"{PACKAGES}/asyncpg/pool.py"), TimeoutError()),
        an_error(FUTURE.format("ProducerClosed()"), ProducerClosed()),
        an_error("Unclosed AIOKafkaConnection\nconn: <AIOKafkaConnection host=127.0.0.1 port=1>"),
    ],
)
def test_what_libraries_leave_behind_where_a_server_was_harmed_is_no_bug(
    tmp_path: Path, record: logging.LogRecord
) -> None:
    log = tmp_path / "webhook-ingest.log"
    log.write_text(logged(record))

    assert operated.nobody_met_a_bug(sampling.bugs_in([log])).state is State.HELD


@pytest.mark.parametrize(
    "record",
    [
        an_error(TASK.format("relay()", "/x/shared/synckit/outbox/relay.py"), ProducerClosed()),
        an_error(FUTURE.format("KeyError(1)"), KeyError(1)),
        an_error("A topic was made anew, and is read from its beginning", logger="synckit.consumer.continuity"),
        an_error("What runs beside the requests did not end well", ProducerClosed(), logger="synckit.drain"),
    ],
)
def test_every_other_error_of_a_process_is_a_bug(tmp_path: Path, record: logging.LogRecord) -> None:
    log = tmp_path / "photo-sync.log"
    log.write_text(logged(record))

    found = operated.nobody_met_a_bug(sampling.bugs_in([log]))

    assert [one.what for one in found.violations] == [f'says "{str(record.msg).splitlines()[0]}" 1 times']


async def test_what_a_route_and_a_loop_say_of_a_bug_is_known(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    async def fail(*_: object) -> web.Response:
        raise ZeroDivisionError

    async def stop() -> None:
        raise ZeroDivisionError

    scope = {"type": "http", "http_version": "1.0", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    with caplog.at_level(logging.ERROR):
        await web.application({"/": {"GET": fail}}, nullcontext)(scope, _receive, _send)
        async with background() as loops:
            loops.start({"relay": stop})
            await asyncio.sleep(0)
    log = tmp_path / "webhook-ingest.log"
    log.write_text(logged(*caplog.records))

    assert set(sampling.bugs_in([log])[log.name]) == {"A request failed by a bug", "A background loop failed"}


async def _receive() -> dict[str, Any]:
    return {}


async def _send(_: MutableMapping[str, Any]) -> None:
    return


def test_a_server_that_ends_after_its_healing_is_away_until_it_runs_again() -> None:
    full = Stroke(1, 4.0, "postgres-disk-full", "postgres", 3.0, "the disk of PostgreSQL full")
    course = course_of(100_000, full, Stroke(2, 10.0, "kafka-kill", "kafka", 2.0, "kill -9 of the broker"))
    course.events.append(Event(Phase.STARTED, 14.0, full.says, full))

    assert Window(108_000, 114_000) in witness.without_servers(course)


def test_a_server_whose_connections_were_forgotten_is_away_until_that_is_noticed() -> None:
    course = course_of(
        100_000,
        Stroke(1, 4.0, "disk-full", "postgres", 7.0, "the disk of PostgreSQL full"),
        Stroke(2, 6.0, "kafka-forgotten", "kafka", 0.0, "connections to the broker forgotten by a firewall"),
    )

    assert witness.without_servers(course) == [Window(104_000, 113_000)]
