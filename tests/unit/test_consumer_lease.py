"""A consumer with records in hand asks Kafka whether they are its own still, once it has its turn to write them."""

from collections.abc import Callable, Sequence
from typing import cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaConnectionError

from support.alarms import NoAlarms
from support.clients import FakeClient
from support.notifications import KafkaRecord
from synckit.consumer import Batch, Consumer
from synckit.consumer.client import KafkaClient
from synckit.contracts.topics import Cleanup, Topic

AT = TopicPartition("t", 0)


class Member(FakeClient):
    """A consumer and its client; what it does in which order."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.is_missed = False
        self.amid: Callable[[], None] = lambda: None
        """What happens while it waits for its turn."""
        self.consumer = Consumer(Topic(AT.topic, "", "", Cleanup.DELETE, 1), self._apply, NoAlarms())

    async def _apply(self, batch: Batch) -> None:
        self.amid()
        await batch.lease.confirm()
        self.did.append(f"apply {batch.records[0].offset}")

    async def committed(self, _: TopicPartition) -> int | None:
        return None

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.is_missed:
            raise CommitFailedError
        self.did.append(f"commit {offsets[AT]}")

    async def is_given(self, offset: int) -> None:
        record = KafkaRecord(value=b"", topic=AT.topic, partition=AT.partition, offset=offset)
        await self.consumer.handle([record], cast("KafkaClient", self))


@pytest.fixture
async def member() -> Member:
    member = Member()
    await member.consumer.on_partitions_assigned({AT})
    return member


async def test_each_batch_is_asked_for_before_it_is_written(member: Member) -> None:
    """With the offsets of its own records, so that nothing is passed over."""
    await member.is_given(0)
    await member.is_given(1)

    assert member.did == ["commit 0", "apply 0", "commit 1", "commit 1", "apply 1", "commit 2"]


async def test_f04_who_was_missed_while_its_clock_stood_still_does_not_write_what_it_has_in_hand(
    member: Member,
) -> None:
    """As where its virtual machine was paused: Kafka took a commit of its own a moment ago, as far as it knows."""

    def pause() -> None:
        member.is_missed = True
        member.consumer.give_up()

    await member.is_given(0)
    member.amid = pause

    await member.is_given(1)

    assert member.did == ["commit 0", "apply 0", "commit 1"]


@pytest.mark.parametrize(
    "leave", [lambda one: one.lose(KafkaConnectionError()), lambda one: one._stop_by_alarm({})], ids=["lost", "alarm"]
)
async def test_who_leaves_its_group_amid_a_batch_does_not_write_it(
    member: Member, leave: Callable[[Consumer], None]
) -> None:
    """Its client leaves after 20 s, whatever is in hand, and others read that at once."""
    member.amid = lambda: leave(member.consumer)

    await member.is_given(0)

    assert member.did == []
