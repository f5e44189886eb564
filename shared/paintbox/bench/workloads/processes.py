"""F: each process: seconds to ready, memory and CPU, idle and under B."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from paintbox.bench import bodies, broker, progress, usage
from paintbox.bench.changes import Organization
from paintbox.bench.figures import spread
from paintbox.bench.outcomes import MEGABYTE, Figure, Outcome, below, values_of
from paintbox.bench.rig import SERVICES, Rig
from paintbox.bench.rounds import Say, order
from paintbox.bench.sizes import Sizes
from paintbox.bench.workloads import parts
from webhook_ingest.models import Outgoing

LOG: Final = "webhook-log"

READY: Final = "ready s"
IDLE_RSS: Final = "idle RSS MB"
AFTERWARDS_RSS: Final = "idle RSS after B MB"
IDLE_CPU: Final = "idle CPU %"
BUSY_RSS: Final = "peak RSS under B MB"
BUSY_CPU: Final = "CPU under B %"
READY_GOAL: Final = 2.0
RSS_GOAL: Final = 90.0
NOTES: Final = (
    "Ready: from the start of the process to the first 200 of its /readyz, which is asked about every 50 ms.",
    "Idle: from one second after all of them are ready, before any of them has had work. After B: 25 s after all of it "
    "was done (of a quick run: 1 s). What Python's and the C library's allocators cannot give back is in there.",
    "Under B: all services run, and changes as in B come into Kafka, a tenth as many of a tenth of the contacts, until "
    "customer-sync has committed the last one. 100 % is one core. The log and photo-sync work along, the doors do not.",
)


@dataclass(slots=True)
class Seen:
    """A value a round of each measure, of one process."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def note(self, measure: str, value: float) -> None:
        """One more."""
        self.values.setdefault(measure, []).append(value)


async def measure(rig: Rig, sizes: Sizes, say: Say) -> Outcome:
    """Every process starts in each round, is idle, and then has work."""
    seen = {name: Seen() for name in SERVICES}
    organization, rounds = Organization(bodies.a_run(3), int(time.time() * 1000)), sizes.rounds
    say(f"warming up: {sizes.busy_contacts:,} contacts are taken in")
    await _start(rig, 0, {name: Seen() for name in SERVICES})
    told = await progress.announced(rig)
    await _settled(rig, await _applied(rig, list(organization.founded(sizes.busy_contacts))), told)
    await rig.stop(*SERVICES)
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}: starting")
        await _start(rig, number, seen)
        say(f"round {number} of {rounds}: idle")
        await _idle(rig, sizes.idle_seconds, seen)
        say(f"round {number} of {rounds}: under B")
        await _busy(rig, organization.changed(sizes.busy_changes), seen)
        say(f"round {number} of {rounds}: idle again")
        await _idle_again(rig, sizes.afterwards_seconds, seen)
        await rig.stop(*SERVICES)
    await broker.empty(rig.kafka, [parts.TOPIC])
    figures = [
        Figure(name, measure, tuple(values)) for name, each in seen.items() for measure, values in each.values.items()
    ]
    return Outcome(
        title="F: each process",
        figures=tuple(figures),
        goals=(
            below("every process ready in under 2 s", _worst(figures, READY), READY_GOAL),
            below("every process under 90 MB idle, once it is ready", _worst(figures, IDLE_RSS), RSS_GOAL),
        ),
        notes=NOTES,
    )


def _worst(figures: list[Figure], measure: str) -> list[float]:
    """The greatest of the processes' medians."""
    return [max(spread(values_of(figures, name, measure)).median for name in SERVICES)]


async def _start(rig: Rig, number: int, seen: Mapping[str, Seen]) -> None:
    for name in order(list(SERVICES), number):
        began = time.perf_counter()
        await rig.start(name)
        seen[name].note(READY, time.perf_counter() - began)


async def _idle(rig: Rig, seconds: float, seen: Mapping[str, Seen]) -> None:
    await asyncio.sleep(1)
    before = {name: usage.cpu_seconds(rig.pid(name)) for name in SERVICES}
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    for name in SERVICES:
        used = usage.cpu_seconds(rig.pid(name)) - before[name]
        seen[name].note(IDLE_CPU, 100 * used / (time.perf_counter() - began))
        seen[name].note(IDLE_RSS, usage.rss(rig.pid(name)) / MEGABYTE)


async def _applied(rig: Rig, records: Iterable[Outgoing]) -> parts.Segment:
    """Returns when customer-sync has applied these."""
    segment = await parts.load(rig, records)
    await progress.first_and_last(rig.kafka, parts.SERVICE, segment.begins, segment.ends, lambda: 0.0)
    return segment


async def _settled(rig: Rig, segment: parts.Segment, told: broker.Ends) -> None:
    """Returns when the others have done what they have to do with these. `told`: where what they are told began."""
    await progress.first_and_last(rig.kafka, LOG, segment.begins, segment.ends, lambda: 0.0)
    await progress.settled(rig, told)


async def _busy(rig: Rig, made: Iterable[Outgoing], seen: Mapping[str, Seen]) -> None:
    for name in SERVICES:
        usage.forget_peak(rig.pid(name))
    told = await progress.announced(rig)
    before, began = {name: usage.cpu_seconds(rig.pid(name)) for name in SERVICES}, time.perf_counter()
    segment = await _applied(rig, made)
    seconds = time.perf_counter() - began
    for name in SERVICES:
        used = usage.cpu_seconds(rig.pid(name)) - before[name]
        seen[name].note(BUSY_CPU, 100 * used / seconds)
        seen[name].note(BUSY_RSS, usage.peak_rss(rig.pid(name)) / MEGABYTE)
    await _settled(rig, segment, told)


async def _idle_again(rig: Rig, seconds: float, seen: Mapping[str, Seen]) -> None:
    await asyncio.sleep(seconds)
    for name in SERVICES:
        seen[name].note(AFTERWARDS_RSS, usage.rss(rig.pid(name)) / MEGABYTE)
