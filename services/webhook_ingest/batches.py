"""Records of many requests, gathered: a partition's next batch fills while the one before it is under way."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from synckit.contracts.headers import KafkaHeaders, to_kafka
from synckit.contracts.topics import MAX_MESSAGE_BYTES
from synckit.partitions import choose_partition
from webhook_ingest.models import Outgoing

CERTAINLY_SMALL: Final = MAX_MESSAGE_BYTES // 2
"""Bytes of a value whose record is not too large, whatever its headers are: nobody measures it."""

Record = tuple[bytes, bytes, KafkaHeaders]
"""Key, value and headers."""


@dataclass(slots=True)
class Delivery:
    """The records of one request: done when every one is acknowledged, failed with the first that is not."""

    left: int
    done: "asyncio.Future[None]"

    def acknowledge(self) -> None:
        """One of the records has been kept."""
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: BaseException) -> None:
        """One of the records may not have been kept."""
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(slots=True)
class Batch:
    """What one acknowledgement is for: records, and whose each is."""

    builder: Any
    timer: asyncio.TimerHandle
    deliveries: list[Delivery]

    def succeed(self) -> None:
        """Every in-sync replica has these records."""
        self.timer.cancel()
        for one in self.deliveries:
            one.acknowledge()

    def fail(self, error: BaseException) -> None:
        """Whoever waits for one of these records waits no more."""
        self.timer.cancel()
        _fail(self.deliveries, error)


def _fail(deliveries: Sequence[Delivery], error: BaseException) -> None:
    for one in deliveries:
        one.fail(error)


@dataclass(slots=True)
class Lane:
    """A partition: its batches in order, of which the last still takes records, and what hands them over."""

    topic: str
    partition: int
    waiting: deque[Batch] = field(default_factory=deque)
    task: "asyncio.Task[None] | None" = None


class Batches:
    """Gives a producer what many requests bring, a batch a partition at a time, each in the order in which it came.

    One hand-over, one timer and one acknowledgement then serve all records of a batch.
    """

    def __init__(self, producer: AIOKafkaProducer, wait_seconds: float) -> None:
        self._producer = producer
        self._wait_seconds = wait_seconds
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[tuple[str, int], Lane] = {}

    async def keep(self, records: Sequence[Outgoing]) -> None:
        """Returns when every in-sync replica has every record.

        Raises TimeoutError where that takes too long, the search for partitions that are not known yet included;
        KafkaError where Kafka refuses a record or is away.
        """
        prepared = [(lane, _encoded(one)) for one in records if (lane := self._lane(one)) is not None]
        if len(prepared) == len(records):
            await self._begin(prepared)
            return
        async with asyncio.timeout(self._wait_seconds):
            await self._begin([(await self._found_lane(one), _encoded(one)) for one in records])

    def _begin(self, prepared: Sequence[tuple[Lane, Record]]) -> "asyncio.Future[None]":
        """Done when all of them are acknowledged."""
        delivery = Delivery(len(prepared), self._loop.create_future())
        for lane, record in prepared:
            self._append(lane, record, delivery)
        return delivery.done

    def _lane(self, one: Outgoing) -> Lane | None:
        """Where a record belongs; None while the partitions of its topic are not known."""
        partitions = self._producer.client.cluster.partitions_for_topic(one.topic)
        if not partitions:
            return None
        place = (one.topic, choose_partition(one.key.encode(), range(len(partitions))))
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = Lane(*place)
        return lane

    async def _found_lane(self, one: Outgoing) -> Lane:
        while (lane := self._lane(one)) is None:
            await self._producer.partitions_for(one.topic)
        return lane

    def _append(self, lane: Lane, record: Record, delivery: Delivery) -> None:
        if not lane.waiting or not _takes(lane.waiting[-1], record):
            lane.waiting.append(self._begun())
            _takes(lane.waiting[-1], record)  # an empty batch takes any
        lane.waiting[-1].deliveries.append(delivery)
        if lane.task is None:
            lane.task = self._loop.create_task(self._empty(lane))

    def _begun(self) -> Batch:
        deliveries: list[Delivery] = []
        timer = self._loop.call_later(self._wait_seconds, _fail, deliveries, TimeoutError())
        return Batch(self._producer.create_batch(), timer, deliveries)

    async def _empty(self, lane: Lane) -> None:
        """Hands over one batch after the other, each once the one before it is acknowledged."""
        while lane.waiting:
            batch = lane.waiting.popleft()
            try:
                await (await self._producer.send_batch(batch.builder, lane.topic, partition=lane.partition))
            except Exception as error:  # noqa: BLE001 - those who wait for the batch are told, whatever it is
                batch.fail(error)
            else:
                batch.succeed()
        lane.task = None


def _takes(batch: Batch, record: Record) -> bool:
    key, value, headers = record
    return batch.builder.append(timestamp=None, key=key, value=value, headers=headers) is not None


def _encoded(one: Outgoing) -> Record:
    """Raises MessageSizeTooLargeError, as the producer's `send` does."""
    record = (one.key.encode(), one.value, to_kafka(one.headers.encoded()))
    if len(one.value) > CERTAINLY_SMALL:
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(*record)
        if size > MAX_MESSAGE_BYTES:
            raise MessageSizeTooLargeError(f"a record of {size} bytes, more than {MAX_MESSAGE_BYTES}")
    return record
