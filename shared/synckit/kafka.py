"""How every process talks to Kafka: one way to make a producer and to be rid of it, one to make topics."""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    RecordTooLargeError,
)

import synckit.connections
import synckit.sending  # noqa: F401 - both mend what aiokafka has
from synckit.contracts.topics import MAX_MESSAGE_BYTES, Topic
from synckit.errors import TransientError
from synckit.observability.health import Check
from synckit.partitions import choose_partition
from synckit.settings import ProcessSettings
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

NO_BROKER: Final = "no broker answers"
FEW_IN_SYNC: Final = "too few copies are in sync to take a record"
MIN_INSYNC: Final = "min.insync.replicas"
BATCH_BYTES: Final = 1024 * 1024
"""Above 16 KiB the producer's accumulator no longer wakes all waiters at each drain (measured: 6 times the rate)."""

REACH_SECONDS: Final = 3.0
REQUEST_MS: Final = 40_000
"""How long a record waits for its broker before the producer gives it up. Callers bound their own waits."""
DROP_SECONDS: Final = 5.0
STEP_SECONDS: Final = 2.0
"""For each part of a consumer that is dropped; one of them asks Kafka to let it leave its group."""
CLOSE_SECONDS: Final = 0.2
CANCEL_SECONDS: Final = 0.05
METADATA_MS: Final = 10_000
"""How soon a partition that was added is written to and read. By default it would be five minutes, while a process that
starts later writes to it at once."""
TRANSACTION_MS: Final = 15_000
"""After this long the broker aborts what a dead relay left open, so readers never wait longer."""
TRANSACTION_REQUEST_MS: Final = TRANSACTION_MS - 5_000
"""A record is given up sooner than its transaction."""


REFUSALS: Final = (
    CorruptRecordException,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)


def create_producer(servers: str, *, process: str) -> AIOKafkaProducer:
    """An idempotent producer that counts a record as sent when every in-sync replica has it. Not started."""
    return AIOKafkaProducer(
        bootstrap_servers=servers,
        client_id=process,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
        request_timeout_ms=REQUEST_MS,
        metadata_max_age_ms=METADATA_MS,
        partitioner=choose_partition,
    )


def create_transactional_producer(servers: str, *, process: str, transactional_id: str) -> AIOKafkaProducer:
    """A producer whose start fences every earlier one of its id and aborts what those left open. Not started.

    It gives up a record sooner than its transaction: whoever uses it drops it after any failure.
    """
    return AIOKafkaProducer(
        bootstrap_servers=servers,
        client_id=process,
        acks="all",
        max_batch_size=BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
        request_timeout_ms=TRANSACTION_REQUEST_MS,
        metadata_max_age_ms=METADATA_MS,
        transactional_id=transactional_id,
        transaction_timeout_ms=TRANSACTION_MS,
    )


async def drop(producer: AIOKafkaProducer) -> None:
    """End a producer that is never used again, whatever Kafka does; who waits for a record of it gets an error.

    `stop` alone sends first what is waiting, for as long as that takes, and what is cancelled meanwhile runs for ever.
    Nothing waits for a connection to close: that of a frozen broker does not while anything is to be written to it.
    """
    sender = producer._sender  # noqa: SLF001 - aiokafka 0.14 has no other way to give up
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001 - as above
    closing = asyncio.create_task(producer.client.close())
    try:
        async with asyncio.timeout(DROP_SECONDS):
            await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
            if sender.sender_task is not None:
                await _end_sending(sender)
            with strays_raised():
                await producer.stop()
    except (KafkaError, OSError, TimeoutError, TransientError) as error:
        log.warning("A producer did not stop cleanly", extra={"error": type(error).__name__})
    finally:
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)


async def _end_sending(sender: Any) -> None:
    """Its own callback would tell a transaction of a failure that is not there, and trip: nobody looks at that here."""
    task = sender.sender_task
    task.remove_done_callback(sender._fail_all)  # noqa: SLF001 - as above
    while not task.done():
        task.cancel()  # the first time it waits for its requests, the second time for nothing
        await asyncio.wait({task}, timeout=CANCEL_SECONDS)
    if not task.cancelled():
        task.exception()


