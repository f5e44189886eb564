"""A proof from its first record to its report: traffic and nemesis together, then quiet, then every check."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from paintbox.errors import OperatorError
from paintbox.prove import evidence, judge, leaks, ledger, quiet, sampling, trace, traffic
from paintbox.prove.checks import operated, secret
from paintbox.prove.checks.operated import Recovery, Window
from paintbox.prove.checks.secret import Canary
from paintbox.prove.display import Display
from paintbox.prove.evidence import Evidence
from paintbox.prove.nemesis import Event, Nemesis, Phase
from paintbox.prove.quiet import Rest
from paintbox.prove.report import Proof, Struck
from paintbox.prove.rig import Rig
from paintbox.prove.sampling import Samples
from paintbox.prove.trace import Story
from paintbox.prove.traffic import Plan
from paintbox.prove.verdicts import State, Verdict
from paintbox.stack.environments import URLS
from paintbox.world import steering

QUIET_SECONDS: Final = 120.0
"""How long the rest may take after the last recovery."""
MOST_STORIES: Final = 3
DOORS: Final = ("webhook-ingest", "edge")
AFTERWARDS_MS: Final = 2_000
"""For how long after a door was frozen its answers may still be late."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be proven: for how long, with which seed, against which kinds of faults (None: all)."""

    seed: int
    minutes: float
    kinds: Sequence[str] | None = None


@dataclass(slots=True)
class Course:
    """What happened so far."""

    began_ms: int
    events: list[Event] = field(default_factory=list)
    samples: Samples = field(default_factory=Samples)
    acts: int = 0


async def run(rig: Rig, order: Order, display: Display) -> Proof:
    """Runs the proof on a rig that is up. Raises OperatorError where a simulator or a server does not come back."""
    started = time.monotonic()
    course = Course(int(time.time() * 1000))
    planned = traffic.plan(order.seed, order.minutes, course.began_ms)
    nemesis = rig.nemesis(order.seed, order.minutes, order.kinds)
    sampler = asyncio.create_task(sampling.sample(rig.processes, rig.superuser_dsn, course.samples))
    watcher = asyncio.create_task(display.watch(rig.environment))
    try:
        await _harm(rig, order, course, planned, nemesis, display)
        display.say("healed; waiting until nothing moves any more")
        rest = await quiet.until_rest(rig.environment, QUIET_SECONDS, display.lacks)
    finally:
        for task in (sampler, watcher):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    display.say("balancing the ledger")
    await sampling.last_look(rig.superuser_dsn, course.samples)
    found = await evidence.read(rig.environment)
    verdicts = [*judge.verdicts(found), *await _operated(rig, course, found, planned, rest)]
    proof = Proof(
        seed=order.seed,
        minutes=order.minutes,
        seconds=time.monotonic() - started,
        through="the edge (nginx)" if rig.edge else "the doors themselves: nginx is not installed",
        counted=_counted(course, found),
        struck=_struck(course.events),
        died=[event.says for event in course.events if event.phase is Phase.DIED],
        skipped=list(rig.skipped),
        verdicts=verdicts,
        stories=await _stories(rig, verdicts),
        logs=str(rig.stack.places.logs),
    )
    return await _without_leaks(rig, proof, planned)


async def _harm(rig: Rig, order: Order, course: Course, planned: Plan, nemesis: Nemesis, display: Display) -> None:
    def on_event(event: Event) -> None:
        course.events.append(event)
        display.event(event)

    def done() -> None:
        course.acts += 1
        display.acts(course.acts, len(planned.acts))

    nemesis.on_event = on_event
    display.say(
        f"seed {order.seed}: {len(planned.acts):,} changes and {len(nemesis.plan)} faults in {order.minutes:g} min"
    )
    try:
        async with steering.connected(rig.environment) as simulators, asyncio.TaskGroup() as group:
            group.create_task(nemesis.run())
            group.create_task(traffic.drive(simulators, planned, order.seed, done))
    except ExceptionGroup as errors:
        foreseen = errors.subgroup(OperatorError)
        raise _first(foreseen) if foreseen else errors from None


def _first(errors: BaseException) -> BaseException:
    """The first error of a group, however deep it lies."""
    return _first(errors.exceptions[0]) if isinstance(errors, BaseExceptionGroup) else errors


