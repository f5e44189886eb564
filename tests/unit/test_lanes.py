"""Batches side by side: a partition keeps its order, and what one batch waits for holds no other up."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import cast

import pytest
from aiokafka import TopicPartition

from support.alarms import NoAlarms
from support.clients import FakeClient
from support.notifications import KafkaRecord
from support.waiting import until_true
from synckit.consumer import Batch, Consumer, loop
from synckit.consumer.batch import Incoming
from synckit.consumer.client import KafkaClient
from synckit.consumer.lanes import Lanes, apart
from synckit.consumer.lease import GivenUpError, Lease
from synckit.contracts.topics import Cleanup, Topic
from synckit.errors import PoisonError, TransientError


def records(*partitions: int) -> list[KafkaRecord]:
    """A record in each of these partitions, in this order."""
    return [
        KafkaRecord(value=b"", key=b"", headers=[], topic="t", partition=partition, offset=offset)
        for offset, partition in enumerate(partitions)
    ]


def places(batch: Iterable[Incoming]) -> list[tuple[int, int]]:
    return [(one.partition, one.offset) for one in batch]


def test_each_partition_is_in_one_batch_in_its_order() -> None:
    given = records(0, 1, 0, 2, 1, 0)

    batches = apart(given, at_most=3, lanes=2)

    assert sorted(map(places, batches)) == [[(0, 0), (0, 2), (0, 5)], [(1, 1), (1, 4), (2, 3)]]


def test_what_fits_one_batch_is_one_and_so_is_a_single_partition() -> None:
    assert apart(records(0, 1, 2), at_most=3, lanes=2) == [records(0, 1, 2)]
    assert apart(records(0, 0, 0, 0), at_most=3, lanes=2) == [records(0, 0, 0, 0)]
    assert apart(records(0, 1, 2, 3), at_most=3, lanes=1) == [records(0, 1, 2, 3)]


async def test_batches_are_applied_side_by_side() -> None:
    both = asyncio.Barrier(2)

    async def apply(_: Batch) -> None:
        async with asyncio.timeout(5):
            await both.wait()

    applied = await Lanes("t", apply, 1, 2).apply(records(0, 1), Lease())

    assert sorted(places(applied.records)) == [(0, 0), (1, 1)]
    assert applied.parked == []


async def test_what_can_never_work_is_parked_out_of_its_own_batch() -> None:
    async def apply(batch: Batch) -> None:
        batch.decode(_no_record_of_the_second_partition)

    applied = await Lanes("t", apply, 1, 2).apply(records(0, 1), Lease())

    assert places(applied.parked) == [(1, 1)]
    assert sorted(places(applied.records)) == [(0, 0), (1, 1)]


def _no_record_of_the_second_partition(record: object) -> None:
    if getattr(record, "partition", 0) == 1:
        raise PoisonError("never", "this one")


async def test_a_batch_that_is_given_up_takes_none_of_the_others_with_it() -> None:
    lanes = Lanes("t", _waiting_for_the_second, 1, 2)

    working = asyncio.create_task(lanes.apply(records(0, 1), Lease()))
    await until_true(lambda: lanes.trouble is not None)
    lanes.given_up.set()

    assert places((await working).records) == [(0, 0)]


async def _waiting_for_the_second(batch: Batch) -> None:
    if batch.records[0].partition == 1:
        raise TransientError("it is away")


async def test_where_all_are_given_up_so_are_the_records() -> None:
    async def apply(_: Batch) -> None:
        raise TransientError("it is away")

    lanes = Lanes("t", apply, 1, 2)
    lanes.given_up.set()

    with pytest.raises(GivenUpError):
        await lanes.apply(records(0, 1), Lease())


async def test_a_bug_in_one_is_raised_once_the_others_have_settled() -> None:
    settled: list[int] = []

    async def apply(batch: Batch) -> None:
        if batch.records[0].partition == 0:
            raise ZeroDivisionError
        await asyncio.sleep(0)
        settled.append(batch.records[0].partition)

    with pytest.raises(ZeroDivisionError):
        await Lanes("t", apply, 1, 2).apply(records(0, 1), Lease())

    assert settled == [1]


class Willing(FakeClient):
    """A client that Kafka never contradicts."""

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def commit(self, _: dict[TopicPartition, int]) -> None:
        """Takes whatever it is told."""


async def test_a_batch_that_is_not_applied_in_time_outlives_its_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SETTLE_SECONDS", 0.05)
    in_hand: list[Batch] = []
    released = asyncio.Event()

    async def apply(batch: Batch) -> None:
        in_hand.append(batch)
        await released.wait()
        raise GivenUpError

    consumer = Consumer(Topic("t", "", "", Cleanup.DELETE, 1), apply, NoAlarms())
    await consumer.on_partitions_assigned({TopicPartition("t", 0)})
    handling = asyncio.create_task(consumer.handle(records(0), cast("KafkaClient", Willing())))
    await until_true(lambda: bool(in_hand))

    await in_hand[0].lease.confirm()
    await consumer.on_partitions_revoked({TopicPartition("t", 0)})
    released.set()
    await handling

    with pytest.raises(GivenUpError):
        await in_hand[0].lease.confirm()
