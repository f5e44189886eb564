"""What an event costs, by who works at it: CPU of each process of the rig between two moments, the services' memory."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from paintbox.bench import usage
from paintbox.bench.outcomes import MEGABYTE, RSS, Figure
from paintbox.bench.rig import SERVICES, Rig

PARTS: Final[Mapping[str, str]] = {
    "doors": "webhook-ingest",
    "webhook-log": "webhook-log",
    "customer-sync": "customer-sync",
    "photo-sync": "photo-sync",
    "Kafka": "kafka",
    "PostgreSQL": "postgres",
}
"""What the page calls each process."""
LOAD: Final = "load"
ALL: Final = "all"
CORES: Final = "cores used"


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds that each part had used at a moment (seconds of `perf_counter`)."""

    at: float
    cpu_seconds: Mapping[str, float]


def read(rig: Rig) -> Reading:
    """What all of them have used by now. Raises OperatorError where one does not run."""
    used = {part: usage.family_cpu_seconds(rig.pid(name)) for part, name in PARTS.items()}
    return Reading(time.perf_counter(), used)


def forget_peaks(rig: Rig) -> None:
    """From now on `peaks` tells the most memory since now."""
    for name in SERVICES:
        usage.forget_peak(rig.pid(name))


def peaks(rig: Rig) -> Mapping[str, int]:
    """The most memory that each service had since `forget_peaks`, in bytes, by its part."""
    return {part: usage.peak_rss(rig.pid(name)) for part, name in PARTS.items() if name in SERVICES}


def memory(subject: str, found: Mapping[str, int]) -> Sequence[Figure]:
    """`peaks` as figures, a measure a part."""
    return [Figure(subject, f"{part} {RSS}", (size / MEGABYTE,)) for part, size in found.items()]


def measure(part: str) -> str:
    """The name of the figure of a part."""
    return f"{part} CPU µs"


def figures(
    subject: str, readings: tuple[Reading, Reading, Reading], load_seconds: float, events: int
) -> Sequence[Figure]:
    """CPU of an event by part, that of the load's generator too, and how many cores all of them kept busy.

    `readings` are from before the load, from its end, and from when all of its work was done: the cores are those of
    the load alone, for in what is done behind it they are mostly waited for.
    """
    before, loaded, after = readings
    used = _between(before, after) | {LOAD: load_seconds}
    while_loading = sum(_between(before, loaded).values()) + load_seconds
    used[ALL] = sum(used.values())
    return (
        *(Figure(subject, measure(part), (1e6 * seconds / events,)) for part, seconds in used.items()),
        Figure(subject, CORES, (while_loading / (loaded.at - before.at),)),
    )


def _between(one: Reading, other: Reading) -> dict[str, float]:
    return {part: seconds - one.cpu_seconds[part] for part, seconds in other.cpu_seconds.items()}