async def drop_consumer(consumer: Any) -> None:
    """Ends what is left of a consumer whose `stop` failed: aiokafka 0.14 ends part after part, and stops at a failure.

    Its heartbeat, which connects anew, would keep it in its group, and Kafka waiting for it at every rebalance.
    """
    coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001 - see above
    steps = [consumer._client.close] if fetcher is None else [fetcher.close, consumer._client.close]  # noqa: SLF001
    if coordinator is not None:
        steps[:0] = [
            partial(_end_coordination, coordinator),
            coordinator._stop_heartbeat_task,  # noqa: SLF001
            coordinator._stop_commit_offsets_refresh_task,  # noqa: SLF001
            coordinator._maybe_leave_group,  # noqa: SLF001
        ]
    for step in steps:
        with contextlib.suppress(Exception):  # why it failed was said where it failed first
            async with asyncio.timeout(STEP_SECONDS):
                with strays_raised():
                    await step()


async def _end_coordination(coordinator: Any) -> None:
    """Else it would join the group again, as a member that nobody reads with."""
    if not coordinator._closing.done():  # noqa: SLF001 - aiokafka's own way waits for what may never end
        coordinator._closing.set_result(None)  # noqa: SLF001 - as above
    coordinator._coordination_task.cancel()  # noqa: SLF001 - as above
    await asyncio.wait({coordinator._coordination_task})  # noqa: SLF001 - as above


async def committed(client: Any, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, str]]:
    """What a consumer's group has committed, each with the text that was given with it; what never was is left out."""
    if not partitions:
        return {}
    coordinator = client._coordinator  # noqa: SLF001 - aiokafka's own `committed` drops the text
    found = await coordinator.fetch_committed_offsets(list(partitions))
    return {at: (one.offset, one.metadata) for at, one in found.items() if one.offset >= 0}


async def reaches_a_broker(client: Any) -> bool:
    """Whether one of the brokers that a consumer, or a producer, has heard of tells it within 3 s who leads what."""
    try:
        async with asyncio.timeout(REACH_SECONDS):
            return bool(await client._client.force_metadata_update())  # noqa: SLF001 - aiokafka 0.14 has no other way
    except (KafkaError, OSError, TimeoutError):
        return False


def partitions_of(producer: AIOKafkaProducer, topics: Collection[str]) -> dict[str, int]:
    """How many partitions these topics have, of those that a producer knows."""
    known = {topic: producer.client.cluster.partitions_for_topic(topic) for topic in topics}
    return {topic: len(found) for topic, found in known.items() if found}


def is_about_the_record(error: BaseException) -> bool:
    """Whether Kafka refuses what was sent, and will refuse it again; everything else is Kafka being away."""
    return isinstance(error, REFUSALS)


def check(settings: ProcessSettings, topics: Sequence[Topic]) -> Check:
    """For readiness: whether a broker answers, has these topics, and takes records as safely as the settings say."""
    names = [topic.name for topic in topics]

    async def answers() -> str | None:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers, request_timeout_ms=2_000)
        try:
            await admin.start()
            described = await admin.describe_topics(names)
            configs = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
        except KafkaConnectionError:
            return NO_BROKER
        finally:
            await admin.close()
        in_sync = {name: _setting(entries) for answer in configs for _, _, _, name, entries in answer.resources}
        mistake = next(filter(None, (_trouble(one, in_sync, settings) for one in described)), None)
        is_short = any(
            _takes_nothing(one, in_sync.get(topic["topic"], 0)) for topic in described for one in topic["partitions"]
        )
        return mistake or (FEW_IN_SYNC if is_short else None)

    return answers


def _setting(entries: Sequence[Sequence[Any]]) -> int:
    return next((int(value) for name, value, *_ in entries if name == MIN_INSYNC), 0)


def _takes_nothing(partition: Mapping[str, Any], in_sync: int) -> bool:
    """Whether it has no leader, or one that refuses records: of fewer copies than are demanded it demands all."""
    return partition["leader"] < 0 or len(partition["isr"]) < min(in_sync, len(partition["replicas"]))


def _trouble(topic: Mapping[str, Any], in_sync: Mapping[str, int], settings: ProcessSettings) -> str | None:
    name, partitions = topic["topic"], topic["partitions"]
    if topic["error_code"] or not partitions:
        return f"{name} does not exist: `paintbox topics apply` makes it"
    copies = min(len(partition["replicas"]) for partition in partitions)
    if copies < settings.kafka_replication_factor:
        return f"{name} has {copies} copies, {settings.kafka_replication_factor} are demanded"
    counted = in_sync.get(name, 0)
    if counted < settings.kafka_min_insync_replicas:
        return f"{name} counts a record with {counted} copies, {settings.kafka_min_insync_replicas} are demanded"
    return None
