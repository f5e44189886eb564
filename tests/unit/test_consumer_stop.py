"""A process that is told to stop applies, commits and joins nothing more, whatever its group does meanwhile."""

import asyncio
from functools import partial
from time import monotonic
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from support.alarms import NoAlarms
from support.clients import Described, FakeClient
from support.notifications import KafkaRecord
from support.waiting import until_true
from synckit.consumer import Batch, Consumer, ConsumerGroup, continuity, group, loop
from synckit.consumer.alarms import Count
from synckit.consumer.client import KafkaClient
from synckit.consumer.continuity import Mark
from synckit.consumer.loop import ALARMED
from synckit.contracts.topics import Cleanup, Topic

AT = TopicPartition("stop.test", 0)
RECORD = KafkaRecord(value=b"", topic=AT.topic, partition=AT.partition, offset=0)


class Member:
    """A consumer and its client; the database of its alarms is away until it is told otherwise."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.asked = 0
        self.is_away = True
        alarms = AlarmsAway(self)
        self.consumer = Consumer(Topic(AT.topic, "", "", Cleanup.DELETE, 1), self._apply, alarms)
        self.group = ConsumerGroup("stop", "127.0.0.1:9", [self.consumer], alarms)

    async def _apply(self, _: Batch) -> None:
        self.did.append("apply")

    async def commit(self, _: object) -> None:
        self.did.append("commit")


class AlarmsAway(NoAlarms):
    """In a database that is away for as long as the member says."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self._member = member

    async def list_topics(self) -> frozenset[str]:
        self._member.asked += 1
        if self._member.is_away:
            raise OSError("away")
        return await super().list_topics()


class Subscriber:
    """One of FastStream's that is in no group."""

    running = False
    consumer = None
    starts = 0

    async def start(self) -> None:
        self.starts += 1


@pytest.fixture
def member() -> Member:
    return Member()


@pytest.fixture
def subscriber(member: Member, monkeypatch: pytest.MonkeyPatch) -> Subscriber:
    for name in ("RETRY_SECONDS", "TEND_SECONDS"):
        monkeypatch.setattr(group, name, 0.01)
    subscriber: Any = Subscriber()
    member.group._subscribers = [subscriber]
    return cast("Subscriber", subscriber)


async def test_what_is_assigned_after_the_stop_is_neither_applied_nor_committed(member: Member) -> None:
    await member.consumer.on_partitions_assigned({AT})
    member.consumer.give_up()
    await member.consumer.on_partitions_revoked({AT})
    await member.consumer.on_partitions_assigned({AT})

    await member.consumer.handle([RECORD], cast("KafkaClient", member))

    assert member.did == []


async def test_whom_an_alarm_stopped_says_so_also_where_its_client_fails_before_it_has_left_its_group(
    member: Member,
) -> None:
    await member.consumer.heed(frozenset({AT.topic}), 0.0, has_left=False)

    member.consumer.lose(KeyError("the client's"))

    assert await member.consumer.check() == ALARMED


async def test_who_is_told_to_stop_while_its_alarms_are_away_joins_no_group_once_they_are_back(
    member: Member, subscriber: Subscriber
) -> None:
    running = asyncio.create_task(member.group.run())
    await until_true(lambda: member.asked > 1)
    await member.group.stop()
    member.is_away = False

    await asyncio.wait({running}, timeout=1)

    assert running.done()
    assert subscriber.starts == 0


async def test_a_loop_that_is_begun_again_after_the_stop_joins_no_group(member: Member, subscriber: Subscriber) -> None:
    member.is_away = False
    member.group._has_begun = True
    await member.group.stop()

    async with asyncio.timeout(1):
        await member.group.run()

    assert subscriber.starts == 0


async def test_who_tends_a_consumer_after_the_stop_does_not_let_it_join(member: Member, subscriber: Subscriber) -> None:
    """As where a client has swallowed that its task was cancelled."""
    await member.group.stop()

    await member.group._tend(member.consumer, subscriber)

    assert subscriber.starts == 0


