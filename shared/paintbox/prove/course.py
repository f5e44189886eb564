"""A proof from its first record to its report: traffic and nemesis together, then quiet, then every check."""

import asyncio
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from paintbox.errors import OperatorError
from paintbox.prove import evidence, judge, leaks, ledger, quiet, sampling, trace, traffic, witness
from paintbox.prove.checks import answered, operated, secret, truth
from paintbox.prove.checks.secret import Canary, Sighting
from paintbox.prove.display import Display
from paintbox.prove.evidence import Evidence
from paintbox.prove.leaks import Content
from paintbox.prove.nemesis import FAILURES, Event, Nemesis, Phase
from paintbox.prove.quiet import Rest
from paintbox.prove.report import Proof
from paintbox.prove.rig import Rig
from paintbox.prove.trace import Story
from paintbox.prove.traffic import Plan
from paintbox.prove.verdicts import State, Verdict
from paintbox.prove.witness import Course
from paintbox.world import steering
from paintbox.world.steering import RefusedError

QUIET_SECONDS: Final = 120.0
"""How long the rest may take after the last recovery."""
LOGGED_SECONDS: Final = 20.0
"""How long the bad requests that are set aside may take into the webhook log."""
MOST_STORIES: Final = 3
LEFT_OUT: Final = "left out: it holds what must not be seen"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be proven: for how long, with which seed, against which kinds of faults (None: all)."""

    seed: int
    minutes: float
    kinds: Sequence[str] | None = None


async def run(rig: Rig, order: Order, display: Display) -> Proof:
    """Runs the proof on a rig that is up. Whatever ends it early is in the report, beside all that was seen."""
    started, ended_early = time.monotonic(), None
    course = Course()
    planned = traffic.plan(order.seed, order.minutes, int(time.time() * 1000))
    nemesis = rig.nemesis(order.seed, order.minutes, order.kinds)
    try:
        await _judge(rig, order, course, planned, nemesis, display)
    except Exception as error:  # noqa: BLE001 - a bug of a check, too, takes nothing of what was found before it
        ended_early = _told(error)
    verdicts = list(course.verdicts)
    try:
        verdicts.extend(_seen(rig, course))
    except Exception as error:  # noqa: BLE001 - as above
        ended_early = ended_early or _told(error)
    proof = Proof(
        seed=order.seed,
        minutes=order.minutes,
        seconds=time.monotonic() - started,
        through="the edge (nginx)" if rig.edge else "the doors themselves: nginx is not installed",
        counted=_counted(course),
        struck=witness.struck(course.events),
        died=[event.says for event in course.events if event.phase is Phase.DIED],
        skipped=list(rig.skipped),
        verdicts=verdicts,
        stories=[await _story(rig, subject) for subject in _subjects(verdicts)],
        logs=str(rig.stack.places.logs),
        ended_early=ended_early,
    )
    return _without_leaks(rig, proof, planned)


def _told(error: Exception) -> str:
    """What an operator can do something about as it is; of a bug also where it was met, the innermost place first."""
    first = _first(error)
    if isinstance(first, FAILURES):
        return str(first) or type(first).__name__
    frames = reversed(traceback.extract_tb(first.__traceback__))
    places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return f"{type(first).__name__}: {first} ({places})"


async def _judge(rig: Rig, order: Order, course: Course, planned: Plan, nemesis: Nemesis, display: Display) -> None:
    """Harms, waits, reads, compares. Raises one of FAILURES where a simulator or a server does not come back.

    Each verdict is kept as soon as it is there. A bug of the sampler is raised when all others are.
    """
    sampler = asyncio.create_task(sampling.sample(rig.processes, rig.superuser_dsn, course.samples))
    try:
        rest = await _run_to_rest(rig, order, course, planned, nemesis, display)
    finally:
        sampler.cancel()
    display.say("balancing the ledger")
    await sampling.last_look(rig.superuser_dsn, course.samples)
    course.found = found = await evidence.read(rig.environment)
    course.verdicts.append(operated.everything_came_to_rest(rest.lacks, rest.seconds, QUIET_SECONDS))
    course.verdicts.extend(judge.verdicts(found))
    course.verdicts.extend(_answered(found, course))
    course.verdicts.append(await _leaks(rig, planned))
    with suppress(asyncio.CancelledError):
        await sampler


def _answered(found: Evidence, course: Course) -> list[Verdict]:
    deliveries, frozen, dead = found.vendors.deliveries, witness.frozen(course), witness.dead(course)
    without_servers = witness.without_servers(course)
    return [
        operated.answers_were_in_time(deliveries, frozen, dead, without_servers),
        answered.answers_were_right(deliveries, witness.harmed(course), without_servers, witness.astray(course)),
    ]


async def _run_to_rest(
    rig: Rig, order: Order, course: Course, planned: Plan, nemesis: Nemesis, display: Display
) -> Rest:
    watcher = asyncio.create_task(display.watch(rig.environment))
    try:
        await _harm(rig, order, course, planned, nemesis, display)
        display.say("healed; waiting until nothing moves any more")
        return await quiet.until_rest(rig.environment, QUIET_SECONDS, display.lacks)
    finally:
        watcher.cancel()
        for ended in await asyncio.gather(watcher, return_exceptions=True):
            if isinstance(ended, Exception):
                display.say(f"what is shown is no longer counted: {_told(ended)}", "yellow")


async def _harm(rig: Rig, order: Order, course: Course, planned: Plan, nemesis: Nemesis, display: Display) -> None:
    def on_event(event: Event) -> None:
        course.events.append(event)
        display.event(event)

    def done(failure: OperatorError | None) -> None:
        if failure is None:
            course.acts += 1
        else:
            display.say(f"a change failed: {failure}", "yellow")
            if isinstance(failure, RefusedError):
                course.refused.append(str(failure))
            else:
                course.unanswered += 1
        display.acts(course.acts, len(planned.acts))

    nemesis.on_event = on_event
    display.say(
        f"seed {order.seed}: {len(planned.acts):,} changes and {len(nemesis.plan)} faults in {order.minutes:g} min"
    )
    try:
        async with steering.connected(rig.environment) as simulators, asyncio.TaskGroup() as group:
            course.began_ms = int(time.time() * 1000)
            group.create_task(nemesis.run())
            group.create_task(traffic.drive(simulators, planned, order.seed, done))
    except ExceptionGroup as errors:
        foreseen = errors.subgroup(FAILURES)
        raise _first(foreseen) if foreseen else errors from None


def _first(errors: BaseException) -> BaseException:
    """The first error of a group, however deep it lies."""
    return _first(errors.exceptions[0]) if isinstance(errors, BaseExceptionGroup) else errors


def _counted(course: Course) -> dict[str, int]:
    found = course.found
    deliveries = found.vendors.deliveries if found else []
    struck = witness.struck(course.events)
    return {
        "changes at the vendors": course.acts,
        "changes without an answer": course.unanswered,
        "deliveries": len(deliveries),
        "tries of deliveries": sum(len(one.attempts) for one in deliveries),
        "events answered 2xx": len(ledger.answered(deliveries)),
        "records of changes published": len(found.changes) if found else 0,
        "faults": len(struck),
        "kinds of faults": len({one.stroke.kind for one in struck}),
    }


def _seen(rig: Rig, course: Course) -> Iterator[Verdict]:
    """What was seen while it ran, for which nothing needs to be read afterwards."""
    logs, samples = rig.stack.places.logs, course.samples
    counted = {"pg_stat_database": samples.deadlocks, "its log": sampling.deadlocks_in(logs.glob("postgres.log*"))}
    services = {handle.name for handle in rig.services}
    yield truth.every_change_was_made(course.acts, course.refused, course.unanswered)
    yield operated.every_fault_was_recovered_from(witness.recoveries(course.events))
    yield operated.nobody_died(len(rig.processes), witness.deaths(course.events))
    yield operated.nobody_met_a_bug(sampling.bugs_in(logs.glob("*")))
    yield operated.whoever_was_asked_ended(rig.endings, asked=witness.asked_to_end(course.events))
    yield operated.there_were_no_deadlocks(counted)
    yield operated.processes_were_bounded(services, [one for one in samples.of_processes if one.process in services])
    yield operated.sessions_were_bounded(samples.sessions)


def _canaries(rig: Rig, planned: Plan) -> list[Canary]:
    return [*leaks.secrets_of(rig.environment), *planned.canaries]


async def _leaks(rig: Rig, planned: Plan) -> Verdict:
    """Sends bad requests, so whatever holds what is set aside has to be read before; their own traces are searched."""
    canaries, contents = _canaries(rig, planned), list[Content]()
    try:
        contents.append(await leaks.answers(rig.environment, rig.door_urls, canaries))
        rest = await quiet.until_rest(rig.environment, LOGGED_SECONDS, lambda _: None)
        contents.append({"what became of the bad requests": None} if rest.lacks else {})
        contents.append(await leaks.metrics(rig.urls))
        contents.append(leaks.logs(rig.stack.places.logs))
        contents.append(await leaks.reasons(rig.environment))
        contents.append(await leaks.story(rig.environment, planned.traced))
    except FAILURES as error:
        contents.append({_told(error): None})
    return secret.nothing_leaked(*leaks.search(canaries, contents), len(canaries))


def _without_leaks(rig: Rig, proof: Proof, planned: Plan) -> Proof:
    """The report must not leak either: what it shows is searched before it is shown, and left out where it would."""
    canaries = _canaries(rig, planned)

    def seen_in(part: object) -> list[Sighting]:
        return secret.sightings(canaries, "this report", repr(part).encode())

    found = secret.nothing_leaked({"this report": len(repr(proof).encode())}, seen_in(proof), len(canaries))
    verdicts = [replace(one, violations=(), note=LEFT_OUT) if seen_in(one) else one for one in proof.verdicts]
    return replace(
        proof,
        verdicts=[*verdicts, replace(found, claim="nothing of it in this report")],
        died=[LEFT_OUT if seen_in(one) else one for one in proof.died],
        stories=[one for one in proof.stories if not seen_in(one)],
        ended_early=LEFT_OUT if seen_in(proof.ended_early) else proof.ended_early,
    )


def _subjects(verdicts: Sequence[Verdict]) -> list[str]:
    """Of the first few violations whose subject somebody could have seen."""
    subjects = dict.fromkeys(
        violation.subject
        for verdict in verdicts
        if verdict.state is State.VIOLATED
        for violation in verdict.violations
        if _is_told_of(violation.subject)
    )
    return list(subjects)[:MOST_STORIES]


async def _story(rig: Rig, subject: str) -> Story:
    try:
        return await trace.tell(rig.environment, subject)
    except Exception as error:  # noqa: BLE001 - a violation is told, whatever becomes of its story
        return Story(subject, (), (), _told(error))


def _is_told_of(subject: str) -> bool:
    try:
        return bool(UUID(subject))
    except ValueError:
        return subject.isalnum() and any(character.isdigit() for character in subject)
