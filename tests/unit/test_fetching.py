"""A client that fails, or that does not read on, is given up; nothing that it had is passed over."""

import asyncio
import logging
from collections.abc import Sequence
from typing import cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaConnectionError
from prometheus_client import REGISTRY

from support.alarms import NoAlarms
from support.clients import FakeClient
from support.notifications import KafkaRecord
from synckit.consumer import Batch, Consumer, Intake, fetching
from synckit.consumer.applying import Apply
from synckit.consumer.client import KafkaClient
from synckit.consumer.fetching import Losses, Stillness, fetch
from synckit.contracts.topics import Cleanup, Topic

AT = TopicPartition("fetching.test", 0)


class Client(FakeClient):
    """Gives what it is told to, and stands where it is told to."""

    def __init__(self, given: dict[TopicPartition, list[int]] | Exception, *, breaks: Exception | None = None) -> None:
        self._given = given
        self._breaks = breaks
        self.knows_brokers = False
        self.at = 3
        self.commits: list[dict[TopicPartition, int]] = []

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[int]]:
        assert (timeout_ms, max_records) == (fetching.WAIT_MS, 1_000)
        if isinstance(self._given, Exception):
            raise self._given
        return self._given

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({AT})

    async def force_metadata_update(self) -> bool:
        return self.knows_brokers

    async def position(self, _: TopicPartition) -> int:
        return self.at

    async def committed(self, _: TopicPartition) -> int | None:
        return 0

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        if self._breaks is not None:
            raise self._breaks
        return dict.fromkeys(partitions, 3)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self._breaks is not None:
            raise self._breaks
        self.commits.append(offsets)


async def nothing(_: Batch) -> None:
    """Applies nothing."""


async def a_consumer(apply: Apply = nothing) -> Consumer:
    consumer = Consumer(Topic(AT.topic, "", "", Cleanup.DELETE, 1), apply, NoAlarms())
    await consumer.on_partitions_assigned({AT})
    return consumer


async def test_the_records_of_all_partitions_are_one_batch() -> None:
    given = {AT: [1, 2], TopicPartition(AT.topic, 1): [3]}

    fetched: Sequence[object] = await fetch(await a_consumer(), Client(given))

    assert fetched == (1, 2, 3)


class Full(Client):
    """Has three records in each of three partitions, and gives those of one after another."""

    def __init__(self) -> None:
        super().__init__({})
        self._left = {TopicPartition(AT.topic, number): [number] * 3 for number in range(3)}

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(TopicPartition(AT.topic, number) for number in range(3))

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[int]]:
        assert timeout_ms == (0 if partitions else fetching.WAIT_MS)
        at = next(at for at in self._left if at in partitions or not partitions)
        return {at: self._left.pop(at)[:max_records]}


@pytest.mark.parametrize(("lanes", "expected"), [(1, (0, 0)), (2, (0, 0, 1, 1)), (4, (0, 0, 1, 1, 2, 2))])
async def test_where_much_is_waiting_each_lane_gets_a_batch_of_other_partitions(
    lanes: int, expected: tuple[int, ...]
) -> None:
    topic = Topic(AT.topic, "", "", Cleanup.DELETE, 3)
    consumer = Consumer(topic, nothing, NoAlarms(), Intake(at_most=2, lanes=lanes))

    fetched: Sequence[object] = await fetch(consumer, Full())

    assert fetched == expected


async def test_after_a_failure_no_position_is_taken_for_a_marker() -> None:
    consumer, client = await a_consumer(), Client(CorruptRecordException())

    with pytest.raises(ConsumerStoppedError):
        await fetch(consumer, client)
    await consumer.tend(client)
    await consumer.tend(client)

    assert client.commits == []
    assert consumer.lost
    assert await consumer.check() == "reads again from its committed offsets: CorruptRecordException"


async def test_without_one_it_is() -> None:
    consumer, client = await a_consumer(), Client({})

    await consumer.tend(client)
    await consumer.tend(client)

    assert client.commits == [{AT: 3}]


async def test_a_client_that_breaks_where_it_is_asked_for_its_place_is_given_up() -> None:
    consumer = await a_consumer()

    await consumer.tend(Client({}, breaks=RuntimeError("the handler is closed")))

    assert consumer.lost
    assert not consumer.stopped.is_set()