def _struck(events: Sequence[Event]) -> list[Struck]:
    """Each fault once, with the last that was seen of it."""
    found: dict[int, Struck] = {}
    for event in events:
        if event.stroke is not None:
            found[event.stroke.number] = Struck(event.stroke, event.phase.value, event.seconds, event.waited)
    return list(found.values())


def _counted(course: Course, found: Evidence) -> dict[str, int]:
    deliveries = found.vendors.deliveries
    return {
        "changes at the vendors": course.acts,
        "deliveries": len(deliveries),
        "tries of deliveries": sum(len(one.attempts) for one in deliveries),
        "events answered 2xx": len(ledger.answered(deliveries)),
        "records of changes published": len(found.changes),
        "faults": len(_struck(course.events)),
        "kinds of faults": len({one.stroke.kind for one in _struck(course.events)}),
    }


async def _operated(rig: Rig, course: Course, found: Evidence, planned: Plan, rest: Rest) -> list[Verdict]:
    logs = rig.stack.places.logs
    counted = {"pg_stat_database": course.samples.deadlocks, **sampling.deadlocks_in([logs / "postgres.log"])}
    return [
        operated.everything_came_to_rest(rest.lacks, rest.seconds, QUIET_SECONDS),
        operated.every_fault_was_recovered_from(_recoveries(course.events)),
        operated.answers_were_in_time(found.vendors.deliveries, _frozen(course)),
        operated.there_were_no_deadlocks(counted),
        operated.resources_were_bounded(
            [one for one in course.samples.of_processes if one.process in {handle.name for handle in rig.services}],
            course.samples.sessions,
        ),
        await _leaks(rig, planned),
    ]


def _recoveries(events: Sequence[Event]) -> list[Recovery]:
    return [
        Recovery(one.stroke.kind, one.stroke.target, one.recovery_seconds if one.outcome == Phase.RECOVERED else None)
        for one in _struck(events)
    ]


def _frozen(course: Course) -> list[Window]:
    """When a door, or what stands before it, was frozen: it can answer nothing then."""
    begun = {event.stroke.number: event for event in course.events if event.stroke and event.phase is Phase.BEGUN}
    windows = []
    for event in course.events:
        stroke = event.stroke
        if stroke is None or event.phase is not Phase.HEALED or not stroke.kind.startswith("freeze"):
            continue
        if stroke.target.startswith(DOORS):
            start = course.began_ms + int(begun[stroke.number].at * 1000)
            windows.append(Window(start - AFTERWARDS_MS, course.began_ms + int(event.at * 1000) + AFTERWARDS_MS))
    return windows


def _canaries(rig: Rig, planned: Plan) -> list[Canary]:
    return [*leaks.secrets_of(rig.environment), *planned.canaries]


async def _leaks(rig: Rig, planned: Plan) -> Verdict:
    canaries = _canaries(rig, planned)
    urls = {name: rig.environment[URLS[name]] for name in URLS if name in rig.processes}
    contents = [
        leaks.logs(rig.stack.places.logs),
        await leaks.answers(urls, rig.door_urls, canaries),
        await leaks.reasons(rig.environment),
    ]
    return secret.nothing_leaked(*leaks.search(canaries, contents), len(canaries))


async def _without_leaks(rig: Rig, proof: Proof, planned: Plan) -> Proof:
    """The report must not leak either: what it shows is searched before it is shown."""
    shown = repr(proof).encode()
    canaries = _canaries(rig, planned)
    found = secret.nothing_leaked(
        {"this report": len(shown)}, secret.sightings(canaries, "this report", shown), len(canaries)
    )
    return replace(proof, verdicts=[*proof.verdicts, replace(found, claim="nothing of it in this report")])


async def _stories(rig: Rig, verdicts: Sequence[Verdict]) -> list[Story]:
    """Of the first few violations whose subject somebody could have seen."""
    subjects = dict.fromkeys(
        violation.subject
        for verdict in verdicts
        if verdict.state is State.VIOLATED
        for violation in verdict.violations
        if _is_told_of(violation.subject)
    )
    return [await trace.tell(rig.environment, subject) for subject in list(subjects)[:MOST_STORIES]]


def _is_told_of(subject: str) -> bool:
    try:
        return bool(UUID(subject))
    except ValueError:
        return subject.isalnum() and any(character.isdigit() for character in subject)
