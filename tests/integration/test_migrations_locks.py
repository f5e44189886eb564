import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Final

import asyncpg
import pytest

from paintbox import databases, migrations
from paintbox.databases import Connection, Database, DatabaseError
from paintbox.lock_waits import NAME
from paintbox.migration_files import Migration, read_sources
from paintbox.migrations import SOURCES, Patience, Progress, Waiting, apply, migrate
from support.postgres import WAITS_FOR_A_LOCK, NewDatabase, OpenSession
from support.waiting import until, until_true

pytestmark = pytest.mark.database

MAKE: Final = Migration("test", "0001_a.sql", "CREATE TABLE paintbox_meta.a ();")
ALTER: Final = Migration("test", "0002_b.sql", "ALTER TABLE paintbox_meta.a ADD COLUMN note text;")


async def a_slow_report(dsn: str, connect: OpenSession) -> tuple[Connection, Any]:
    """A session that has read the table, and its transaction, which is open."""
    reader = await connect(dsn, application_name="a slow report")
    transaction = reader.transaction()
    await transaction.start()
    await reader.fetch("SELECT * FROM paintbox_meta.a")
    return reader, transaction


async def test_two_migrators_at_once_apply_each_file_once(new_database: NewDatabase) -> None:
    dsn = await new_database(None)
    seen: list[Progress] = []

    results = await asyncio.gather(*(migrate(dsn, Database.INTEGRATIONS, on_progress=seen.append) for _ in range(3)))

    assert sorted(len(applied) for applied in results) == [0, 0, len(read_sources(SOURCES[Database.INTEGRATIONS]))]
    assert Waiting("another migrator is at work in this database") in seen