async def test_a_client_that_breaks_where_it_commits_is_given_up_and_what_it_gave_is_applied() -> None:
    applied: list[Sequence[object]] = []

    async def apply(batch: Batch) -> None:
        applied.append(batch.records)

    consumer, records = await a_consumer(apply), [KafkaRecord(value=b"{}", topic=AT.topic)]
    await consumer.handle(records, Client({}, breaks=RuntimeError("the handler is closed")))

    assert applied == [records]
    assert consumer.lost
    assert not consumer.stopped.is_set()


async def test_what_nobody_foresaw_is_an_alarm_once_three_clients_in_a_row_have_failed_and_tried_again_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    consumer = await a_consumer()
    red, said = [], []

    for _ in range(6):
        with pytest.raises(ConsumerStoppedError):
            await fetch(consumer, Client(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x")))
        red.append(stopped())
        said.append(await consumer.check())
        assert consumer.lost
        assert not consumer.stopped.is_set()

    await consumer.on_partitions_assigned({AT})

    assert red == [0, 0, 0, 1, 1, 1]
    assert said[2:4] == [
        "reads again from its committed offsets: UnicodeDecodeError",
        "cannot read what Kafka gives, and tries again: UnicodeDecodeError",
    ]
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "A consumer cannot read what Kafka gives"
    ]
    assert stopped() == 0


def test_a_row_of_losses_has_no_end_and_is_forgotten_by_what_lives_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    losses, now = Losses(), 0.0
    monkeypatch.setattr(fetching, "monotonic", lambda: now)

    for _ in range(2_000):
        now += 40.0
        last = losses.add()
        assert not losses.may_try or last < 5
    now += fetching.FORGET_SECONDS

    assert last == 2_000
    assert losses.add() == 1


def stopped() -> float | None:
    return REGISTRY.get_sample_value("paintbox_consumer_stopped", {"topic": AT.topic})


async def test_a_client_that_is_stopped_is_no_failure() -> None:
    consumer = await a_consumer()

    with pytest.raises(ConsumerStoppedError):
        await fetch(consumer, Client(ConsumerStoppedError()))

    assert await consumer.check() is None


@pytest.mark.parametrize(
    ("moves", "end", "lasts"), [(False, 9, True), (True, 9, False), (False, 5, False)], ids=["still", "reads", "done"]
)
def test_a_client_is_still_where_it_reads_nothing_though_there_is_something(
    monkeypatch: pytest.MonkeyPatch, *, moves: bool, end: int, lasts: bool
) -> None:
    stillness, looks = Stillness(), []

    for seconds in range(int(fetching.STILL_SECONDS) + 3):
        monkeypatch.setattr(fetching, "monotonic", lambda now=100.0 + seconds: now)
        looks.append(stillness.lasts(1, {AT: 5 + seconds * moves}, {AT: end + seconds * moves}))

    assert looks[:-2] == [False] * (int(fetching.STILL_SECONDS) + 1)
    assert looks[-1] is lasts


def test_a_client_that_nobody_could_ask_for_a_while_was_not_still(monkeypatch: pytest.MonkeyPatch) -> None:
    stillness = Stillness()
    monkeypatch.setattr(fetching, "monotonic", lambda: 100.0)
    stillness.lasts(1, {AT: 5}, {AT: 5})

    monkeypatch.setattr(fetching, "monotonic", lambda: 100.0 + fetching.STILL_SECONDS + 1)

    assert not stillness.lasts(1, {AT: 5}, {AT: 6}), "a record that came just now"


async def test_a_client_that_waits_for_a_rebalance_is_not_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another member may have a batch in hand for 45 s, and aiokafka hands out nothing until that is over."""
    consumer, client = await a_consumer(), Client({})
    client.at = 2
    lost = []

    await consumer.on_partitions_revoked({AT})
    for seconds in range(3 * int(fetching.STILL_SECONDS)):
        monkeypatch.setattr(fetching, "monotonic", lambda now=100.0 + seconds: now)
        await consumer.tend(cast("KafkaClient", client))
        lost.append(consumer.lost)
    await consumer.on_partitions_assigned({AT})
    await consumer.tend(cast("KafkaClient", client))

    assert not any([*lost, consumer.lost])


async def test_a_client_that_kafka_does_not_answer_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks brokers that it has heard of only, and they may all be somewhere else by now."""
    consumer, client = await a_consumer(), Client({}, breaks=KafkaConnectionError())
    lost = []

    for seconds in range(0, int(fetching.DEAF_SECONDS) + 6, 5):
        monkeypatch.setattr(fetching, "monotonic", lambda now=100.0 + seconds: now)
        await consumer.tend(cast("KafkaClient", client))
        lost.append(consumer.lost)

    assert lost == [False] * (len(lost) - 1) + [True]
    assert await consumer.check() == "reads again from its committed offsets: KafkaConnectionError"


async def test_a_client_that_hangs_in_a_commit_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka commits for as long as it takes: with a batch in hand nobody else would notice."""
    consumer, client = await a_consumer(), Client({}, breaks=KafkaConnectionError())
    is_committing = asyncio.Event()

    async def hang(_: object) -> None:
        is_committing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "commit", hang)
    handling = asyncio.create_task(
        consumer.handle([KafkaRecord(value=b"", topic=AT.topic)], cast("KafkaClient", client))
    )
    await is_committing.wait()

    for seconds in range(0, int(fetching.DEAF_SECONDS) + 6, 5):
        monkeypatch.setattr(fetching, "monotonic", lambda now=100.0 + seconds: now)
        await consumer.tend(cast("KafkaClient", client))

    assert consumer.lost
    handling.cancel()


async def test_a_client_whose_partitions_have_no_leader_is_as_good_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, client = await a_consumer(), Client({}, breaks=KafkaConnectionError())
    client.knows_brokers = True

    for seconds in range(0, 3 * int(fetching.DEAF_SECONDS), 5):
        monkeypatch.setattr(fetching, "monotonic", lambda now=100.0 + seconds: now)
        await consumer.tend(cast("KafkaClient", client))

    assert not consumer.lost


async def test_a_client_without_partitions_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that waits for a rebalance, or one copy more than there are partitions."""
    consumer, client = await a_consumer(), Client({})
    monkeypatch.setattr(client, "assignment", frozenset)

    for seconds in range(0, int(fetching.DEAF_SECONDS) + 6, 5):
        monkeypatch.setattr(fetching, "monotonic", lambda now=100.0 + seconds: now)
        await consumer.tend(cast("KafkaClient", client))

    assert consumer.lost


async def test_a_kafka_that_answers_now_and_then_is_not_away(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, client = await a_consumer(), Client({}, breaks=KafkaConnectionError())

    for seconds in range(0, 4 * int(fetching.DEAF_SECONDS), 5):
        monkeypatch.setattr(fetching, "monotonic", lambda now=100.0 + seconds: now)
        answers = seconds % 25 == 20
        await consumer.tend(cast("KafkaClient", Client({}) if answers else client))

    assert not consumer.lost


def test_the_next_client_is_tried_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = Losses()
    monkeypatch.setattr(fetching, "monotonic", lambda: 0.0)

    counts = [losses.add() for _ in range(9)]
    monkeypatch.setattr(fetching, "monotonic", lambda: fetching.LONGEST_DELAY - 1)
    too_soon = losses.may_try
    monkeypatch.setattr(fetching, "monotonic", lambda: fetching.LONGEST_DELAY)

    assert counts == list(range(1, 10))
    assert (too_soon, losses.may_try) == (False, True)
    assert (losses.are_over(), losses.are_over()) == (True, False)


def test_the_next_client_asks_for_less_at_once_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    losses, limits = Losses(), []
    monkeypatch.setattr(fetching, "monotonic", lambda: 0.0)

    for _ in range(12):
        limits.append(losses.limits["fetch_max_bytes"])
        losses.add()
    smallest = losses.limits
    losses.are_over()

    assert limits[:4] == [64 * 1024 * 1024, 16 * 1024 * 1024, 4 * 1024 * 1024, 1024 * 1024]
    assert set(smallest.values()) == {64 * 1024}
    assert losses.limits == fetching.MOST_BYTES


def test_a_rebalance_that_does_not_end_is_noticed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now, still = [1000.0], fetching.Stillness()
    monkeypatch.setattr(fetching, "monotonic", lambda: now[0])
    still.pause()
    now[0] += fetching.ENDLESS_SECONDS - 1
    soon = still.is_endless()
    now[0] += 2

    assert (soon, still.is_endless(), still.is_endless()) == (False, True, False)

    still.pause()
    still.forget()
    now[0] += fetching.ENDLESS_SECONDS + 1
    assert not still.is_endless()
