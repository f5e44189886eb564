"""What each session of ours has told the server, as the server has it: a frozen worker frees its locks."""

import asyncio
import os
import signal
import time
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from paintbox.databases import Connection, Database, connected
from support.postgres import NewDatabase, OpenSession
from synckit import line, postgres
from synckit.errors import TransientError
from synckit.failures import Verdict, verdict
from synckit.postgres import Pool

pytestmark = pytest.mark.database

TIMEOUTS: Final = {
    "idle_in_transaction_session_timeout": 15_000,
    "lock_timeout": 5_000,
    "statement_timeout": 30_000,
    "tcp_user_timeout": 10_000,
}
"""In milliseconds."""
BACKEND: Final = "SELECT pg_backend_pid()"
SILENT_SECONDS: Final = 3
ASKED: Final = "SELECT name, setting::bigint FROM pg_catalog.pg_settings WHERE name = ANY($1) AND unit = 'ms'"


async def test_a_session_of_a_pool_frees_its_locks_in_time(new_database: NewDatabase) -> None:
    async with (
        postgres.create_pool(await new_database(Database.CUSTOMERS), process="test") as pool,
        pool.acquire() as connection,
    ):
        found = await connection.fetch(ASKED, list(TIMEOUTS))

    assert {row["name"]: row["setting"] for row in found} == TIMEOUTS


async def test_a_database_that_plans_once_for_all_parameters_is_asked_in_a_way_that_any_plan_answers(
    new_database: NewDatabase,
) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    connection = await postgres.connect(dsn, process="test", plan_cache_mode="force_generic_plan")
    try:
        await postgres.check_session(connection)
        assert await connection.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
    finally:
        await connection.close()