async def test_a_start_that_hangs_is_broken_off_and_tried_again(
    member: Member, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Kafka takes the connection, and answers nothing."""
    monkeypatch.setattr(group, "JOIN_SECONDS", 0.05)
    member.is_away = False
    starting: list[bool] = []

    async def hang_once() -> None:
        starting.append(True)
        if len(starting) == 1:
            await asyncio.Event().wait()

    async def leave(_: object) -> None:
        """It has nothing to end."""

    monkeypatch.setattr(subscriber, "start", hang_once)
    monkeypatch.setattr(group, "leave", leave)
    for name in ("connect", "stop"):
        monkeypatch.setattr(member.group._broker, name, partial(asyncio.sleep, 0))
    running = asyncio.create_task(member.group.run())
    try:
        await until_true(lambda: len(starting) > 1, 5)
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait({running})


class HangingClient:
    """Kafka never answers what it commits."""

    async def commit(self, _: object) -> None:
        await asyncio.Event().wait()


async def test_a_commit_that_hangs_is_given_up_and_the_consumer_goes_on(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it applied is read again by somebody, which changes nothing."""
    monkeypatch.setattr(loop, "COMMIT_SECONDS", 0.05)

    async with asyncio.timeout(5):
        await member.consumer._commit(cast("KafkaClient", HangingClient()), {AT: 1}, Mark())

    assert not member.consumer.stopped.is_set()
    assert not member.consumer.lost


class AlarmsThatHang(NoAlarms):
    """They never answer when one is raised, until they do."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()
        self.raised: list[Count] = []

    async def count_all(self, _: str, mine: Count) -> Count:
        return mine

    async def raise_alarm(self, _: str, count: Count) -> None:
        await self.answers.wait()
        self.raised.append(count)


async def test_an_alarm_whose_raising_is_cancelled_is_raised_later_and_nobody_goes_on_meanwhile() -> None:
    """As where the consumer leaves its group while its database is frozen."""
    alarms = AlarmsThatHang()
    consumer = Consumer(Topic(AT.topic, "", "", Cleanup.DELETE, 1), partial(asyncio.sleep, 0), alarms)
    watching = asyncio.create_task(consumer._watch(Count(200, 200)))
    await until_true(consumer.stopped.is_set)
    watching.cancel()
    await asyncio.wait({watching})

    alarms.answers.set()
    await consumer.heed(frozenset(), monotonic(), has_left=True)

    assert consumer.stopped.is_set()
    assert alarms.raised == [Count(200, 200)]


class Remade(FakeClient):
    """Its topic is another one from the second look on."""

    def __init__(self) -> None:
        self.looks = 0

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset()

    async def beginning_offsets(self, _: object) -> dict[TopicPartition, int]:
        return {AT: 0}

    async def end_offsets(self, _: object) -> dict[TopicPartition, int]:
        return {}

    async def commit(self, _: object) -> None:
        """Takes whatever it is told."""

    async def send(self, _: int, __: object) -> Described:
        self.looks += 1
        return Described("old" if self.looks == 1 else "new", 0)


async def test_what_is_in_hand_of_a_topic_that_is_gone_is_finished_and_nothing_more_is_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It cannot be read again; what comes after it is read from the beginning, by another client."""
    monkeypatch.setattr(continuity, "LOOK_SECONDS", 0.0)
    client, lost = cast("KafkaClient", Remade()), list[bool]()

    async def apply(_: Batch) -> None:
        for _look in range(4):
            await consumer._look(client)
        lost.append(consumer.lost)

    consumer = Consumer(Topic(AT.topic, "", "", Cleanup.DELETE, 1), apply, NoAlarms())
    await consumer.on_partitions_assigned({AT})
    for _ in range(2):
        await consumer.handle([RECORD], client)

    assert lost == [False]
    assert consumer.lost


class Stranger(FakeClient):
    """What was committed for it is of another topic."""

    topic_id, mark = "new", "old/0"

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({AT})

    async def committed(self, _: TopicPartition) -> int | None:
        return 7

    async def beginning_offsets(self, _: object) -> dict[TopicPartition, int]:
        return {AT: 0}

    async def commit(self, _: object) -> None:
        """Takes whatever it is told."""


async def test_a_client_that_stands_where_another_log_was_is_given_up_at_once(member: Member) -> None:
    """What was committed says nothing wrong any more: nobody would notice it later."""
    await member.consumer.on_partitions_assigned({AT})
    member.consumer._idle.clear()

    await member.consumer.tend(cast("KafkaClient", Stranger()))

    assert member.consumer.lost
