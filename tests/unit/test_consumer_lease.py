"""A consumer that was frozen with records in hand asks Kafka whether they are its own still, before it applies them."""

from collections.abc import Callable, Sequence
from typing import cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from support.alarms import NoAlarms
from support.clients import FakeClient
from support.notifications import KafkaRecord
from synckit.consumer import Batch, Consumer, lease, loop
from synckit.consumer.client import KafkaClient
from synckit.consumer.lease import FRESH_SECONDS
from synckit.contracts.topics import Cleanup, Topic

AT = TopicPartition("t", 0)


class Member(FakeClient):
    """A consumer and its client; what it does in which order, and the clock."""

    def __init__(self) -> None:
        self.now = 1.0
        """As soon after the start of a machine, where the clock has hardly gone."""
        self.did: list[str] = []
        self.amid: Callable[[], None] = lambda: None
        """What happens while it waits for its turn."""
        self.consumer = Consumer(Topic(AT.topic, "", "", Cleanup.DELETE, 1), self._apply, NoAlarms())

    async def _apply(self, batch: Batch) -> None:
        await batch.lease.renew()
        self.amid()
        batch.lease.check()
        self.did.append(f"apply {batch.records[0].offset}")

    async def committed(self, _: TopicPartition) -> int | None:
        return None

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.did.append(f"commit {offsets[AT]}")

    async def is_given(self, offset: int) -> None:
        record = KafkaRecord(value=b"", topic=AT.topic, partition=AT.partition, offset=offset)
        await self.consumer.handle([record], cast("KafkaClient", self))


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch) -> Member:
    member = Member()
    for module in (lease, loop):
        monkeypatch.setattr(module, "monotonic", lambda: member.now)
    return member


async def test_the_first_batch_after_an_assignment_is_asked_for(member: Member) -> None:
    """As where it was frozen between Kafka's answer and the moment in which it took note of it."""
    await member.consumer.on_partitions_assigned({AT})

    await member.is_given(0)

    assert member.did == ["commit 0", "apply 0", "commit 1"]


async def test_a_batch_that_follows_at_once_is_not_asked_for(member: Member) -> None:
    await member.consumer.on_partitions_assigned({AT})
    await member.is_given(0)
    member.now += FRESH_SECONDS

    await member.is_given(1)

    assert member.did[3:] == ["apply 1", "commit 2"]


async def test_f04_who_was_frozen_with_records_fetched_asks_before_it_applies_them(member: Member) -> None:
    """What it was told before counts, not when it wakes."""
    await member.consumer.on_partitions_assigned({AT})
    await member.is_given(0)
    member.now += FRESH_SECONDS + 0.1

    await member.is_given(1)

    assert member.did[3:] == ["commit 1", "apply 1", "commit 2"]


async def test_another_assignment_is_asked_for_anew(member: Member) -> None:
    await member.consumer.on_partitions_assigned({AT})
    await member.is_given(0)
    await member.consumer.on_partitions_assigned({AT})

    await member.is_given(1)

    assert member.did[3:] == ["commit 1", "apply 1", "commit 2"]


@pytest.mark.parametrize(
    "leave", [lambda one: one.lose(KafkaConnectionError()), lambda one: one._stop_by_alarm({})], ids=["lost", "alarm"]
)
async def test_who_leaves_its_group_amid_a_batch_does_not_write_it(
    member: Member, leave: Callable[[Consumer], None]
) -> None:
    """Its client leaves after 20 s, whatever is in hand, and others read that at once."""
    await member.consumer.on_partitions_assigned({AT})
    member.amid = lambda: leave(member.consumer)

    await member.is_given(0)

    assert member.did == ["commit 0"]
