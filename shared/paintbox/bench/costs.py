"""What an event costs, by who works at it: CPU of every process of the rig between two moments."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from paintbox.bench import usage
from paintbox.bench.outcomes import Figure
from paintbox.bench.rig import Rig

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


def measure(part: str) -> str:
    """The name of the figure of a part."""
    return f"{part} CPU µs"


def figures(subject: str, readings: tuple[Reading, Reading], load_seconds: float, events: int) -> Sequence[Figure]:
    """CPU of an event by part, that of the load's generator too, and how many cores all of them kept busy."""
    before, after = readings
    used = {part: seconds - before.cpu_seconds[part] for part, seconds in after.cpu_seconds.items()}
    used[LOAD] = load_seconds
    whole = sum(used.values())
    return (
        *(Figure(subject, measure(part), (1e6 * seconds / events,)) for part, seconds in {**used, ALL: whole}.items()),
        Figure(subject, CORES, (whole / (after.at - before.at),)),
    )
