"""The batch loop on real Kafka: what is applied, what is committed, and what happens when something fails."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from contextvars import Context, copy_context
from functools import partial
from time import monotonic
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic as KafkaTopic
from aiokafka.errors import CorruptRecordException
from prometheus_client import REGISTRY

from paintbox.brokers import administration, create_topics
from paintbox.databases import Connection, Database
from support.consumers import Running, Sink
from support.kafka import NewTopic
from support.postgres import NewDatabase
from support.services import all_rows
from support.topics import committed, members_of, produce, produce_in_transaction
from support.waiting import until, until_true
from synckit import postgres
from synckit.consumer import Alarms, Batch, Consumer, ConsumerGroup, Intake, loop
from synckit.consumer import alarms as alarming
from synckit.consumer.alarms import Count
from synckit.consumer.applying import Apply
from synckit.consumer.group import SESSION_MS
from synckit.contracts.topics import Cleanup, Topic
from synckit.errors import PoisonError, TransientError
from synckit.observability import metrics
from synckit.parking import park
from synckit.partitions import choose_partition
from synckit.postgres import Pool

Run = Callable[..., Awaitable[Running]]


@pytest.fixture
async def pool(new_database: NewDatabase) -> AsyncIterator[Pool]:
    async with postgres.create_pool(await new_database(Database.INTEGRATIONS), process="test") as pool:
        yield pool


@pytest.fixture
async def run(kafka_servers: str, pool: Pool) -> AsyncIterator[Run]:
    async with AsyncExitStack() as stack:

        async def start(topic: str, apply: Apply, group: str | None = None) -> Running:
            name = group or f"group-{uuid4().hex}"
            alarms = Alarms(pool, name)
            consumer = Consumer(Topic(topic, "", "", Cleanup.DELETE, 1), apply, alarms, Intake(at_most=100))
            running = Running(name, consumer, ConsumerGroup(name, kafka_servers, [consumer], alarms))
            stack.push_async_callback(running.stop)
            return running

        yield start


async def says(running: Running, text: str) -> bool:
    return text in str(await running.consumer.check())


def has_applied(sink: Sink, number: int) -> bool:
    return len(sink.applied) == number


async def database_name(pool: Pool) -> str:
    async with pool.acquire() as connection:
        name: str = await connection.fetchval("SELECT current_database()")
        return name


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [str(number).encode() for number in range(first, first + count)]


async def test_records_are_applied_in_order_and_their_offsets_committed(
    run: Run, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic, sink = await new_topic(), Sink()
    await produce(kafka_servers, topic, numbers(250))

    running = await run(topic, sink)
    await until_true(lambda: len(sink.applied) == 250)

    async def is_committed() -> bool:
        return (await committed(kafka_servers, running.group)).get((topic, 0)) == 250

    await until(is_committed)
    assert sink.applied == numbers(250)


async def test_the_lag_reaches_zero_behind_transaction_markers(
    run: Run, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic, sink = await new_topic(), Sink()
    await produce_in_transaction(kafka_servers, topic, numbers(3))

    running = await run(topic, sink)

    async def is_at_the_end() -> bool:
        return (await committed(kafka_servers, running.group)).get((topic, 0)) == 4

    await until(is_at_the_end)
    assert sink.applied == numbers(3)


async def test_what_is_away_is_waited_for_in_order_and_shown(run: Run, new_topic: NewTopic, kafka_servers: str) -> None:
    topic, away = await new_topic(), asyncio.Event()
    sink = Sink(lambda _: None if away.is_set() else TransientError("away"))
    await produce(kafka_servers, topic, numbers(10))

    running = await run(topic, sink)
    await until_true(lambda: sink.calls >= 3)
    trouble = await running.consumer.check()
    lag = metrics.CONSUMER_LAG.labels(topic, "0")
    await until_true(lambda: lag._value.get() == 10)
    away.set()
    await until_true(lambda: len(sink.applied) == 10)
    await until_true(lambda: lag._value.get() == 0)

    assert trouble == "waits: TransientError"
    assert sink.applied == numbers(10)
    assert await running.consumer.check() is None


async def test_f34_a_consumer_that_waits_longer_than_its_session_keeps_its_partitions(
    run: Run, new_topic: NewTopic, kafka_servers: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic, is_back = await new_topic(), asyncio.Event()
    sink = Sink(lambda _: None if is_back.is_set() else TransientError("away"))
    await produce(kafka_servers, topic, numbers(3))

    with caplog.at_level("INFO", logger="synckit.consumer"):
        running = await run(topic, sink)
        await until_true(lambda: metric(topic) > SESSION_MS / 1000 + 1)
        members, position = (
            await members_of(kafka_servers, running.group),
            await committed(kafka_servers, running.group),
        )
        is_back.set()
        await until_true(lambda: len(sink.applied) == 3)

    said = [record.message for record in caplog.records]
    assert (members, position) == (1, {})
    assert sink.applied == numbers(3)
    assert [said.count(line) for line in ("Partitions were assigned", "A consumer waits", "A consumer goes on")] == [
        1
    ] * 3
    await until_true(lambda: metric(topic) == 0)


def metric(topic: str) -> float:
    return REGISTRY.get_sample_value("paintbox_consumer_waiting_seconds", {"topic": topic}) or 0.0


async def test_f35_a_poisoned_record_is_found_and_parked_and_the_others_are_applied(
    run: Run, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic()
    sink = Sink(lambda values: asyncpg.NumericValueOutOfRangeError("x") if b"7" in values else None)
    await produce(kafka_servers, topic, numbers(20))

    running = await run(topic, sink)
    await until_true(lambda: len(sink.applied) == 19)

    assert sorted(sink.applied, key=lambda value: int(value or b"0")) == [one for one in numbers(20) if one != b"7"]
    assert sink.parked == [(b"7", "refused_by_database")]
    assert await running.consumer.check() is None


async def test_a_race_is_tried_again_before_it_counts_as_poison(
    run: Run, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic, losses = await new_topic(), iter(range(3))
    sink = Sink(lambda _: asyncpg.UniqueViolationError("x") if next(losses, None) is not None else None)
    await produce(kafka_servers, topic, numbers(2))

    await run(topic, sink)
    await until_true(lambda: len(sink.applied) == 2)

    assert sink.parked == []


async def test_a_race_that_is_never_won_is_parked(run: Run, new_topic: NewTopic, kafka_servers: str) -> None:
    topic = await new_topic()
    sink = Sink(lambda values: asyncpg.ForeignKeyViolationError("x") if b"1" in values else None)
    await produce(kafka_servers, topic, numbers(2))

    await run(topic, sink)
    await until_true(lambda: len(sink.parked) == 1)

    assert sink.applied == [b"0"]


async def test_a_bug_stops_the_consumer_and_loses_nothing(run: Run, new_topic: NewTopic, kafka_servers: str) -> None:
    topic = await new_topic()
    broken = Sink(lambda values: ZeroDivisionError("secret") if b"3" in values else None)
    await produce(kafka_servers, topic, numbers(5))

    first = await run(topic, broken, "group-of-" + topic)
    await until_true(first.consumer.stopped.is_set)
    trouble = await first.consumer.check()
    await first.stop()
    mended = Sink()
    await run(topic, mended, "group-of-" + topic)
    await until_true(lambda: len(mended.applied) == 5)

    assert trouble == "stopped by a bug"
    assert mended.applied == numbers(5)


class Refusing(Sink):
    """Parks every record, until the release is mended."""

    def __init__(self, pool: Pool, consumer: str) -> None:
        super().__init__()
        self._pool, self._consumer = pool, consumer
        self.is_mended = False

    async def __call__(self, batch: Batch) -> None:
        if not self.is_mended:
            batch.decode(self._refuse)
        async with self._pool.acquire() as connection:
            await park(connection, self._consumer, batch.parked)
        await super().__call__(batch)

    @staticmethod
    def _refuse(_: object) -> None:
        raise PoisonError("malformed_value", "whatever it is")


async def clear_alarms(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("UPDATE integrations.consumer_alarms SET cleared_at = now()")


async def test_more_parked_records_than_bad_data_explains_stop_the_consumer_until_somebody_resumes_it(
    run: Run, new_topic: NewTopic, kafka_servers: str, pool: Pool
) -> None:
    topic, group = await new_topic(), f"group-{uuid4().hex}"
    sink = Refusing(pool, group)
    await produce(kafka_servers, topic, numbers(150))

    running = await run(topic, sink, group)
    await until_true(running.consumer.stopped.is_set)
    trouble, parked = str(await running.consumer.check()), len(sink.parked)
    raised = await until(
        lambda: all_rows(pool, "SELECT topic, records, parked, cleared_at FROM integrations.consumer_alarms")
    )
    await produce(kafka_servers, topic, numbers(1, first=150))
    sink.is_mended = True
    await clear_alarms(pool)
    await until_true(lambda: b"150" in sink.applied)

    assert "too many records were parked" in trouble
    assert 100 < parked <= 150
    assert raised == [{"topic": topic, "records": parked, "parked": parked, "cleared_at": None}]
    assert sink.applied == numbers(151 - parked, first=parked)
    assert await running.consumer.check() is None


async def test_what_is_bad_is_a_share_of_all_that_the_consumers_of_a_process_read_of_a_topic(
    new_topic: NewTopic, kafka_servers: str, pool: Pool
) -> None:
    topic, group = await new_topic(2), f"group-{uuid4().hex}"
    keys = {choose_partition(key, range(2)): key for key in numbers(9)}
    alarms, sink, refusing = Alarms(pool, group), Sink(), Refusing(pool, group)
    handled: dict[int, set[int]] = {1: set(), 2: set()}

    async def apply(at: int, batch: Batch) -> None:
        handled[at] |= {record.partition for record in batch.records}
        await (refusing if batch.records[0].value == b"bad" else sink)(batch)

    both = Topic(topic, "", "", Cleanup.DELETE, 2)
    members = [Consumer(both, partial(apply, at), alarms, at=at) for at in handled]
    running = Running(group, members[0], ConsumerGroup(group, kafka_servers, members, alarms))

    async def have_joined() -> bool:
        return await members_of(kafka_servers, group) == 2 and all([await one.check() is None for one in members])

    await until(have_joined, 60)
    await produce(kafka_servers, topic, numbers(2_300), keys[0])
    await until_true(lambda: len(sink.applied) == 2_300)
    await produce(kafka_servers, topic, [b"bad"] * 110, keys[1])
    await until_true(lambda: len(refusing.parked) == 110)
    await produce(kafka_servers, topic, numbers(1), keys[1])
    await until_true(lambda: len(sink.applied) == 2_301)
    stopped = [one.stopped.is_set() for one in members]
    await running.stop()

    assert handled[1] | handled[2] == {0, 1}, "of each one, unless Kafka moved them meanwhile"
    assert stopped == [False, False]


async def test_what_waits_behind_an_alarm_is_shown_also_after_a_restart_and_only_that_of_its_partitions_afterwards(
    run: Run, new_topic: NewTopic, kafka_servers: str, pool: Pool
) -> None:
    topic, group = await new_topic(), f"group-{uuid4().hex}"
    sink = Sink()
    running = await run(topic, sink, group)
    await produce(kafka_servers, topic, numbers(3))
    await until_true(lambda: len(sink.applied) == 3)
    await Alarms(pool, group).raise_alarm(topic, Count(200, 150))
    await until_true(running.consumer.stopped.is_set)

    await produce(kafka_servers, topic, numbers(5, first=3))
    await until_true(lambda: lag(topic) == 5)
    await running.stop()
    again = await run(topic, sink, group)
    await produce(kafka_servers, topic, numbers(2, first=8))
    await until_true(lambda: lag(topic) == 7)
    await clear_alarms(pool)
    await until_true(lambda: len(sink.applied) == 10)
    await until_true(lambda: lag(topic) == 0)

    assert await again.consumer.check() is None


def lag(topic: str) -> float | None:
    return REGISTRY.get_sample_value("paintbox_consumer_lag_records", {"topic": topic, "partition": "0"})


async def test_a_consumer_that_restarts_under_an_alarm_stays_stopped_and_says_so(
    run: Run, new_topic: NewTopic, kafka_servers: str, pool: Pool
) -> None:
    topic, group = await new_topic(), f"group-{uuid4().hex}"
    await produce(kafka_servers, topic, numbers(3))
    await Alarms(pool, group).raise_alarm(topic, Count(200, 150))
    sink = Sink()

    running = await run(topic, sink, group)
    await until_true(running.consumer.stopped.is_set)
    trouble = str(await running.consumer.check())
    members = await members_of(kafka_servers, group)
    await clear_alarms(pool)
    await until_true(lambda: len(sink.applied) == 3)

    assert "paintbox parked resume" in trouble
    assert members == 0


async def test_an_alarm_of_one_copy_stops_the_other(
    run: Run, new_topic: NewTopic, kafka_servers: str, pool: Pool
) -> None:
    topic, sink = await new_topic(), Sink()
    running = await run(topic, sink)
    await until(running.is_ready)

    await Alarms(pool, running.group).raise_alarm(topic, Count(200, 150))
    await until_true(running.consumer.stopped.is_set)
    await produce(kafka_servers, topic, numbers(1))
    await clear_alarms(pool)
    await until_true(lambda: sink.applied == numbers(1))

    assert await running.consumer.check() is None


async def test_what_the_other_copies_parked_counts_for_a_minute_and_since_the_last_alarm_was_cleared(
    pool: Pool,
) -> None:
    alarms = Alarms(pool, "mine")
    async with pool.acquire() as connection:
        await connection.execute(
            """
            INSERT INTO integrations.parked_records
                   (consumer, topic, partition, "offset", reason_code, reason, parked_at, dropped_at)
            VALUES ('mine', 'topic', 0, 1, 'x', 'x', now(), NULL),
                   ('mine', 'topic', 0, 2, 'x', 'x', now(), NULL),
                   ('mine', 'topic', 0, 3, 'x', 'x', now(), now()),
                   ('mine', 'topic', 0, 4, 'x', 'x', now() - interval '61 s', NULL),
                   ('mine', 'other', 0, 5, 'x', 'x', now(), NULL),
                   ('another', 'topic', 0, 6, 'x', 'x', now(), NULL)
            """
        )

    before = await alarms.count_all("topic", Count(50, 2))
    await alarms.raise_alarm("topic", Count(200, 150))
    await clear_alarms(pool)
    after = await alarms.count_all("topic", Count(50, 2))

    assert (before, after) == (Count(50, 2), Count(50, 0))


async def test_what_the_other_copies_applied_counts_for_a_minute_and_since_the_last_alarm_was_cleared(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarming, "TELL_SECONDS", 0.0)
    one, other, another = Alarms(pool, "mine"), Alarms(pool, "mine"), Alarms(pool, "another")
    for alarms, topic in ((one, "topic"), (other, "topic"), (other, "elsewhere"), (another, "topic")):
        alarms.window(topic).add(monotonic(), Count(700, 0))
        await alarms.tell()
    seen = [await each.count_all("topic", Count(10, 0)) for each in (one, other, another)]
    other.window("topic").clear()
    await other.tell()
    after_a_minute = await one.count_all("topic", Count(10, 0))
    async with pool.acquire() as connection:
        await connection.execute("UPDATE integrations.consumer_counts SET counted_at = now() - interval '61 minutes'")
    await other.tell()
    async with pool.acquire() as connection:
        left = await connection.fetchval("SELECT count(*) FROM integrations.consumer_counts WHERE consumer = 'another'")

    assert seen == [Count(710, 0), Count(710, 0), Count(10, 0)]
    assert after_a_minute == Count(10, 0)
    assert left == 0


async def test_a_copy_that_may_not_tell_what_it_applied_goes_on_and_says_so_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(alarming, "TELL_SECONDS", 0.0)
    alarms, other = Alarms(pool, "mine"), Alarms(pool, "mine")
    alarms.window("topic").add(monotonic(), Count(700, 0))
    async with pool.acquire() as connection:
        await connection.execute("ALTER TABLE integrations.consumer_counts RENAME TO elsewhere")
    for _ in range(3):
        await alarms.tell()
    mute = [line.getMessage() for line in caplog.records if "cannot be told" in line.getMessage()]
    async with pool.acquire() as connection:
        await connection.execute("ALTER TABLE integrations.elsewhere RENAME TO consumer_counts")
    await alarms.tell()

    assert len(mute) == 1
    assert await other.count_all("topic", Count(10, 0)) == Count(710, 0)


async def test_alarms_of_a_server_that_only_reads_are_not_believed(
    new_database: NewDatabase, admin: Connection
) -> None:
    """As of a primary that was fenced: one that was raised since is at the new one."""
    dsn = await new_database(Database.INTEGRATIONS)
    await admin.execute(f"ALTER DATABASE {postgres.database_of(dsn)} SET default_transaction_read_only = on")
    async with postgres.create_pool(dsn, process="test") as pool:
        alarms = Alarms(pool, "mine")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await alarms.list_topics()
        await admin.execute(f"ALTER DATABASE {postgres.database_of(dsn)} RESET default_transaction_read_only")

        assert await alarms.list_topics() == frozenset()


async def test_bad_records_of_one_partition_are_a_share_of_what_all_copies_applied(
    run: Run, new_topic: NewTopic, kafka_servers: str, pool: Pool
) -> None:
    """As where a vendor sends one record again and again: a share of this copy, and next to nothing of all."""
    topic, group = await new_topic(), f"group-{uuid4().hex}"
    async with pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO integrations.consumer_counts VALUES ($1, $2, $3, 20000, now())", group, topic, uuid4()
        )
    sink = Refusing(pool, group)
    await produce(kafka_servers, topic, [b"bad"] * 150)
    running = await run(topic, sink, group)

    async def is_committed() -> bool:
        return (await committed(kafka_servers, group)).get((topic, 0)) == 150

    await until(is_committed)
    assert await running.consumer.check() is None


async def test_a_start_without_the_database_waits_for_it(
    run: Run, new_topic: NewTopic, kafka_servers: str, pool: Pool, admin: Connection
) -> None:
    topic, sink, name = await new_topic(), Sink(), await database_name(pool)
    await produce(kafka_servers, topic, numbers(3))
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)

    running = await run(topic, sink)
    await until(partial(says, running, "waits to hear of alarms"))
    before = list(sink.applied)
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await until_true(lambda: len(sink.applied) == 3)

    assert before == []


async def test_a_member_that_joins_shares_the_work_and_none_is_done_twice(
    run: Run, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic, one, other = await new_topic(partitions=2), Sink(), Sink()
    first = await run(topic, one, "group-of-" + topic)
    for number in range(20):
        await produce(kafka_servers, topic, [str(number).encode()], key=str(number).encode())
    await until_true(lambda: len(one.applied) == 20)

    await run(topic, other, first.group)

    async def both_work() -> bool:
        await produce(kafka_servers, topic, [b"later"], key=uuid4().bytes)
        return b"later" in one.applied and b"later" in other.applied

    await until(both_work)
    assert sorted(value or b"" for value in one.applied if value != b"later") == sorted(numbers(20))
    assert set(other.applied) == {b"later"}


async def test_f44_a_topic_that_is_made_later_or_anew_is_read_from_its_beginning(run: Run, kafka_servers: str) -> None:
    topic, sink = f"test.{uuid4().hex}", Sink()
    running = await run(topic, sink)
    async with administration(kafka_servers) as admin:
        for first in (0, 3):
            await create_topics(admin, [KafkaTopic(topic, 1, 1)])
            await produce(kafka_servers, topic, numbers(3, first))
            await until_true(partial(has_applied, sink, first + 3), 60)
            await admin.delete_topics([topic])

    assert sink.applied == numbers(6)
    assert not running.consumer.stopped.is_set()


async def test_what_is_begun_amid_a_batch_does_not_keep_it(run: Run, new_topic: NewTopic, kafka_servers: str) -> None:
    """A timer keeps the context that it was made in: asyncpg makes one for each connection that is put back."""
    topic, contexts = await new_topic(), list[Context]()

    async def apply(_: Batch) -> None:
        contexts.append(copy_context())

    await produce(kafka_servers, topic, numbers(1))
    await run(topic, apply)
    await until_true(lambda: bool(contexts))

    assert list(contexts[0].values()) == []


async def test_stopping_finishes_the_batch_in_hand_and_commits_it(
    run: Run, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic, begun, go_on = await new_topic(), asyncio.Event(), asyncio.Event()
    applied: list[bytes | None] = []

    async def slowly(batch: Batch) -> None:
        begun.set()
        await go_on.wait()
        applied.extend(record.value for record in batch.records)

    await produce(kafka_servers, topic, numbers(3))
    running = await run(topic, slowly)
    await begun.wait()
    stopping = asyncio.create_task(running.stop())
    await asyncio.sleep(0)
    go_on.set()
    await stopping

    assert applied == numbers(3)
    assert (await committed(kafka_servers, running.group))[topic, 0] == 3


async def test_the_line_of_a_batch_says_which_events_it_was_about(
    run: Run, new_topic: NewTopic, kafka_servers: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic, sink, ids = await new_topic(), Sink(), [str(uuid4()) for _ in range(2)]
    caplog.set_level(logging.INFO, "synckit.consumer.lanes")
    async with AIOKafkaProducer(bootstrap_servers=kafka_servers) as producer:
        for value in (*ids, "0" * 32 + "not an id", "\0"):
            await producer.send_and_wait(topic, b"x", headers=[("ce_correlationid", value.encode())])

    await run(topic, sink)
    await until_true(lambda: len(sink.applied) == 4)
    await until_true(lambda: "A batch was applied" in caplog.messages)

    said = [getattr(record, "correlation_ids", ()) for record in caplog.records]
    assert [one for line in said for one in line] == ids


async def test_a_revoked_partition_goes_to_others_only_once_the_batch_in_hand_is_applied(
    run: Run, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic, begun, go_on = await new_topic(), asyncio.Event(), asyncio.Event()
    applied: list[bytes | None] = []

    async def slowly(batch: Batch) -> None:
        begun.set()
        await go_on.wait()
        applied.extend(record.value for record in batch.records)

    await produce(kafka_servers, topic, numbers(3))
    running = await run(topic, slowly)
    await begun.wait()
    revoking = asyncio.create_task(running.consumer.on_partitions_revoked(set()))
    done, _ = await asyncio.wait({revoking}, timeout=0.2)
    go_on.set()
    await revoking

    assert done == set()
    assert applied == numbers(3)


async def test_what_was_given_up_is_never_committed(run: Run, new_topic: NewTopic, kafka_servers: str) -> None:
    topic = await new_topic()
    sink = Sink(lambda _: TransientError("away"))
    await produce(kafka_servers, topic, numbers(3))
    running = await run(topic, sink)
    await until_true(lambda: sink.calls >= 2)
    client = running.members._subscribers[0].consumer

    await running.consumer.tend(client)
    running.consumer.give_up()
    await until_true(running.consumer._idle.is_set)
    for _ in range(3):
        await running.consumer.tend(client)

    assert (await committed(kafka_servers, running.group)).get((topic, 0), 0) <= 0
    assert sink.applied == []


async def test_a_client_that_fails_is_replaced_and_all_that_it_had_gathered_is_read_again(
    run: Run, new_topic: NewTopic, kafka_servers: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As aiokafka 0.14 does where one partition's records cannot be unpacked: those of the others are gone."""
    topic, sink = await new_topic(), Sink()
    running = await run(topic, sink)
    await until(running.is_ready)
    client = running.members._subscribers[0].consumer
    gathered: list[object] = []

    async def fails(**asked: int) -> dict[object, object]:
        gathered.extend(await type(client).getmany(client, **asked))
        if gathered:
            raise CorruptRecordException
        return {}

    client.getmany = fails
    await produce(kafka_servers, topic, numbers(10))
    await until_true(lambda: bool(gathered))
    await until(lambda: says(running, "reads again from its committed offsets: CorruptRecordException"))
    await until_true(lambda: len(sink.applied) == 10)
    await until(running.is_ready)

    async def is_committed() -> bool:
        return (await committed(kafka_servers, running.group)).get((topic, 0)) == 10

    await until(is_committed)
    assert sink.applied == numbers(10)
    assert [one for one in caplog.messages if one == "A consumer's client failed, and is replaced"] != []


