"""What a relay sends at once: rows of an outbox, encoded for Kafka and put together by partition."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from synckit.contracts.headers import to_kafka
from synckit.outbox.store import LARGEST_VALUE
from synckit.partitions import choose_partitions
from synckit.portions import Portion
from synckit.postgres import Row

Spot = tuple[str, int]
"""A topic and a partition of it."""


@dataclass(frozen=True, slots=True)
class Round:
    """Rows that Kafka is to have, in a transaction, before the rows behind them."""

    seqs: Sequence[int] = ()
    sizes: Sequence[int] = ()
    """Bytes of each row."""
    batches: Sequence[tuple[Spot, Any]] = ()
    """Per partition, and so per key, in the order of the rows."""
    large: Sequence[int] = ()
    """The rows that Kafka would not take."""
    is_whole: bool = False
    """Whether as many rows as may be sent at once were there: more may wait behind them."""

    @property
    def is_empty(self) -> bool:
        """Whether there was no row."""
        return not self.seqs and not self.large


def made_of(
    rows: Sequence[Row], portion: Portion, producer: AIOKafkaProducer, partitions: Mapping[str, Sequence[int]]
) -> Round:
    """As many of these rows as fit the portion."""
    sizes = [_size(row) for row in rows]
    fitting = list(zip(rows, sizes, strict=True))[: portion.fits(sizes)]
    taken = [(row, size) for row, size in fitting if not _is_large(row)]
    return Round(
        seqs=[row["seq"] for row, _ in taken],
        sizes=[size for _, size in taken],
        batches=_batches([row for row, _ in taken], producer, partitions),
        large=[row["seq"] for row, _ in fitting if _is_large(row)],
        is_whole=portion.is_filled_by(sizes),
    )


def _is_large(row: Row) -> bool:
    return len(row["value"] or b"") > LARGEST_VALUE


def _size(row: Row) -> int:
    return len(row["headers"]) + len(row["value"] or b"")


def _batches(
    rows: Sequence[Row], producer: AIOKafkaProducer, partitions: Mapping[str, Sequence[int]]
) -> list[tuple[Spot, Any]]:
    """The rows as record batches of the producer's size."""
    last: dict[Spot, Any] = {}
    found: list[tuple[Spot, Any]] = []
    for row, key, spot in _spots(rows, partitions):
        record = {"key": key, "value": row["value"], "headers": to_kafka(orjson.loads(row["headers"]))}
        if spot in last and _takes(last[spot], record):
            continue
        last[spot] = producer.create_batch()
        found.append((spot, last[spot]))
        if not _takes(last[spot], record):
            raise ValueError("a record does not fit an empty batch")
    return found


def _spots(rows: Sequence[Row], partitions: Mapping[str, Sequence[int]]) -> Iterator[tuple[Row, bytes, Spot]]:
    """Each row in its order, its key, and where it belongs."""
    keys = [row["key"].encode() for row in rows]
    by_topic = defaultdict[str, list[bytes]](list)
    for row, key in zip(rows, keys, strict=True):
        by_topic[row["topic"]].append(key)
    chosen = {topic: iter(choose_partitions(its, partitions[topic])) for topic, its in by_topic.items()}
    for row, key in zip(rows, keys, strict=True):
        topic = row["topic"]
        yield row, key, (topic, next(chosen[topic]))


def _takes(batch: Any, record: Mapping[str, Any]) -> bool:
    return batch.append(timestamp=None, **record) is not None
