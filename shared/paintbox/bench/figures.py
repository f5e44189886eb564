"""Plain statistics of a few measurements: no clock, no I/O."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several measurements of one thing, and how far they lie apart."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the values, which rise, that at least this share of them do not exceed (nearest rank)."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def paired(ones: Sequence[float], others: Sequence[float]) -> tuple[float, ...]:
    """Round by round, one subject's value over another's: what a noisy neighbour did to a round, it did to both."""
    return tuple(one / other for one, other in zip(ones, others, strict=True) if other)
