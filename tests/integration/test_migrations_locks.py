import asyncio
from typing import Final

import pytest

from paintbox.databases import Connection, Database, DatabaseError
from paintbox.migration_files import Migration, read_sources
from paintbox.migrations import SOURCES, Patience, Progress, Waiting, apply, migrate
from support.postgres import NewDatabase, OpenSession

pytestmark = pytest.mark.database

MAKE: Final = Migration("test", "0001_a.sql", "CREATE TABLE paintbox_meta.a ();")
ALTER: Final = Migration("test", "0002_b.sql", "ALTER TABLE paintbox_meta.a ADD COLUMN note text;")


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
    reader = await connect(dsn, application_name="a slow report")
    transaction = reader.transaction()
    await transaction.start()
    await reader.fetch("SELECT * FROM paintbox_meta.a")
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


async def test_a_lock_that_is_held_for_too_long_ends_the_migration_with_its_name(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    await apply(dsn, [MAKE])
    reader = await connect(dsn, application_name="a slow report")
    transaction = reader.transaction()
    await transaction.start()
    await reader.fetch("SELECT * FROM paintbox_meta.a")

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
