"""Batches of one consumer side by side: while one waits for a database, another is worked on."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from synckit.consumer.applying import Applier, Apply
from synckit.consumer.batch import Batch, Incoming, correlation_ids
from synckit.consumer.lease import GivenUpError, Lease
from synckit.observability import metrics

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """The records that are applied or parked, and those of them that are parked."""

    records: Sequence[Incoming]
    parked: Sequence[Incoming]

    def report(self, topic: str, given: int, seconds: float) -> None:
        """Count them, and say so: of as many records as were given, in so many seconds."""
        records, parked = self.records, self.parked
        became = {"applied": len(records) - len(parked), "parked": len(parked), "abandoned": given - len(records)}
        metrics.BATCH_RECORDS.labels(topic).observe(len(records))
        metrics.BATCH_SECONDS.labels(topic).observe(seconds)
        for outcome, many in became.items():
            metrics.RECORDS.labels(topic, outcome).inc(many)
        log.info(
            "A batch was applied",
            extra={
                "topic": topic,
                "records": len(records),
                "parked": len(parked),
                "seconds": round(seconds, 4),
                "correlation_ids": correlation_ids(records),
                "parked_correlation_ids": correlation_ids(parked),
            },
        )


class Lanes:
    """So many appliers. What is handed to them has settled in each of them before more is."""

    def __init__(self, topic: str, apply: Apply, at_most: int, many: int) -> None:
        self.given_up = asyncio.Event()
        """While it is set nothing is waited for."""
        self._has_ended = False
        self._appliers = [Applier(topic, apply, self.given_up) for _ in range(many)]
        self._at_most = at_most

    def begin(self) -> None:
        """Wait for what is away again, unless they were ended."""
        if not self._has_ended:
            self.given_up.clear()

    def end(self) -> None:
        """Give up for good."""
        self._has_ended = True
        self.given_up.set()

    @property
    def trouble(self) -> str | None:
        """What one of them waits for now, in words without values."""
        return next(filter(None, (one.trouble for one in self._appliers)), None)

    @property
    def waited_seconds(self) -> float:
        """For how long a batch in hand has been tried again; 0 where none has."""
        return max(one.waited_seconds for one in self._appliers)

    async def apply(self, records: Sequence[Incoming], lease: Lease) -> Applied:
        """Returns when every batch is settled. GivenUpError where all were given up; any other error is a bug."""
        batches = [Batch(batch, lease=lease) for batch in apart(records, self._at_most, len(self._appliers))]
        results = await asyncio.gather(
            *(applier.apply(batch) for applier, batch in zip(self._appliers, batches, strict=False)),
            return_exceptions=True,
        )
        done: list[Incoming] = []
        parked: list[Incoming] = []
        for batch, result in zip(batches, results, strict=True):
            if not isinstance(result, BaseException):
                done += batch.records
                parked += result
            elif not isinstance(result, GivenUpError):
                raise result
        if not done:
            raise GivenUpError
        return Applied(done, parked)


def apart(records: Sequence[Incoming], at_most: int, lanes: int) -> list[list[Incoming]]:
    """The records in batches that may be applied side by side: each partition's in one of them, in its order.

    One batch, where it has no more records than that: a second one costs as many questions to the databases again.
    """
    if len(records) <= at_most or lanes == 1:
        return [list(records)]
    partitions: dict[tuple[str, int], list[Incoming]] = defaultdict(list)
    for record in records:
        partitions[record.topic, record.partition].append(record)
    batches: list[list[Incoming]] = [[] for _ in range(min(lanes, len(partitions)))]
    for part in sorted(partitions.values(), key=len, reverse=True):
        min(batches, key=len).extend(part)
    return batches
