"""The lag is measured between batches, and partitions may move while Kafka is asked."""

from collections.abc import Sequence

from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from support.alarms import NoAlarms
from support.clients import FakeClient
from synckit.consumer import Batch, Consumer
from synckit.contracts.topics import Cleanup, Topic

FIRST, SECOND = TopicPartition("lag.test", 0), TopicPartition("lag.test", 1)


async def nothing(_: Batch) -> None:
    """Applies nothing."""


def a_consumer() -> Consumer:
    return Consumer(Topic("lag.test", "", "", Cleanup.DELETE, 1), nothing, NoAlarms())


class Moving(FakeClient):
    """A client whose partitions move while it answers, where it is told to."""

    def __init__(self, consumer: Consumer, *, moves: bool) -> None:
        self._consumer = consumer
        self._moves = moves

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({FIRST})

    async def position(self, _: TopicPartition) -> int:
        return 0

    async def committed(self, _: TopicPartition) -> int | None:
        return 3

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        if self._moves:
            await self._consumer.on_partitions_assigned({SECOND})
        return dict.fromkeys(partitions, 10)

    async def commit(self, _: dict[TopicPartition, int]) -> None:
        raise AssertionError("nothing was applied")


def lag(at: TopicPartition) -> float | None:
    return REGISTRY.get_sample_value(
        "paintbox_consumer_lag_records", {"topic": at.topic, "partition": str(at.partition)}
    )


async def test_the_lag_is_what_lies_behind_the_committed_offset() -> None:
    consumer = a_consumer()
    await consumer.on_partitions_assigned({FIRST})

    await consumer.tend(Moving(consumer, moves=False))

    assert lag(FIRST) == 7
    await consumer.on_partitions_assigned(set())
    assert lag(FIRST) is None


async def test_partitions_that_move_while_the_lag_is_measured_cost_nothing() -> None:
    consumer = a_consumer()
    await consumer.on_partitions_assigned({FIRST})

    await consumer.tend(Moving(consumer, moves=True))

    assert (lag(FIRST), lag(SECOND)) == (None, None)
