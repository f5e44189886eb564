"""Rows of an outbox as Kafka takes them: encoded once, while the relay waits for something else anyway."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from synckit.contracts.headers import KafkaHeaders, to_kafka
from synckit.partitions import place
from synckit.postgres import Row

Spot = tuple[str, int]
"""A topic and a partition of it."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row, encoded."""

    seq: int
    topic: str
    key: bytes
    place: int
    """What its partition follows from."""
    value: bytes | None
    headers: KafkaHeaders
    size: int
    """Bytes of headers and value."""


def encoded(rows: Iterable[Row]) -> list[Record]:
    """The rows in their order."""
    return [_encoded(*row) for row in rows]


def _encoded(seq: int, topic: str, key: str, headers: str, value: bytes | None) -> Record:
    name = key.encode()
    size = len(headers) + len(value or b"")
    return Record(seq, topic, name, place(name), value, to_kafka(orjson.loads(headers)), size)


def by_partition(records: Iterable[Record], partitions: Mapping[str, Sequence[int]]) -> dict[Spot, list[Record]]:
    """The records of each partition, and so of each key, in the order given."""
    found: dict[Spot, list[Record]] = defaultdict(list)
    for one in records:
        there = partitions[one.topic]
        found[one.topic, there[one.place % len(there)]].append(one)
    return found


def batches(producer: AIOKafkaProducer, records: Iterable[Record]) -> list[Any]:
    """The records as batches of the producer's size, in order."""
    found = [producer.create_batch()]
    for one in records:
        if not _takes(found[-1], one):
            found.append(producer.create_batch())
            if not _takes(found[-1], one):
                raise ValueError("a record does not fit an empty batch")
    return found


def _takes(batch: Any, one: Record) -> bool:
    return batch.append(timestamp=None, key=one.key, value=one.value, headers=one.headers) is not None
