"""What Kafka has is deleted before a term ends, whatever fails beside that, so that it is not published again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError

from paintbox.databases import Connection, Database
from support.postgres import NewDatabase, OpenSession
from synckit import postgres
from synckit.outbox import relay, store
from synckit.outbox.relay import Relay
from synckit.outbox.rounds import Round
from synckit.outbox.store import Event, Outbox

OUTBOX = Outbox(name="deleting", events="customers.outbox_events", refused="customers.outbox_refused")
HELD_SECONDS = 0.5

Lead = Callable[..., Awaitable[postgres.Connection]]


@pytest.fixture
async def dsn(new_database: NewDatabase) -> str:
    return await new_database(Database.CUSTOMERS)


@pytest.fixture
async def lead(dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lead]:
    """Opens the session of a relay."""
    monkeypatch.setattr(relay, "RETRY_SECONDS", 0.05)
    opened: list[postgres.Connection] = []

    async def open_session(**settings: str) -> postgres.Connection:
        opened.append(await postgres.connect(dsn, process="test", **settings))
        return opened[-1]

    yield open_session
    for one in opened:
        one.terminate()


class Sending(Relay):
    """Kafka takes its rounds, and knows no topic."""

    def __init__(self) -> None:
        super().__init__(OUTBOX, dsn="", servers="", process="test")

    async def _send(self, *_: object) -> None:
        """Sends nothing."""

    async def partitions_for(self, _: str) -> set[int]:
        raise UnknownTopicOrPartitionError

    def publish(self, session: postgres.Connection, now: Round) -> asyncio.Task[Round]:
        return asyncio.create_task(self._publish(session, cast("AIOKafkaProducer", self), now))


async def two_rows(session: Connection) -> list[int]:
    await store.insert(session, OUTBOX, [Event(topic="t", key="k", headers={}, value=b"{}") for _ in range(2)])
    return await rows_left(session)


async def rows_left(session: Connection) -> list[int]:
    return [row["seq"] for row in await session.fetch("SELECT seq FROM customers.outbox_events ORDER BY seq")]


async def is_pending(task: asyncio.Task[Any]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=HELD_SECONDS)
    return not done


async def test_what_is_published_is_deleted_though_the_rows_behind_it_cannot_be_prepared(
    lead: Lead, session: Connection, connect: OpenSession, dsn: str
) -> None:
    first, second = await two_rows(session)
    leading, holder = await lead(), await connect(dsn)
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT FROM customers.outbox_events WHERE seq = $1 FOR UPDATE", first)

    publishing = Sending().publish(leading, Round(seqs=[first], sizes=[2], is_whole=True))
    was_pending = await is_pending(publishing)
    await held.rollback()
    with pytest.raises(UnknownTopicOrPartitionError):
        await publishing

    assert was_pending
    assert await rows_left(session) == [second]


async def test_the_rows_behind_a_round_are_prepared_while_kafka_takes_it_and_sent_once_its_own_are_deleted(
    lead: Lead, session: Connection
) -> None:
    first, second = await two_rows(session)
    prepared, taken = asyncio.Event(), asyncio.Event()

    class Slow(Sending):
        async def _send(self, *_: object) -> None:
            await taken.wait()

        async def _prepare(self, _: object, rows: Sequence[postgres.Row]) -> Round:
            prepared.set()
            return Round(seqs=[row["seq"] for row in rows])

    publishing = Slow().publish(await lead(), Round(seqs=[first], sizes=[2], is_whole=True))
    async with asyncio.timeout(10):
        await prepared.wait()
    was_there = await rows_left(session)
    taken.set()

    assert (await publishing).seqs == [second]
    assert was_there == [first, second]
    assert await rows_left(session) == [second]


@pytest.mark.parametrize(("lock_timeout", "round_seconds"), [("100ms", 20.0), ("5s", 0.1)])
async def test_what_is_published_is_deleted_though_the_rows_behind_it_cannot_be_read(
    lead: Lead,
    session: Connection,
    connect: OpenSession,
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    lock_timeout: str,
    round_seconds: float,
) -> None:
    monkeypatch.setattr(relay, "ROUND_SECONDS", round_seconds)
    first, second = await two_rows(session)
    leading, holder = await lead(lock_timeout=lock_timeout), await connect(dsn)
    held = holder.transaction()
    await held.start()
    await holder.execute("LOCK TABLE customers.outbox_events")

    publishing = Sending().publish(leading, Round(seqs=[first], sizes=[2], is_whole=True))
    was_pending = await is_pending(publishing)
    await held.rollback()
    ahead = await publishing

    assert was_pending
    assert ahead.is_empty
    assert await rows_left(session) == [second]


async def test_a_round_outlives_statements_that_are_refused_beside_it(
    lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "ASK_SECONDS", 0.05)
    leading, may_commit = await lead(), asyncio.Event()
    with pytest.raises(asyncpg.DivisionByZeroError):  # a transaction that failed takes no statement any more
        await leading.execute("BEGIN; SELECT 1 / 0")
    refused: list[str] = []

    async def look_ahead() -> Round:
        try:
            await leading.fetch("SELECT 1")
        except asyncpg.PostgresError as error:
            refused.append(type(error).__name__)
            raise
        return Round(seqs=[1])

    async def send() -> None:
        await may_commit.wait()

    sending = asyncio.create_task(relay._while_asking(leading, send(), look_ahead))
    was_pending = await is_pending(sending)
    may_commit.set()

    assert was_pending
    assert await sending == Round()
    assert refused == ["InFailedSQLTransactionError"]


async def test_a_round_ends_with_its_session(lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "ASK_SECONDS", 0.05)
    leading = await lead()
    leading.terminate()

    with pytest.raises(asyncpg.InterfaceError):
        await relay._while_asking(leading, asyncio.sleep(10))
