"""The consumers of a process as FastStream subscribers of one group: bytes in, acknowledged by us alone."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, cast

from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from synckit.consumer.failures import describe
from synckit.consumer.loop import TEND_SECONDS, Consumer, KafkaClient

log = logging.getLogger(__name__)

SESSION_MS: Final = 10_000
HEARTBEAT_MS: Final = 500
"""A member learns of a rebalance with its next heartbeat, so this is what joining and leaving cost the others."""
REBALANCE_MS: Final = 60_000
"""Above the longest that a batch may take to settle when its partitions are revoked."""
FOREVER_MS: Final = 2**31 - 1
"""A consumer that waits for its database keeps its partitions: its heartbeat says that it lives."""
EMPTY_POLL_MS: Final = 25
RETRY_SECONDS: Final = 1.0
GRACE_SECONDS: Final = 20.0


class ConsumerGroup:
    """Runs the consumers of a process, which all belong to the group that is named after it."""

    def __init__(self, name: str, servers: str, consumers: Sequence[Consumer]) -> None:
        self._consumers = consumers
        self._broker = KafkaBroker(
            servers,
            client_id=name,
            consumer_only=True,
            apply_types=False,
            graceful_timeout=GRACE_SECONDS,
            logger=None,
        )
        self._subscribers = [self._subscribe(name, consumer) for consumer in consumers]
        self._stopping = False

    async def run(self) -> None:
        """Consume until cancelled. While Kafka is away, joining is tried again every second."""
        await self._start()
        while True:
            await asyncio.sleep(TEND_SECONDS)
            for consumer, subscriber in zip(self._consumers, self._subscribers, strict=True):
                if consumer.stopped.is_set() and subscriber.running:
                    await subscriber.stop()
                elif subscriber.consumer is not None:
                    await consumer.tend(subscriber.consumer)

    async def stop(self) -> None:
        """Stop fetching, finish the batches in hand, commit them, leave the group."""
        for consumer in self._consumers:
            consumer.give_up()
        await self._broker.stop()

    async def _start(self) -> None:
        said = False
        while True:
            try:
                await self._join()
            except (KafkaError, OSError) as error:
                if not said:
                    log.warning("Kafka is away", extra=describe(error))
                said = True
                await self._broker.stop()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _join(self) -> None:
        """All at once, so that joining costs one rebalance and not one each. Every attempt ends before this does."""
        await self._broker.connect()
        joined = await asyncio.gather(*(one.start() for one in self._subscribers), return_exceptions=True)
        for result in joined:
            if isinstance(result, BaseException):
                raise result

    def _subscribe(self, group: str, consumer: Consumer) -> Any:
        subscriber = self._broker.subscriber(
            consumer.topic.name,
            batch=True,
            group_id=group,
            ack_policy=AckPolicy.MANUAL,
            parser=_parse,
            decoder=_decode,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_records=consumer.at_most,
            batch_timeout_ms=EMPTY_POLL_MS,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            max_poll_interval_ms=FOREVER_MS,
            fetch_max_bytes=64 * 1024 * 1024,
            max_partition_fetch_bytes=9 * 1024 * 1024,
            listener=consumer,
        )

        @subscriber
        async def on_batch(records: Any) -> None:
            await consumer.handle(records, cast("KafkaClient", subscriber.consumer))

        return subscriber


async def _parse(records: Any) -> KafkaMessage:
    """Bytes as they are: FastStream's own parser fails on a header that is not UTF-8, and loses the batch with it.

    Its acknowledgement would commit every partition's position, so it gets a consumer that commits nothing.
    """
    return KafkaMessage(body=b"", raw_message=records, consumer=FAKE_CONSUMER)


async def _decode(message: KafkaMessage) -> Any:
    return message.raw_message
