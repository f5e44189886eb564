import asyncio
from pathlib import Path
from typing import Final

import pytest

from paintbox.databases import Connection, Database, DatabaseError
from paintbox.migration_files import Migration, Source, read_folder, read_sources
from paintbox.migrations import SOURCES, Applied, Progress, Unknown, apply, migrate
from support.postgres import NewDatabase, OpenSession
from synckit.postgres import database_of

pytestmark = pytest.mark.database

MAKE_A: Final = Migration("test", "0001_a.sql", "CREATE TABLE paintbox_meta.a (id int PRIMARY KEY);")
MAKE_B: Final = Migration(
    "test", "0002_b.sql", "CREATE TABLE paintbox_meta.b (); INSERT INTO paintbox_meta.a VALUES (1);"
)


async def exists(connection: Connection, relation: str) -> bool:
    return bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", relation))


@pytest.mark.parametrize("database", list(Database))
async def test_every_file_is_applied_once_in_order_and_recorded(
    database: Database, new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)

    applied, again = await migrate(dsn, database), await migrate(dsn, database)

    brought = read_sources(SOURCES[database])
    assert [(file.source, file.name) for file in applied] == [(file.source, file.name) for file in brought]
    assert again == []
    rows = await (await connect(dsn)).fetch(
        "SELECT source, name, checksum, duration_ms FROM paintbox_meta.schema_migrations ORDER BY applied_at"
    )
    assert [(row["source"], row["name"], row["checksum"]) for row in rows] == [
        (file.source, file.name, file.checksum) for file in brought
    ]
    assert [row["duration_ms"] for row in rows] == [file.duration_ms for file in applied]


async def test_a_dry_run_names_what_is_missing_and_changes_nothing(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)

    named = await apply(dsn, [MAKE_A, MAKE_B], dry_run=True)

    assert named == [Applied("test", "0001_a.sql", None), Applied("test", "0002_b.sql", None)]
    schemas = await (await connect(dsn)).fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = 'paintbox_meta'")
    assert schemas == 0


async def test_a_dry_run_of_a_migrated_database_names_nothing(new_database: NewDatabase) -> None:
    dsn = await new_database(Database.CUSTOMERS)

    assert await migrate(dsn, Database.CUSTOMERS, dry_run=True) == []


async def test_a_file_that_fails_leaves_nothing_and_those_before_it_stay(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    failing = Migration("test", "0002_b.sql", MAKE_B.sql + "INSERT INTO paintbox_meta.a VALUES (1);")

    with pytest.raises(DatabaseError, match=r"^test/0002_b\.sql failed: 23505 duplicate key [^\n]*$"):
        await apply(dsn, [MAKE_A, failing])

    connection = await connect(dsn)
    assert await exists(connection, "paintbox_meta.a")
    assert not await exists(connection, "paintbox_meta.b")
    assert [file.name for file in await apply(dsn, [MAKE_A, MAKE_B])] == ["0002_b.sql"]


async def test_an_edited_file_is_refused_and_nothing_else_is_applied(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    await apply(dsn, [MAKE_A])
    edited = Migration("test", "0001_a.sql", "CREATE TABLE paintbox_meta.a (id bigint PRIMARY KEY);")

    with pytest.raises(DatabaseError, match=r"test/0001_a\.sql was edited after it was applied"):
        await apply(dsn, [edited, MAKE_B])

    assert not await exists(await connect(dsn), "paintbox_meta.b")


async def test_f11_yesterdays_code_is_content_with_todays_database(new_database: NewDatabase) -> None:
    dsn = await new_database(None)
    await apply(dsn, [MAKE_A, MAKE_B])
    seen: list[Progress] = []

    applied = await apply(dsn, [MAKE_A], on_progress=seen.append)

    assert applied == []
    assert seen == [Unknown("test", "0002_b.sql")]


async def test_a_warning_of_the_server_fails_the_file(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(None)
    warning = Migration(
        "test", "0002_b.sql", "REVOKE ALL ON SCHEMA pg_catalog FROM PUBLIC; CREATE TABLE paintbox_meta.b ();"
    )

    with pytest.raises(DatabaseError, match=r"test/0002_b\.sql did not do all that it says: 01006 no privileges"):
        await apply(dsn, [MAKE_A, warning])

    assert not await exists(await connect(dsn), "paintbox_meta.b")


async def test_an_unqualified_name_is_refused(new_database: NewDatabase) -> None:
    dsn = await new_database(None)

    with pytest.raises(DatabaseError, match=r"test/0001_a\.sql failed: 42501 permission denied"):
        await apply(dsn, [Migration("test", "0001_a.sql", "CREATE TABLE a ();")])


async def test_a_migrator_whose_session_is_ended_says_so(new_database: NewDatabase, admin: Connection) -> None:
    dsn = await new_database(None)
    seen: asyncio.Queue[Progress] = asyncio.Queue()
    endless = Migration("test", "0002_b.sql", "SELECT pg_catalog.pg_sleep(600);")
    migrating = asyncio.create_task(apply(dsn, [MAKE_A, endless], on_progress=seen.put_nowait))
    await seen.get()

    ended = 0
    while not ended and not migrating.done():
        ended = await admin.fetchval(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = $1 AND query LIKE '%pg_sleep(600)%' AND state = 'active'
            """,
            database_of(dsn),
        )

    with pytest.raises(DatabaseError, match="the session was ended while it was at work"):
        await migrating


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0001_a.sql", "0003_c.sql"], r"test/0003_c\.sql stands where 0002 is due"),
        (["0001_a.sql", "0001_b.sql"], r"test/0001_b\.sql stands where 0002 is due"),
        (["0002_a.sql"], r"test/0002_a\.sql stands where 0001 is due"),
        (["0001-a.sql"], r"test/0001-a\.sql is not named like"),
        ([], "test has no migrations"),
    ],
)
def test_files_are_numbered_without_gap_or_double(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")

    with pytest.raises(DatabaseError, match=message):
        read_folder("test", tmp_path)


def test_no_file_of_ours_ends_its_transaction() -> None:
    sources: set[Source] = {source for sources in SOURCES.values() for source in sources}

    for migration in read_sources(sources):
        statements = [line.strip().rstrip(";").upper() for line in migration.sql.splitlines()]
        assert not {"COMMIT", "ROLLBACK", "BEGIN TRANSACTION", "START TRANSACTION"} & set(statements), migration
