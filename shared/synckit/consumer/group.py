"""The consumers of a process as FastStream subscribers of one group: bytes in, acknowledged by us alone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import Context
from functools import partial
from time import monotonic
from typing import Any, Final, cast

from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

import synckit.consumer.membership  # noqa: F401 - mends that of aiokafka
from synckit import kafka
from synckit.consumer.alarms import Alarms
from synckit.consumer.client import KafkaClient
from synckit.consumer.fetching import MOST_BYTES, fetch
from synckit.consumer.leaving import GRACE_SECONDS, end_tasks, is_member, leave
from synckit.consumer.loop import NOT_JOINED, TEND_SECONDS, Consumer
from synckit.failures import describe, explain, passes
from synckit.observability import metrics
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

SESSION_MS: Final = 10_000
HEARTBEAT_MS: Final = 500
"""A member learns of a rebalance with its next heartbeat, so this is what joining and leaving cost the others."""
REBALANCE_MS: Final = 60_000
"""Above the longest that a batch may take to settle when its partitions are revoked."""
FOREVER_MS: Final = 2**31 - 1
"""A consumer that waits for its database keeps its partitions: its heartbeat says that it lives."""
JOIN_SECONDS: Final = 75.0
"""Above what a rebalance takes. What takes longer waits for nothing that will come."""
STOP_SECONDS: Final = 8.0
RETRY_SECONDS: Final = 1.0
ASK_SECONDS: Final = 5.0


class ConsumerGroup:
    """Runs the consumers of a process, which all belong to the group that is named after it."""

    def __init__(self, name: str, servers: str, consumers: Sequence[Consumer], alarms: Alarms) -> None:
        self._name, self._servers = name, servers
        self._consumers = consumers
        self._alarms = alarms
        self._has_begun = False
        self._is_deaf = False
        self._outside: set[str] = set()
        """Who tried in vain to join again."""
        self._broker = KafkaBroker(
            servers,
            client_id=name,
            consumer_only=True,
            apply_types=False,
            graceful_timeout=GRACE_SECONDS,
            metadata_max_age_ms=kafka.METADATA_MS,
            logger=None,
        )
        self._subscribers = [self._subscribe(name, consumer) for consumer in consumers]
        self._stopping = False
        self._tending: list[asyncio.Task[None]] = []
        self._joining = asyncio.Lock()
        """Held while they start: a client that is stopped meanwhile would join all the same, and never leave."""

    async def run(self) -> None:
        """Consume until cancelled; after `stop` it returns instead of beginning.

        What is away at the start (the alarms' database, Kafka) is asked again each second. A consumer that has an
        alarm in force stays out of its group until the alarm is cleared.
        """
        while not self._stopping and not await self._heed_alarms():  # noqa: ASYNC110 - the answer is in a database
            await asyncio.sleep(RETRY_SECONDS)
        if not self._has_begun:  # where this is called anew, they are members still
            await self._start()
            self._has_begun = True
        if self._stopping:  # meanwhile, or before a failure after which this is called anew
            return
        async with asyncio.TaskGroup() as tasks:  # one that takes long to join again holds up neither others nor alarms
            tasks.create_task(_each_second(self._heed_alarms))
            tasks.create_task(_each_second(self._alarms.tell))
            self._tending = [
                tasks.create_task(_each_second(partial(self._tend, *member))) for member in self._members()
            ]

    def _members(self) -> Iterator[tuple[Consumer, Any]]:
        return zip(self._consumers, self._subscribers, strict=True)

    async def _tend(self, consumer: Consumer, subscriber: Any) -> None:
        if consumer.stopped.is_set() or consumer.lost:
            if is_member(subscriber):
                if consumer.lost:
                    await end_tasks(subscriber)
                await leave(subscriber)
            consumer.lost = False
        elif not is_member(subscriber):
            if consumer.losses.may_try and not self._stopping:
                await self._rejoin(consumer, subscriber)
        elif not subscriber.running:  # it was leaving, and that was broken off
            await leave(subscriber)
        elif subscriber.consumer is not None:
            await consumer.tend(subscriber.consumer)
        if not is_member(subscriber):
            metrics.CONSUMER_WAITING.labels(consumer.name).set(0)
            await consumer.lag.look(self._servers, self._name)

    async def _rejoin(self, consumer: Consumer, subscriber: Any) -> None:
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                subscriber._connection_args.update(consumer.losses.limits)  # noqa: SLF001 - a client is made of them
                with strays_raised():
                    await subscriber.start()
        except asyncio.CancelledError:
            await leave(subscriber)
            raise
        except Exception as error:  # noqa: BLE001 - nothing was read yet: whatever it is, another client is tried
            if consumer.name not in self._outside:
                log.warning("A consumer cannot join its group again", extra={"topic": consumer.name, **describe(error)})
            self._outside.add(consumer.name)
            consumer.hold(f"cannot join its group again: {explain(error)}")
            await leave(subscriber)
        else:
            self._outside.discard(consumer.name)

    async def _heed_alarms(self) -> bool:
        """Let every consumer do as the alarms say; False where nobody can tell, and all stays as it is."""
        asked_at = monotonic()
        try:
            async with asyncio.timeout(ASK_SECONDS):
                raised = await self._alarms.list_topics()
                for consumer, subscriber in self._members():
                    await consumer.heed(raised, asked_at, has_left=not is_member(subscriber))
        except Exception as error:
            if not passes(error):
                raise
            self._note_deafness(error)
            return False
        if self._is_deaf:
            self._is_deaf = False
            self._hold(NOT_JOINED)
        return True

    def _note_deafness(self, error: Exception) -> None:
        if not self._is_deaf:
            log.warning("The alarms of the consumers cannot be read", extra=describe(error))
        self._is_deaf = True
        self._hold(f"waits to hear of alarms: {explain(error)}")

    def _hold(self, trouble: str) -> None:
        for consumer, subscriber in self._members():
            if not subscriber.running:
                consumer.hold(trouble)

    async def stop(self) -> None:
        """Stop fetching, finish the batches in hand, commit them, leave the group; within 8 s.

        A Kafka that is frozen does not let anybody leave: then it misses us when our session ends.
        """
        self._stopping = True
        for consumer in self._consumers:
            consumer.give_up()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._stop_tending()
                async with self._joining:
                    await self._leave_all()
                    await self._broker.stop()
        except TimeoutError:
            log.warning("Kafka does not let us leave the group, which will miss us")
        except Exception as error:  # noqa: BLE001 - a client that had failed says so again when it is ended
            log.warning("A consumer's client did not end cleanly", extra=describe(error))

    async def _stop_tending(self) -> None:
        """Whoever joins again just now leaves instead."""
        for task in self._tending:
            task.cancel()
        if self._tending:
            await asyncio.wait(self._tending)

    async def _start(self) -> None:
        said = False
        await self._leave_all()  # none is a member, unless an earlier start was broken off
        while True:
            try:
                with strays_raised():
                    await self._join()
            except Exception as error:  # noqa: BLE001 - nothing was read yet: whatever it is, it is tried again
                if not said:
                    log.warning("Kafka is away", extra=describe(error))
                said = True
                await self._leave_all()
                await self._broker.stop()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _leave_all(self) -> None:
        await asyncio.gather(*map(leave, self._subscribers))

    async def _join(self) -> None:
        """All at once, so that joining costs one rebalance and not one each. Every attempt ends before this does."""
        async with self._joining:
            if self._stopping:
                return
            await self._broker.connect()
            async with asyncio.timeout(JOIN_SECONDS):
                joined = await asyncio.gather(
                    *(subscriber.start() for consumer, subscriber in self._members() if not consumer.stopped.is_set()),
                    return_exceptions=True,
                )
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
            max_records=consumer.intake.at_most,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            max_poll_interval_ms=FOREVER_MS,
            fetch_min_bytes=consumer.intake.least_bytes,
            fetch_max_wait_ms=consumer.intake.linger_ms,
            fetch_max_bytes=MOST_BYTES["fetch_max_bytes"],
            max_partition_fetch_bytes=MOST_BYTES["max_partition_fetch_bytes"],
            listener=consumer,
        )

        # FastStream would wait and ask the same client again, whatever it raises, and tell nobody.
        subscriber.get_msg = partial(fetch, consumer)  # type: ignore[method-assign, assignment] # typed as a method

        @subscriber
        async def on_batch(records: Any) -> None:
            # FastStream's context has the batch. Whatever is begun amid it would keep it: asyncpg's timers of
            # connections that wait in their pool do for five minutes, sixty megabytes in all.
            handling = consumer.handle(records, cast("KafkaClient", subscriber.consumer))
            await asyncio.create_task(handling, context=Context())

        return subscriber


async def _each_second(work: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(TEND_SECONDS)
        with strays_raised():
            await work()


async def _parse(records: Any) -> KafkaMessage:
    """Bytes as they are: FastStream's own parser fails on a header that is not UTF-8, and loses the batch with it.

    Its acknowledgement would commit every partition's position, so it gets a consumer that commits nothing.
    """
    return KafkaMessage(body=b"", raw_message=records, consumer=FAKE_CONSUMER)


async def _decode(message: KafkaMessage) -> Any:
    return message.raw_message