async def test_each_statement_sees_what_is_committed_by_then_whatever_a_database_has_as_its_default(
    new_database: NewDatabase,
) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    async with connected(dsn, process="test") as owner:
        name = await owner.fetchval("SELECT current_database()")
        await owner.execute(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'")

    async with (
        connected(dsn, process="test") as command,
        postgres.create_pool(dsn, process="test") as pool,
        pool.acquire() as pooled,
    ):
        alone = await postgres.connect(dsn, process="test")
        found = [await one.fetchval("SHOW transaction_isolation") for one in (command, pooled, alone)]
        await alone.close()

    assert found == ["read committed"] * 3


async def test_a_database_that_answers_commits_before_they_are_safe_is_refused(new_database: NewDatabase) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    async with connected(dsn, process="test") as owner:
        name = await owner.fetchval("SELECT current_database()")
        await owner.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')

    with pytest.raises(TransientError, match="synchronous_commit is off"):
        await postgres.connect(dsn, process="test")

    await (await postgres.connect(dsn, process="test", synchronous_commit="local")).close()


async def test_so_does_a_session_of_its_own(new_database: NewDatabase) -> None:
    connection = await postgres.connect(await new_database(Database.CUSTOMERS), process="test")
    try:
        found = await connection.fetch(ASKED, list(TIMEOUTS))
    finally:
        await connection.close()

    assert {row["name"]: row["setting"] for row in found} == TIMEOUTS


async def test_a_session_of_an_operators_command_frees_its_locks_too_and_may_take_its_time(
    new_database: NewDatabase,
) -> None:
    async with connected(await new_database(Database.CUSTOMERS), process="test") as connection:
        found = await connection.fetch(ASKED, list(TIMEOUTS))

    assert {row["name"]: row["setting"] for row in found} == TIMEOUTS | {"lock_timeout": 0, "statement_timeout": 0}


async def test_a_session_whose_client_is_gone_without_a_word_ends(new_database: NewDatabase) -> None:
    asked = "SELECT name, setting FROM pg_catalog.pg_settings WHERE name LIKE 'tcp_keepalives_%'"
    async with (
        postgres.create_pool(await new_database(Database.CUSTOMERS), process="test") as pool,
        pool.acquire() as connection,
    ):
        found = await connection.fetch(asked)

    assert {row["name"]: row["setting"] for row in found} == {
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
    }


async def test_our_side_of_a_connection_notices_a_host_that_is_gone(new_database: NewDatabase) -> None:
    async with (
        postgres.create_pool(await new_database(Database.CUSTOMERS), process="test") as pool,
        pool.acquire() as connection,
    ):
        session: Any = connection
        end = session._transport.get_extra_info("socket")

        options = [end.getsockopt(level, name) for level, name, _ in line.OPTIONS]

    assert options == [1, 10, 5, 3, 10_000]


async def ask_a_frozen_backend(pool: Pool, backends: list[int]) -> None:
    """As of a host that is gone: a rollback would not be answered either."""
    async with postgres.transaction(pool, "test") as connection:
        backends.append(await connection.fetchval(BACKEND))
        os.kill(backends[-1], signal.SIGSTOP)
        await connection.execute("SELECT 1")


async def test_a_server_that_is_silent_in_a_transaction_is_waited_for_once_and_then_another_session_works(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "COMMAND_SECONDS", SILENT_SECONDS)
    backends: list[int] = []
    async with postgres.create_pool(await new_database(Database.CUSTOMERS), process="test", size=1) as pool:
        try:
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                await ask_a_frozen_backend(pool, backends)
            waited = time.monotonic() - started
            async with postgres.transaction(pool, "test") as connection:
                backends.append(await connection.fetchval(BACKEND))
        finally:
            os.kill(backends[0], signal.SIGCONT)

    assert len(set(backends)) == 2
    assert waited < 2 * SILENT_SECONDS


@pytest.mark.parametrize("is_amid_a_statement", [True, False])
async def test_a_session_that_is_killed_amid_a_transaction_is_waited_for_without_limit(
    new_database: NewDatabase, connect: OpenSession, is_amid_a_statement: bool
) -> None:
    """And not as what is wrong with a call: what asyncpg says of the rollback would be taken for that."""
    dsn = await new_database(Database.CUSTOMERS)
    killer = await connect(dsn)

    async def die(pool: Pool) -> None:
        async with postgres.transaction(pool, "test") as connection:
            killing = killer.fetchval("SELECT pg_terminate_backend($1, 5000)", await connection.fetchval(BACKEND))
            if is_amid_a_statement:
                await asyncio.gather(connection.execute("SELECT pg_sleep(20)"), killing)
            await killing
            await connection.execute("SELECT 1")

    async with postgres.create_pool(dsn, process="test", size=1) as pool:
        for _ in range(2):
            # "another operation": the server's word has come, but not yet the end of its connection
            with pytest.raises(Exception, match=r"terminat|ended|closed|another operation") as died:
                await die(pool)
            assert verdict(died.value) is Verdict.TRANSIENT
        async with postgres.transaction(pool, "test") as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def write_in_vain(pool: Pool, backends: list[int], error: type[BaseException]) -> None:
    async with postgres.transaction(pool, "test") as connection:
        backends.append(await connection.fetchval(BACKEND))
        await connection.execute("CREATE TEMPORARY TABLE made_in_vain ()")
        raise error


async def test_a_transaction_that_fails_is_rolled_back_and_its_session_goes_on(new_database: NewDatabase) -> None:
    backends: list[int] = []
    async with postgres.create_pool(await new_database(Database.CUSTOMERS), process="test", size=1) as pool:
        for error in (KeyError, asyncio.CancelledError):
            with pytest.raises(error):
                await write_in_vain(pool, backends, error)
        async with postgres.transaction(pool, "test") as connection:
            backends.append(await connection.fetchval(BACKEND))
            made = await connection.fetchval("SELECT to_regclass('made_in_vain')")

    assert made is None
    assert len(set(backends)) == 1


async def test_sessions_of_a_server_that_only_reads_are_made_anew(new_database: NewDatabase, admin: Connection) -> None:
    """As where a primary was fenced, and the DSN leads to the new one: the old one's sessions stay open."""
    dsn = await new_database(Database.CUSTOMERS)
    name = urlsplit(dsn).path[1:]
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with postgres.create_pool(dsn, process="test", size=2) as pool:
        async with pool.acquire() as one, pool.acquire() as other:
            backends = {await one.fetchval(BACKEND), await other.fetchval(BACKEND)}
        await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with postgres.transaction(pool, "test") as connection:
                await connection.execute("CREATE TABLE made ()")

        async with postgres.session(pool) as one, postgres.session(pool) as other:
            fresh = {await one.fetchval(BACKEND), await other.fetchval(BACKEND)}
            await one.execute("CREATE TABLE made ()")

    assert not backends & fresh
