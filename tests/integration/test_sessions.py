"""A session whose client fell silent in the midst of a statement: nothing of PostgreSQL's own ends it, we do."""

from datetime import timedelta

import asyncpg
import pytest

from support.postgres import NewDatabase
from support.waiting import until
from synckit import postgres, sessions
from synckit.postgres import Pool

pytestmark = pytest.mark.database


HOLD = "SELECT pg_advisory_xact_lock(1)"
TRY = "SELECT pg_try_advisory_lock(1)"


@pytest.fixture
async def dsn(new_database: NewDatabase) -> str:
    return await new_database(None)


async def frozen_amid_a_statement(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A transaction that holds a lock, and has sent Parse and Describe of its next statement, and nothing since."""
    session = await postgres.connect(dsn, process="frozen")
    await session.execute("BEGIN")
    await session.execute(HOLD)
    await session.prepare("SELECT 1 AS next")
    return session


async def can_lock(pool: Pool) -> bool:
    async with pool.acquire() as connection:
        return bool(await connection.fetchval(TRY))


async def test_a_session_that_fell_silent_amid_a_statement_is_ended_and_its_locks_are_free(dsn: str) -> None:
    async with postgres.create_pool(dsn, process="test") as pool:
        session = await frozen_amid_a_statement(dsn)
        held = not await can_lock(pool)

        ended = await sessions.end_silent(pool, timedelta(0))

        assert held
        assert ended == 1
        await until(lambda: can_lock(pool))  # PostgreSQL tells the session to end, and does not wait for it
        session.terminate()


async def test_a_session_is_left_alone_until_it_has_been_silent_for_ten_seconds(dsn: str) -> None:
    async with postgres.create_pool(dsn, process="test") as pool:
        session = await frozen_amid_a_statement(dsn)

        ended = await sessions.end_silent(pool)

        assert ended == 0
        assert await session.fetchval("SELECT 1") == 1
        session.terminate()


async def test_a_session_between_two_statements_is_postgresqls_to_end(dsn: str) -> None:
    async with postgres.create_pool(dsn, process="test") as pool:
        session = await postgres.connect(dsn, process="idle")
        await session.execute("BEGIN")
        await session.execute(HOLD)

        ended = await sessions.end_silent(pool, timedelta(0))

        assert ended == 0
        session.terminate()
