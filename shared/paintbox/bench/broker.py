"""What the bench does to Kafka beside what is measured: topics of its own, records put there, counted, removed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic, RecordsToDelete

from paintbox.brokers import administration, create_topics, outsider
from synckit import kafka
from synckit.contracts.headers import KafkaHeaders
from synckit.partitions import choose_partition

PROCESS: Final = "paintbox-bench"
Ends = Mapping[TopicPartition, int]
"""Partition → the offset that its next record gets."""
CHUNK: Final = 5_000
SETTLE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Record:
    """A record to put into a topic."""

    key: bytes
    value: bytes | None
    headers: KafkaHeaders


async def create_topic(servers: str, name: str, partitions: int) -> None:
    """A topic that keeps what it is given for a day, as large as ours are."""
    config = {
        "cleanup.policy": "delete",
        "retention.ms": "86400000",
        "max.message.bytes": str(8 * 1024 * 1024),
        "message.timestamp.type": "LogAppendTime",
    }
    async with administration(servers) as admin:
        await create_topics(admin, [NewTopic(name, partitions, 1, topic_configs=config)])


async def ends(servers: str, topics: Iterable[str]) -> Ends:
    """Where each partition of these topics ends now, transaction markers included."""
    async with administration(servers) as admin:
        described = await admin.describe_topics(list(topics))
    async with outsider(servers, client_id=PROCESS) as consumer:
        found: Ends = await consumer.end_offsets(
            [TopicPartition(one["topic"], each["partition"]) for one in described for each in one["partitions"]]
        )
    return found


async def settled(servers: str, topics: Iterable[str]) -> Ends:
    """The same, once nothing is added any more: a load that was broken off has requests under way."""
    names = list(topics)
    before, now = None, await ends(servers, names)
    while now != before:
        await asyncio.sleep(SETTLE_SECONDS)
        before, now = now, await ends(servers, names)
    return now


def count(places: Ends) -> int:
    """How many offsets lie before these ends."""
    return sum(places.values())


async def empty(servers: str, topics: Iterable[str]) -> None:
    """Removes every record of these topics, so that the disk does not fill; offsets go on."""
    found = await ends(servers, topics)
    async with administration(servers, 60) as admin:
        await admin.delete_records({place: RecordsToDelete(before_offset=end) for place, end in found.items() if end})


async def read(servers: str, since: Ends) -> AsyncIterator[Any]:
    """Every record that was committed from these offsets on until now, in the order of each partition."""
    places = list(since)
    until = await ends(servers, {place.topic for place in places})
    async with outsider(servers, client_id=PROCESS, isolation_level="read_committed") as consumer:
        consumer.assign(places)
        for place, offset in since.items():
            consumer.seek(place, offset)
        while any([await consumer.position(place) < until[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield record


def producer(servers: str) -> AIOKafkaProducer:
    """The product's own, not started."""
    return kafka.create_producer(servers, process=PROCESS)


async def fill(servers: str, topic: str, partitions: int, records: Sequence[Record]) -> None:
    """Puts the records into the topic, those of a key in their order, as fast as the client can."""
    one = producer(servers)
    await one.start()
    try:
        for some in range(0, len(records), CHUNK):
            await send_batches(one, topic, partitions, records[some : some + CHUNK])
    finally:
        await one.stop()


async def send_batches(producer: AIOKafkaProducer, topic: str, partitions: int, records: Sequence[Record]) -> None:
    """Sends the records as whole batches a partition, and returns when all are acknowledged."""
    numbers = list(range(partitions))
    groups: dict[int, list[Record]] = {}
    for record in records:
        groups.setdefault(choose_partition(record.key, numbers), []).append(record)
    sent = [
        await producer.send_batch(batch, topic, partition=partition)
        for partition, group in groups.items()
        for batch in _batches(producer, group)
    ]
    await asyncio.gather(*sent)


def _batches(producer: AIOKafkaProducer, records: Sequence[Record]) -> list[Any]:
    batches = [producer.create_batch()]
    for record in records:
        told: dict[str, Any] = {
            "timestamp": None,
            "key": record.key,
            "value": record.value,
            "headers": record.headers,
        }
        if batches[-1].append(**told) is None:
            batches.append(producer.create_batch())
            batches[-1].append(**told)
    return batches