async def test_a_lock_that_is_held_for_a_while_is_waited_for_and_named(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    await apply(dsn, [MAKE])
    reader, transaction = await a_slow_report(dsn, connect)
    seen: asyncio.Queue[Progress] = asyncio.Queue()

    migrating = asyncio.create_task(
        apply(
            dsn,
            [MAKE, ALTER],
            on_progress=seen.put_nowait,
            patience=Patience(lock_timeout_ms=100, attempts=100, first_pause_seconds=0.01, longest_pause_seconds=0.01),
        )
    )
    waiting = await seen.get()
    await transaction.rollback()
    applied = await migrating

    assert waiting == Waiting(
        f"AccessExclusiveLock on paintbox_meta.a, held by pid {reader.get_server_pid()} "
        "(a slow report, idle in transaction)"
    )
    assert [file.name for file in applied] == ["0002_b.sql"]


async def test_a_file_is_applied_though_the_session_that_looks_for_locks_is_ended(
    new_database: NewDatabase, connect: OpenSession, admin: Connection
) -> None:
    dsn = await new_database(None)
    await apply(dsn, [MAKE])
    _, transaction = await a_slow_report(dsn, connect)
    seen: asyncio.Queue[Progress] = asyncio.Queue()

    migrating = asyncio.create_task(
        apply(dsn, [MAKE, ALTER], on_progress=seen.put_nowait, patience=Patience(lock_timeout_ms=2_000))
    )
    await seen.get()
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", NAME)
    unnamed = await asyncio.wait_for(seen.get(), 5)
    await transaction.rollback()
    applied = await migrating

    assert isinstance(unnamed, Waiting)
    assert unnamed.what.startswith("a lock that we cannot name, since a second connection failed (")
    assert [file.name for file in applied] == ["0002_b.sql"]


async def test_a_lock_that_is_held_for_too_long_ends_the_migration_with_its_name(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    await apply(dsn, [MAKE])
    _, transaction = await a_slow_report(dsn, connect)

    held = r"AccessExclusiveLock on paintbox_meta\.a, held by pid \d+ \(a slow report, idle in transaction\)"
    with pytest.raises(DatabaseError, match=rf"test/0002_b\.sql gave up after 3 attempts .* {held}"):
        await apply(dsn, [MAKE, ALTER], patience=Patience(lock_timeout_ms=100, attempts=3, first_pause_seconds=0.01))

    await transaction.rollback()


async def test_a_role_that_another_migration_makes_meanwhile_is_no_error(
    new_database: NewDatabase, connect: OpenSession, admin: Connection
) -> None:
    dsn = await new_database(None)
    other = await connect(await new_database(None))
    roles = next(file for file in read_sources(SOURCES[Database.PROJECTS]) if file.name.endswith("_roles.sql"))
    create = roles.sql[roles.sql.index("DO $$") : roles.sql.index("$$;") + 3].replace("photo_sync", "meanwhile")
    transaction = other.transaction()
    await transaction.start()
    await other.execute(create)

    migrating = asyncio.create_task(apply(dsn, [Migration("test", "0001_a.sql", create)]))
    is_waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')"
    while not migrating.done() and not await admin.fetchval(is_waiting):
        pass
    await transaction.commit()
    applied = await migrating

    assert len(applied) == 1
    assert await admin.fetchval("SELECT to_regrole('paintbox_meanwhile') IS NOT NULL")
    await admin.execute("DROP ROLE paintbox_meanwhile")


FROZEN: Final = """
import sys
from paintbox import databases, migrations
from paintbox.__main__ import main
from paintbox.migration_files import Migration

databases.SESSION_SETTINGS = {**databases.SESSION_SETTINGS, "idle_in_transaction_session_timeout": "500ms"}
file = Migration(*sys.argv[1:])
migrations.read_sources = lambda _: [file]
sys.argv[1:] = ["migrate", "--database", "customers"]
main()
"""
"""`paintbox migrate` of one file, whose session may be silent amid a transaction for half a second only."""
SLOW: Final = Migration(
    "test", "0001_slow.sql", "ALTER TABLE customers.customers ADD COLUMN slow text; SELECT pg_catalog.pg_sleep(1);"
)


async def test_f04_a_migrator_that_is_frozen_with_locks_in_hand_loses_them_says_so_and_may_be_run_again(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    session = await connect(dsn, lock_timeout="20s")
    is_asleep = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%slow%pg_sleep(1)%' AND pid <> $1)"
    arguments = (SLOW.source, SLOW.name, SLOW.sql)
    migrator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FROZEN, *arguments),
        env={**os.environ, **{database.dsn_name: dsn for database in Database}},
        stderr=subprocess.PIPE,
    )
    await until(lambda: session.fetchval(is_asleep, session.get_server_pid()))
    os.kill(migrator.pid, signal.SIGSTOP)

    try:
        freed = await session.fetch("SELECT FROM customers.customers LIMIT 1")  # waits for the lock
    finally:
        os.kill(migrator.pid, signal.SIGCONT)
    _, said = await migrator.communicate()
    again = await apply(dsn, [SLOW])

    assert freed == []
    assert migrator.returncode == 1
    assert said.decode().endswith("\n")
    assert said.decode().splitlines() == [
        "error: customers: the session was ended while it was at work: look why, and run the command again"
    ]
    assert [file.name for file in again] == ["0001_slow.sql"]


async def test_f04_a_migrator_that_is_frozen_between_two_files_lets_another_begin(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = await new_database(None)
    monkeypatch.setattr(databases, "SESSION_IDLE_LIMIT", "200ms")

    with pytest.raises(DatabaseError, match="terminating connection due to idle-session timeout"):
        await apply(dsn, [MAKE, ALTER], on_progress=lambda _: time.sleep(0.5))
    again = await apply(dsn, [MAKE, ALTER])

    assert [file.name for file in again] == ["0002_b.sql"]


async def test_f04_a_migrator_that_is_frozen_while_it_waits_for_another_does_not_keep_the_lock_that_it_gets(
    new_database: NewDatabase, connect: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "SESSION_IDLE_LIMIT", "500ms")
    dsn = await new_database(None)
    session = await connect(dsn)
    lock = "SELECT pg_try_advisory_lock(hashtextextended('paintbox migrate', 0))"
    assert await session.fetchval(lock)
    is_waiting, is_woken = threading.Event(), threading.Event()

    async def frozen(*_: object) -> None:
        is_waiting.set()
        is_woken.wait(30)

    monkeypatch.setattr(migrations, "_ensure_ledger", frozen)
    migrator = asyncio.create_task(asyncio.to_thread(asyncio.run, apply(dsn, [MAKE])))
    await until(lambda: session.fetchval(WAITS_FOR_A_LOCK))
    await session.execute("SELECT pg_advisory_unlock_all()")
    await until_true(is_waiting.is_set)
    held = await session.fetchval(lock)
    await until(lambda: session.fetchval(lock))
    is_woken.set()

    assert not held
    with pytest.raises(DatabaseError):
        await migrator


async def test_f04_a_migrator_prepares_nothing_while_it_has_locks_in_hand(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen between asyncpg's two messages its session would be `active`, which no time-out of PostgreSQL's ends."""
    dsn = await new_database(None)
    prepared: list[tuple[str, bool]] = []
    connection: Any = asyncpg.Connection
    prepare = connection._get_statement

    async def noted(self: Any, query: str, *others: Any, **named: Any) -> Any:
        prepared.append((query.strip().split()[0], self.is_in_transaction()))
        return await prepare(self, query, *others, **named)

    monkeypatch.setattr(connection, "_get_statement", noted)
    await apply(dsn, [MAKE])

    assert ("INSERT", False) in prepared
    assert ("INSERT", True) not in prepared
