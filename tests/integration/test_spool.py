"""The spool: what a door keeps while Kafka is away reaches its topic, whole, and is forgotten only then."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pytest

from paintbox.databases import Connection
from support.kafka import NewTopic
from support.notifications import TRACE
from support.postgres import OpenSession
from support.topics import read_all
from support.waiting import until, until_true
from synckit import failpoints, identity, postgres
from synckit.contracts.headers import SOURCE_COMPANYCAM, EventHeaders, decode
from webhook_ingest import spool
from webhook_ingest.custody import Custody
from webhook_ingest.models import Outgoing
from webhook_ingest.publisher import Publisher
from webhook_ingest.spool import Sender

NOWHERE = "127.0.0.1:1"
MIB = 1024 * 1024

Start = Callable[..., Awaitable[Sender]]


@pytest.fixture
async def start(dsn: str, kafka_servers: str) -> AsyncIterator[Start]:
    """Starts senders, which the end of the test stops."""
    async with AsyncExitStack() as stack:

        async def start_sender(servers: str = kafka_servers) -> Sender:
            pool = await stack.enter_async_context(postgres.create_pool(dsn, process="test"))
            sender = Sender(pool, servers, "test")
            task = asyncio.create_task(sender.run())
            stack.push_async_callback(asyncio.wait_for, task, 20)
            stack.callback(sender.stop)
            return sender

        yield start_sender


@pytest.fixture
def disarmed() -> Iterator[None]:
    """No failpoint outlives its test."""
    yield
    failpoints.arm(())


def a_record(topic: str, name: str, value: bytes = b"{}") -> Outgoing:
    event_id = identity.event_id("spool", name)
    headers = EventHeaders(
        id=event_id,
        source=SOURCE_COMPANYCAM,
        type="companycam.photo.created.v1",
        subject=name,
        time=0,
        received_at=1_767_342_000_000,
        correlation_id=event_id,
        traceparent=TRACE,
        request='{"headers": {"x-request-id": "é\\u0001"}}',
    )
    return Outgoing(topic, name, headers, value)


async def left(session: Connection) -> list[UUID]:
    rows = await session.fetch("SELECT event_id FROM integrations.webhook_spool ORDER BY seq")
    return [UUID(str(row["event_id"])) for row in rows]


async def until_empty(session: Connection) -> None:
    async def is_empty() -> bool:
        return not await left(session)

    await until(is_empty)


def slices_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each slice has from now on."""
    slices: list[int] = []
    send = spool._send

    async def recording(producer: Any, rows: Any) -> Any:
        slices.extend([len(rows)] if rows else [])
        return await send(producer, rows)

    monkeypatch.setattr(spool, "_send", recording)
    return slices


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "webhook_ingest.spool"]


