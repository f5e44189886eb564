"""Records in and out of a topic, by plain clients."""

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.protocol.group import LeaveGroupRequest

from paintbox.brokers import administration, configure_topic, find_committed, find_topics
from support.waiting import until


async def produce(
    servers: str, topic: str, values: Iterable[bytes | None], key: bytes = b"key", compression_type: str | None = None
) -> None:
    """Send values under one key, in order."""
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", compression_type=compression_type) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, key)


async def produce_in_transaction(servers: str, topic: str, values: Iterable[bytes]) -> None:
    """Send values in one transaction, which leaves its marker behind them."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=topic)
    async with producer, producer.transaction():
        for value in values:
            await producer.send_and_wait(topic, value, b"key")


async def read_all(servers: str, topic: str) -> list[Any]:
    """Every committed record of a topic, from its beginning to its present end.

    Its end is that of all records: a transaction is answered before readers of what is committed see it.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic, number)
            for number in consumer.partitions_for_topic(topic) or await _wait(consumer, topic)
        ]
        consumer.assign(partitions)
        async with AIOKafkaConsumer(bootstrap_servers=servers) as every:
            ends = await every.end_offsets(partitions)
        records: list[Any] = []
        while any([await consumer.position(at) < ends[at] for at in partitions]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records.extend(batch)
        return records
    finally:
        await consumer.stop()


async def _wait(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    partitions: set[int] = await consumer._client._wait_on_metadata(topic)
    return partitions


async def committed(servers: str, group: str) -> dict[tuple[str, int], int]:
    """The committed offsets of a group, by topic and partition."""
    async with administration(servers) as admin:
        found = await find_committed(admin, [group])
    return {(at.topic, at.partition): offset for at, offset in found[group].items()}


async def members_of(servers: str, group: str) -> int:
    """How many members a group has now."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
        ((_, _, _, _, _, members, *_),) = answer.groups
        return len(members)
    except GroupCoordinatorNotAvailableError:  # of a broker on which no group ever was
        return 0
    finally:
        await admin.close()


async def miss_members(servers: str, group: str) -> None:
    """Says to Kafka at once what it would find out by itself after a session: that the members of a group are dead."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        coordinator = await admin.find_coordinator(group)
        (answer,) = await admin.describe_consumer_groups([group], coordinator)
        ((_, _, _, _, _, members, *_),) = answer.groups
        for member_id, *_ in members:
            await admin._send_request(LeaveGroupRequest(group, member_id), coordinator)
    finally:
        await admin.close()


async def configure(servers: str, topic: str, settings: dict[str, str]) -> None:
    """Sets these settings of a topic, and returns when the broker goes by them."""
    async with administration(servers) as admin:
        await configure_topic(admin, (await find_topics(admin, [topic]))[topic], settings)

        async def is_seen() -> bool:
            return (await find_topics(admin, [topic]))[topic].config.items() >= settings.items()

        await until(is_seen)


async def lag(servers: str, group: str, topic: str) -> int:
    """How many offsets of a topic a group has not committed."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in await _wait(consumer, topic)]
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
    finally:
        await consumer.stop()
    done = await committed(servers, group)
    return sum(end - max(done.get((at.topic, at.partition), 0), begins[at]) for at, end in ends.items())


async def set_back(servers: str, group: str, topic: str) -> bool:
    """Sets a group's offsets to the first records there are; False while it has members, whom that would not reach."""
    if await members_of(servers, group):
        return False
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in await _wait(consumer, topic)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.beginning_offsets(partitions))
    finally:
        await consumer.stop()
    return True