async def test_records_that_cannot_be_unpacked_are_said_loudly_not_passed_over_and_read_once_they_can_be(
    run: Run, new_topic: NewTopic, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MANY", 0)
    topic, sink = await new_topic(), Sink()
    running = await run(topic, sink)
    await until(running.is_ready)
    client = running.members._subscribers[0].consumer

    async def fails(**asked: int) -> dict[object, object]:
        if await type(client).getmany(client, **asked):
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "a header's name")
        return {}

    client.getmany = fails
    await produce(kafka_servers, topic, numbers(10))
    await until(lambda: says(running, "cannot read what Kafka gives"))
    was_committed = (await committed(kafka_servers, running.group)).get((topic, 0), 0)
    was_applied = list(sink.applied)
    await until_true(lambda: sink.applied[-1:] == numbers(1, first=9))

    assert was_applied == numbers(was_committed)  # what an earlier question, which was under way, still got
    assert was_committed < 10
    assert sink.applied == numbers(10)
    assert await running.consumer.check() is None


async def test_compressed_records_are_read(run: Run, new_topic: NewTopic, kafka_servers: str) -> None:
    topic, sink = await new_topic(), Sink()
    for codec in ("gzip", "lz4", "snappy", "zstd"):
        await produce(kafka_servers, topic, [codec.encode() * 100], compression_type=codec)

    await run(topic, sink)
    await until_true(lambda: len(sink.applied) == 4)


@pytest.mark.parametrize("has_begun", [True, False])
async def test_who_is_told_to_stop_while_it_joins_is_in_no_group_afterwards(
    has_begun: bool, new_topic: NewTopic, kafka_servers: str, pool: Pool
) -> None:
    topic, group = await new_topic(), f"group-{uuid4().hex}"
    alarms = Alarms(pool, group)
    consumer = Consumer(Topic(topic, "", "", Cleanup.DELETE, 1), Sink(), alarms)
    members = ConsumerGroup(group, kafka_servers, [consumer], alarms)
    subscriber = members._subscribers[0]
    joining = asyncio.create_task(members._start())
    if has_begun:
        await until_true(lambda: subscriber.consumer is not None)

    await members.stop()
    await joining

    assert not subscriber.running
    assert await members_of(kafka_servers, group) == 0