async def test_f29_what_a_door_keeps_says_when_by_a_clock_that_is_not_its_own(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic()
    await spool.insert(session, [a_record(topic, "of now")], of_now=True)
    spooled_at = await session.fetchval("SELECT spooled_at FROM integrations.webhook_spool")

    await start()
    await until_empty(session)

    (sent,) = await read_all(kafka_servers, topic)
    assert abs((decode(sent.headers).spooled_at or 0) - spooled_at.timestamp() * 1000) < 5_000


async def test_f29_so_does_what_a_door_keeps_whose_kafka_is_away(dsn: str, session: Connection) -> None:
    async with postgres.create_pool(dsn, process="test") as pool:
        publisher = Publisher(NOWHERE, "test", 0.1)
        await Custody(publisher, pool).keep("companycam", [a_record("paintbox.webhooks.companycam.v1", "one")])

    (row,) = await session.fetch("SELECT headers->>'ce_spooledat' AS at FROM integrations.webhook_spool")
    assert row["at"] is not None


async def test_a_slice_begins_behind_what_was_sent_and_what_was_committed_late_is_sent_too(
    start: Start,
    session: Connection,
    connect: OpenSession,
    dsn: str,
    new_topic: NewTopic,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was sent is dead, but there, while somebody holds an old snapshot: passed over anew by each slice else."""
    topic, afters, claim = await new_topic(), list[int](), spool.claim_next

    async def recording(connection: Any, at_most: int, after: int) -> Any:
        afters.append(after)
        return await claim(connection, at_most, after)

    monkeypatch.setattr(spool, "claim_next", recording)
    async with (late := await connect(dsn)).transaction():
        await spool.insert(late, [a_record(topic, "late")])
        await spool.insert(session, [a_record(topic, str(number)) for number in range(4 * spool.SLICE_ROWS)])
        await start()
        await until_empty(session)
        while_it_was_away = list(afters)
    await until_empty(session)

    assert sum(after == 0 for after in while_it_was_away) <= 3
    assert while_it_was_away == sorted(while_it_was_away[:4]) + while_it_was_away[4:]
    assert await session.fetchval("SELECT count(*) FROM integrations.webhook_spool") == 0


async def test_a_record_reaches_its_topic_as_it_was(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic()
    record = a_record(topic, "名前", b'{"a": "\\u0000 \xff\x00"}')
    await spool.insert(session, [record])

    await start()
    await until_empty(session)

    (sent,) = await read_all(kafka_servers, topic)
    assert (sent.key.decode(), sent.value) == (record.key, record.value)
    assert decode(sent.headers) == record.headers


async def test_records_go_in_the_order_in_which_they_came_and_in_slices(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic()
    names = [f"{number:04}" for number in range(2 * spool.SLICE_ROWS + 1)]
    await spool.insert(session, [a_record(topic, name) for name in names])

    await start()
    await until_empty(session)

    assert [record.key.decode() for record in await read_all(kafka_servers, topic)] == names


async def test_a_slice_holds_about_four_mebibytes(session: Connection) -> None:
    await spool.insert(session, [a_record("topic", str(number), b"x" * MIB) for number in range(6)])

    async with session.transaction():
        claimed = await spool.claim_next(session, spool.SLICE_ROWS, 0)

    assert len(claimed) == 4


async def test_what_another_sender_holds_is_left_to_it(
    start: Start, session: Connection, connect: OpenSession, dsn: str, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic, other = await new_topic(), await connect(dsn)
    await spool.insert(session, [a_record(topic, "held"), a_record(topic, "free")])
    async with other.transaction():
        held = await spool.claim_next(other, 1, 0)
        await start()

        async def only_the_held_is_left() -> bool:
            return await left(session) == [identity.event_id("spool", "held")]

        await until(only_the_held_is_left)

    await until_empty(session)
    assert [row["key"] for row in held] == ["held"]
    assert [record.key for record in await read_all(kafka_servers, topic)] == [b"free", b"held"]


async def test_two_senders_empty_one_spool(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic(partitions=3)
    names = {str(number) for number in range(3 * spool.SLICE_ROWS)}
    await spool.insert(session, [a_record(topic, name) for name in sorted(names)])

    await start()
    await start()
    await until_empty(session)

    sent = [record.key.decode() for record in await read_all(kafka_servers, topic)]
    assert sorted(sent) == sorted(names)


async def test_while_kafka_is_away_records_wait_and_one_line_says_so(
    start: Start, session: Connection, new_topic: NewTopic, caplog: pytest.LogCaptureFixture
) -> None:
    await spool.insert(session, [a_record(await new_topic(), "one")])
    caplog.set_level(logging.WARNING, "webhook_ingest.spool")
    away = await start(NOWHERE)
    await until_true(lambda: bool(lines(caplog)))
    kept = await left(session)
    away.stop()

    await start()
    await until_empty(session)

    assert kept == [identity.event_id("spool", "one")]
    assert lines(caplog) == ["The spool is not sent"]


@pytest.mark.usefixtures("disarmed")
async def test_what_was_sent_and_not_deleted_is_sent_again(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic()
    await spool.insert(session, [a_record(topic, "one")])
    failpoints.arm(["spool.send:after=fail"])

    await start()
    await until_empty(session)

    assert [record.key for record in await read_all(kafka_servers, topic)] == [b"one", b"one"]


async def test_f44_what_is_not_acknowledged_in_time_stays(start: Start, session: Connection) -> None:
    await spool.insert(session, [a_record("test.there-is-no-such-topic", "one")])

    sender = await start()
    await until_true(lambda: sender._failure == "TimeoutError")

    assert await left(session) == [identity.event_id("spool", "one")]


async def test_a_record_that_kafka_refuses_stays_and_holds_nothing_up(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic = await new_topic(max_message_bytes="2000")
    small = [a_record(topic, str(number)) for number in range(5)]
    await spool.insert(session, [small[0], a_record(topic, "large", b"x" * 3_000), *small[1:]])
    caplog.set_level(logging.ERROR, "webhook_ingest.spool")

    await start()

    async def only_the_large_is_left() -> bool:
        return await left(session) == [identity.event_id("spool", "large")]

    await until(only_the_large_is_left)
    sent = {record.key.decode() for record in await read_all(kafka_servers, topic)}
    assert sent == {"0", "1", "2", "3", "4"}
    assert "Kafka refuses a record of the spool, which stays there" in lines(caplog)


async def test_behind_a_refused_record_whole_slices_go_again(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, slices = await new_topic(max_message_bytes="20000"), slices_of(monkeypatch)
    monkeypatch.setattr(spool, "SLICE_ROWS", 4)
    small = [a_record(topic, f"{number:02}") for number in range(12)]
    await spool.insert(session, [a_record(topic, "large", b"x" * 30_000), *small])

    await start()

    async def only_the_large_is_left() -> bool:
        return await left(session) == [identity.event_id("spool", "large")]

    await until(only_the_large_is_left)
    assert slices[:6] == [4, 1, 1, 1, 1, 4]
    assert [record.key.decode() for record in await read_all(kafka_servers, topic)] == [one.key for one in small]


async def test_what_is_acknowledged_before_a_time_out_is_not_sent_again_and_what_is_stuck_holds_nothing_up(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, slices = await new_topic(), slices_of(monkeypatch)
    monkeypatch.setattr(spool, "SEND_SECONDS", 1.0)
    monkeypatch.setattr(spool, "LONGEST_WAIT", 0.5)  # seven slices fail one after another
    stuck = [a_record("test.there-is-no-such-topic", f"stuck-{number}") for number in range(40)]
    flowing = [a_record(topic, f"{number}") for number in range(61)]
    await spool.insert(session, [*stuck, *flowing[:60]])

    await start()
    await until_true(lambda: len(slices) >= 2)
    await spool.insert(session, flowing[60:])

    async def only_the_stuck_are_left() -> bool:
        return await left(session) == [one.headers.id for one in stuck]

    await until(only_the_stuck_are_left)
    assert slices[:2] == [100, 1]
    assert [record.key.decode() for record in await read_all(kafka_servers, topic)] == [one.key for one in flowing]
