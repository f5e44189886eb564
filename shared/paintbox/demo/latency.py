"""How long it took: percentiles of what was measured during a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from paintbox.errors import OperatorError

KEY_SECONDS: Final = "paintbox_webhook_to_key_seconds"
ROW_SECONDS: Final = "paintbox_webhook_to_row_seconds"
MEDIAN: Final = 0.5
WORST: Final = 0.99

Buckets = Mapping[float, float]
"""A histogram: how many were measured up to each of its bounds, in seconds."""


@dataclass(frozen=True, slots=True)
class Latency:
    """The median and the 99th percentile of so many, in seconds; None where nothing was measured."""

    what: str
    measures: str
    """From what to what, in words."""
    count: int
    p50: float | None
    p99: float | None


async def read_histogram(url: str, name: str) -> Buckets:
    """A histogram of the process at this URL, all its labels together."""
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{url}/metrics")
            answer.raise_for_status()
    except httpx.HTTPError as error:
        raise OperatorError(f"No metrics at {url} ({type(error).__name__}): `paintbox status` shows why.") from error
    return parse(answer.text, name)


def parse(text: str, name: str) -> Buckets:
    """A histogram in Prometheus' text format, all its labels together; empty where it is not there yet."""
    buckets: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == f"{name}_bucket":
                bound = float(sample.labels["le"])
                buckets[bound] = buckets.get(bound, 0) + sample.value
    return buckets


def to_row(before: Buckets, after: Buckets) -> Latency:
    """What was measured between two looks at the histogram; nothing where its process began anew meanwhile."""
    measures = "from the first receipt of the newest webhook in a row, to that row's commit; of histograms"
    return _between(before, after, "webhook to row", measures)


def to_key(before: Buckets, after: Buckets) -> Latency:
    """The same of federation keys."""
    measures = "from the first receipt of the webhook that led to a key, to its row at customers; of a histogram"
    return _between(before, after, "webhook to applied key", measures)


def to_merged(measured: Mapping[str, Any]) -> Latency:
    """What `sync_logs` says of a run's events: their number, median and 99th percentile."""
    return Latency(
        what="webhook to merged or held",
        measures="from the first receipt of an event, to the end of the batch that merged it, held or not",
        count=measured["events"],
        p50=measured["p50"],
        p99=measured["p99"],
    )


def together(*histograms: Buckets) -> Buckets:
    """Histograms of several processes as one."""
    bounds = sorted({bound for histogram in histograms for bound in histogram})
    return {bound: sum(histogram.get(bound, 0) for histogram in histograms) for bound in bounds}


def _between(before: Buckets, after: Buckets, what: str, measures: str) -> Latency:
    grown = {bound: count - before.get(bound, 0) for bound, count in sorted(after.items())}
    if any(count < 0 for count in grown.values()):
        grown = {}
    count = max(grown.values(), default=0)
    return Latency(
        what=what,
        measures=measures,
        count=int(count),
        p50=_quantile(grown, count * MEDIAN),
        p99=_quantile(grown, count * WORST),
    )


def _quantile(buckets: Buckets, rank: float) -> float | None:
    """Where so many were measured, taken as evenly spread within a bucket: as Prometheus' histogram_quantile has it."""
    low, below = 0.0, 0.0
    for bound, count in buckets.items():
        if count >= rank > below:
            return low if bound == float("inf") else low + (bound - low) * (rank - below) / (count - below)
        low, below = bound, count
    return None
