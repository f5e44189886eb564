"""A batch of Kafka records, and which of them can never work."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar
from uuid import UUID

from aiokafka import TopicPartition

from synckit.consumer.lease import Lease
from synckit.contracts.compacted import KafkaRecord
from synckit.errors import PoisonError

MOST_CORRELATION_IDS: Final = 5


class Incoming(KafkaRecord, Protocol):
    """A Kafka record as the client gives it: bytes, nothing decoded; and where it stood."""

    @property
    def topic(self) -> str:
        """Its topic's name."""

    @property
    def partition(self) -> int:
        """The partition's number."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """When it came there, in milliseconds since 1970: of a webhook by the broker's clock."""


Given = TypeVar("Given")
Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True)
class Batch:
    """What a consumer applies at once, in the order of the topic's partitions."""

    records: Sequence[Incoming]
    condemned: dict[int, PoisonError] = field(default_factory=dict)
    """Position in `records` → why it can never work. To be parked with the batch's other effects, and not applied."""
    lease: Lease = field(default_factory=Lease, compare=False)
    """Whether it is still the consumer's. A batch that comes from no consumer always is."""

    @property
    def living(self) -> list[int]:
        """The positions of the records that are to be applied."""
        return [at for at in range(len(self.records)) if at not in self.condemned]

    @property
    def size(self) -> int:
        """Bytes of the values of the living records."""
        return sum(len(self.records[at].value or b"") for at in self.living)

    @property
    def parked(self) -> list[tuple[Incoming, PoisonError]]:
        """The condemned records with their reasons."""
        return [(self.records[at], error) for at, error in sorted(self.condemned.items())]

    def decode(self, decoder: Callable[[Incoming], Decoded]) -> dict[int, Decoded]:
        """What the decoder makes of each living record, by position; those that it cannot decode are condemned."""
        return self.refine({at: self.records[at] for at in self.living}, decoder)

    def refine(self, given: Mapping[int, Given], step: Callable[[Given], Decoded]) -> dict[int, Decoded]:
        """One more step on the way, for those that are still living."""
        refined = {}
        for at, value in given.items():
            if at in self.condemned:
                continue
            try:
                refined[at] = step(value)
            except PoisonError as error:
                self.condemned[at] = error
        return refined

    def halves(self) -> tuple["Batch", "Batch"]:
        """The batch in two, each with about half of the living records."""
        middle = self.living[len(self.living) // 2]
        return self._part(0, middle), self._part(middle, len(self.records))

    def _part(self, start: int, end: int) -> "Batch":
        condemned = {at - start: error for at, error in self.condemned.items() if start <= at < end}
        return Batch(self.records[start:end], condemned, self.lease)


def correlation_ids(records: Sequence[Incoming]) -> list[str]:
    """Of the first few records: what leads from a log's line to `sync_logs.correlation_id`."""
    found: list[str] = []
    for record in records[:MOST_CORRELATION_IDS]:
        with suppress(ValueError):
            found.append(str(UUID((dict(record.headers).get("ce_correlationid") or b"").decode())))
    return list(dict.fromkeys(found))


def offsets_before(records: Sequence[Incoming]) -> dict[TopicPartition, int]:
    """For each partition of the batch, the offset of its first record."""
    found: dict[TopicPartition, int] = {}
    for record in records:
        at = TopicPartition(record.topic, record.partition)
        found[at] = min(found.get(at, record.offset), record.offset)
    return found


def offsets_after(records: Sequence[Incoming]) -> dict[TopicPartition, int]:
    """For each partition of the batch, the offset after its last record."""
    found: dict[TopicPartition, int] = {}
    for record in records:
        at = TopicPartition(record.topic, record.partition)
        found[at] = max(found.get(at, 0), record.offset + 1)
    return found
