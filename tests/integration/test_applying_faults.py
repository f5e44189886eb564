"""What passes is waited for and named, whatever PostgreSQL really says: each fault is done to a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from paintbox.databases import Connection, Database
from support.notifications import KafkaRecord
from support.postgres import NewDatabase, OpenSession
from support.waiting import until_true
from synckit import postgres
from synckit.consumer.applying import Applier
from synckit.consumer.batch import Batch
from synckit.consumer.lease import GivenUpError
from synckit.errors import TransientError
from synckit.postgres import Pool, database_of

pytestmark = pytest.mark.database

BATCH = [KafkaRecord(value=b"1", offset=1)]
WRITE = "INSERT INTO public.applied (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET times = applied.times + 1"

Apply = Callable[[Batch], Awaitable[None]]


@pytest.fixture
async def dsn(new_database: NewDatabase, connect: OpenSession) -> str:
    dsn = await new_database(Database.INTEGRATIONS)
    owner = await connect(dsn)
    await owner.execute("CREATE TABLE public.applied (id bigint PRIMARY KEY, times integer NOT NULL DEFAULT 1)")
    return dsn


@pytest.fixture
async def owner(dsn: str, connect: OpenSession) -> Connection:
    return await connect(dsn)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with postgres.create_pool(dsn, process="test-faults") as pool:
        yield pool


def writing(pool: Pool, *before: str) -> Apply:
    """An `Apply` that writes one row in a transaction, after these statements."""

    async def apply(_: Batch) -> None:
        async with pool.acquire() as connection, connection.transaction():
            for statement in before:
                await connection.execute(statement)
            await connection.execute(WRITE)

    return apply


async def end_sessions(admin: Connection, database: str) -> None:
    await admin.execute(
        """
        SELECT pg_terminate_backend(pid)
          FROM pg_stat_activity
         WHERE datname = $1 AND application_name = 'test-faults'
        """,
        database,
    )


@pytest.mark.parametrize(
    ("harm", "heal", "named"),
    [
        ("SET default_transaction_read_only = on", "RESET default_transaction_read_only", "25006"),
        ("CONNECTION LIMIT 0", "CONNECTION LIMIT -1", "53300"),
        ("ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true", "55000"),
    ],
    ids=["f14 a read-only standby", "f26 too many connections", "no connections"],
)
async def test_a_database_that_lets_nobody_write_is_waited_for_by_its_sqlstate(
    dsn: str, pool: Pool, owner: Connection, admin: Connection, harm: str, heal: str, named: str
) -> None:
    name = database_of(dsn)
    applier = Applier("t", writing(pool))
    await applier.apply(Batch(BATCH))
    await admin.execute(f"ALTER DATABASE {name} {harm}")
    await end_sessions(admin, name)

    waiting = asyncio.create_task(applier.apply(Batch(BATCH)))
    await until_true(lambda: named in str(applier.trouble))
    waited = applier.waited_seconds
    await admin.execute(f"ALTER DATABASE {name} {heal}")
    await end_sessions(admin, name)
    parked = await waiting

    assert waited > 0
    assert (parked, applier.trouble, applier.waited_seconds) == ([], None, 0.0)
    assert await owner.fetchval("SELECT times FROM public.applied") == 2


@pytest.mark.parametrize(
    ("limit", "state"),
    [("SET LOCAL lock_timeout = '50ms'", "55P03"), ("SET LOCAL statement_timeout = '50ms'", "57014")],
    ids=["lock time-out", "statement time-out"],
)
async def test_a_time_out_is_tried_again(pool: Pool, owner: Connection, limit: str, state: str) -> None:
    applier = Applier("t", writing(pool, limit))
    async with owner.transaction():
        await owner.execute("LOCK TABLE public.applied IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(applier.apply(Batch(BATCH)))
        await until_true(lambda: state in str(applier.trouble))

    assert await waiting == []
    assert await owner.fetchval("SELECT times FROM public.applied") == 1


async def test_f13_a_session_that_is_ended_in_the_middle_of_a_transaction_leaves_nothing_and_is_tried_again(
    pool: Pool, owner: Connection, admin: Connection
) -> None:
    attempts = []

    async def apply(_: Batch) -> None:
        attempts.append(1)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(WRITE)
            if len(attempts) == 1:
                await admin.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
            await connection.execute("SELECT 1")

    assert await Applier("t", apply).apply(Batch(BATCH)) == []
    assert len(attempts) == 2
    assert await owner.fetchval("SELECT times FROM public.applied") == 1


async def test_f20_a_plan_that_a_schema_change_made_stale_is_made_anew(pool: Pool, owner: Connection) -> None:
    attempts = []

    async def apply(_: Batch) -> None:
        attempts.append(1)
        async with pool.acquire() as connection, connection.transaction():
            await connection.fetch("SELECT * FROM public.applied")
            await connection.execute(WRITE)

    applier = Applier("t", apply)
    await applier.apply(Batch(BATCH))
    await owner.execute("ALTER TABLE public.applied ADD COLUMN later text")

    assert await applier.apply(Batch(BATCH)) == []
    assert len(attempts) == 3
    assert await owner.fetchval("SELECT times FROM public.applied") == 2


async def test_f25_a_deadlock_costs_a_try_and_no_record(pool: Pool, owner: Connection) -> None:
    await owner.execute("INSERT INTO public.applied (id) VALUES (1), (2)")
    both = asyncio.Barrier(2)
    attempts = []

    def updating(first: int, second: int) -> Apply:
        async def apply(_: Batch) -> None:
            attempts.append(first)
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("UPDATE public.applied SET times = times + 1 WHERE id = $1", first)
                if len(attempts) <= 2:
                    await both.wait()
                await connection.execute("UPDATE public.applied SET times = times + 1 WHERE id = $1", second)

        return apply

    parked = await asyncio.gather(
        Applier("t", updating(1, 2)).apply(Batch(BATCH)), Applier("t", updating(2, 1)).apply(Batch(BATCH))
    )

    assert [*parked[0], *parked[1]] == []
    assert len(attempts) == 3
    assert [row["times"] for row in await owner.fetch("SELECT times FROM public.applied")] == [3, 3]


async def test_what_waits_gives_up_when_it_is_told_to(pool: Pool, owner: Connection) -> None:
    applier = Applier("t", writing(pool, "SET LOCAL lock_timeout = '50ms'"))
    async with owner.transaction():
        await owner.execute("LOCK TABLE public.applied IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(applier.apply(Batch(BATCH)))
        await until_true(lambda: applier.trouble is not None)
        applier.given_up.set()
        with pytest.raises(GivenUpError):
            await waiting

    assert await owner.fetchval("SELECT count(*) FROM public.applied") == 0


async def test_a_bug_is_no_reason_to_wait_nor_to_park(pool: Pool) -> None:
    batch = Batch(BATCH)

    with pytest.raises(asyncpg.UndefinedColumnError):
        await Applier("t", writing(pool, "SELECT nowhere FROM public.applied")).apply(batch)

    assert batch.condemned == {}


async def test_one_line_says_that_it_waits_and_one_that_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    attempts = iter(range(4))

    async def apply(_: Batch) -> None:
        if next(attempts) < 3:
            raise TransientError("canary")

    with caplog.at_level("INFO", logger="synckit"):
        await Applier("t", apply).apply(Batch(BATCH))

    assert [record.message for record in caplog.records] == ["A consumer waits", "A consumer goes on"]
    assert "canary" not in str([vars(record) for record in caplog.records])
