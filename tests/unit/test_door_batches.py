"""Records of many requests in one batch: each request hears of its own, in time, and no order is lost."""

import asyncio
import time
from typing import Any, Final
from uuid import UUID

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from support.waiting import until
from synckit import kafka
from synckit.contracts.headers import EventHeaders
from synckit.contracts.topics import MAX_MESSAGE_BYTES
from synckit.partitions import choose_partition
from webhook_ingest.batches import Batches
from webhook_ingest.models import Outgoing

PARTITIONS: Final = 6
TOPIC: Final = "topic.v1"


class Producer:
    """Takes batches, and acknowledges them when it is told to."""

    def __init__(self, batch_bytes: int = kafka.BATCH_BYTES, metadata_seconds: float = 0.0) -> None:
        self.client = self.cluster = self
        self.known: set[str] = {TOPIC}
        self.taken: list[tuple[int, list[bytes], asyncio.Future[None]]] = []
        self._batch_bytes = batch_bytes
        self._metadata_seconds = metadata_seconds

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(PARTITIONS)) if topic in self.known else None

    async def partitions_for(self, topic: str) -> None:
        await asyncio.sleep(self._metadata_seconds)
        self.known.add(topic)

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(self._batch_bytes, 0)

    async def send_batch(self, batch: Any, _: str, *, partition: int) -> "asyncio.Future[None]":
        acknowledged = asyncio.get_running_loop().create_future()
        batch.close()
        records = MemoryRecords(bytes(batch._build())).next_batch()
        self.taken.append((partition, [record.value for record in records], acknowledged))
        return acknowledged

    async def has_taken(self, many: int) -> None:
        async def has() -> bool:
            return len(self.taken) >= many

        await until(has)


def a_record(key: str = "key", value: bytes = b"value", topic: str = TOPIC) -> Outgoing:
    headers = EventHeaders(
        id=UUID(int=1),
        source="/",
        type="t.v1",
        subject="s",
        time=0,
        received_at=0,
        correlation_id=UUID(int=1),
        traceparent="",
    )
    return Outgoing(topic, key, headers, value)


def partition_of(key: str) -> int:
    return choose_partition(key.encode(), range(PARTITIONS))


def keys_of_two_partitions() -> tuple[str, str]:
    names = [f"key{n}" for n in range(100)]
    first = names[0]
    at = partition_of(first)
    return first, next(name for name in names if partition_of(name) != at)


async def test_requests_of_one_turn_share_a_batch_and_what_comes_meanwhile_waits_for_its_end() -> None:
    producer = Producer()
    kept = Batches(producer, 10)
    tasks = [asyncio.create_task(kept.keep([a_record(value=b"%d" % n)])) for n in range(3)]
    await producer.has_taken(1)
    tasks += [asyncio.create_task(kept.keep([a_record(value=b"%d" % n)])) for n in range(3, 5)]
    for _ in range(10):
        await asyncio.sleep(0)

    before = [values for _, values, _ in producer.taken], [task.done() for task in tasks]
    producer.taken[0][2].set_result(None)
    await producer.has_taken(2)
    await asyncio.gather(*tasks[:3])
    after = [values for _, values, _ in producer.taken], [task.done() for task in tasks]
    producer.taken[1][2].set_result(None)
    await asyncio.gather(*tasks)

    assert before == ([[b"0", b"1", b"2"]], [False] * 5)
    assert after == ([[b"0", b"1", b"2"], [b"3", b"4"]], [True] * 3 + [False] * 2)


async def test_a_request_waits_for_every_record_of_its_own_and_for_no_others() -> None:
    producer = Producer()
    kept = Batches(producer, 10)
    one, other = keys_of_two_partitions()
    both = asyncio.create_task(kept.keep([a_record(one), a_record(other)]))
    single = asyncio.create_task(kept.keep([a_record(one)]))
    await producer.has_taken(2)

    producer.taken[0][2].set_result(None)
    await single
    is_early = both.done()
    producer.taken[1][2].set_result(None)
    await both

    assert not is_early


async def test_a_batch_that_is_not_acknowledged_in_time_fails_all_of_its_requests_and_no_other() -> None:
    producer = Producer()
    kept = Batches(producer, 0.05)
    one, other = keys_of_two_partitions()
    tasks = [asyncio.create_task(kept.keep([a_record(key)])) for key in (one, one, other)]
    await producer.has_taken(2)

    producer.taken[1][2].set_result(None)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [TimeoutError, TimeoutError, type(None)]


async def test_what_kafka_refuses_is_told_to_each_request_of_the_batch_and_the_next_goes_on() -> None:
    producer = Producer()
    kept = Batches(producer, 10)
    tasks = [asyncio.create_task(kept.keep([a_record()])) for _ in range(2)]
    await producer.has_taken(1)
    later = asyncio.create_task(kept.keep([a_record(value=b"later")]))
    await asyncio.sleep(0)

    producer.taken[0][2].set_exception(ProducerClosed())
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await producer.has_taken(2)
    producer.taken[1][2].set_result(None)
    await later

    assert all(isinstance(outcome, KafkaError) for outcome in outcomes)


async def test_a_request_that_is_given_up_harms_no_other_of_its_batch() -> None:
    producer = Producer()
    kept = Batches(producer, 10)
    given_up, other = (asyncio.create_task(kept.keep([a_record()])) for _ in range(2))
    await producer.has_taken(1)

    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    producer.taken[0][2].set_result(None)

    await other


async def test_a_full_batch_is_followed_by_another_in_order() -> None:
    producer = Producer(batch_bytes=2_000)
    kept = Batches(producer, 10)
    values = [b"%d" % n * 600 for n in range(5)]
    task = asyncio.create_task(kept.keep([a_record(value=value) for value in values]))

    many = 0
    while not task.done():
        await producer.has_taken(many + 1)
        producer.taken[many][2].set_result(None)
        many += 1
        for _ in range(10):
            await asyncio.sleep(0)
    await task

    assert many > 1
    assert [value for _, batch, _ in producer.taken for value in batch] == values


async def test_a_record_that_is_too_large_is_refused_before_any_of_its_request_is_sent() -> None:
    producer = Producer()
    kept = Batches(producer, 10)

    with pytest.raises(MessageSizeTooLargeError):
        await kept.keep([a_record(), a_record(value=bytes(MAX_MESSAGE_BYTES))])

    assert producer.taken == []
    assert kept._lanes == {} or all(lane.task is None for lane in kept._lanes.values())


async def test_the_partitions_of_a_topic_that_is_not_known_yet_are_asked_for() -> None:
    producer = Producer()
    kept = Batches(producer, 10)
    task = asyncio.create_task(kept.keep([a_record(topic="another.v1")]))

    await producer.has_taken(1)
    producer.taken[0][2].set_result(None)
    await task

    assert "another.v1" in producer.known


@pytest.mark.parametrize("topics", [["another.v1"], ["another.v1", "third.v1"]])
async def test_what_a_request_waits_for_partitions_it_waits_less_for_the_acknowledgement(topics: list[str]) -> None:
    producer = Producer(metadata_seconds=0.7)
    kept = Batches(producer, 0.8)
    began = time.monotonic()

    with pytest.raises(TimeoutError):
        await kept.keep([a_record(topic=topic) for topic in topics])
    took = time.monotonic() - began
    for _, _, acknowledged in producer.taken:
        acknowledged.set_result(None)

    assert 0.7 < took < 1.4
