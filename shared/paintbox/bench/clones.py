"""Databases of the bench beside the stack's own: copies of them as they stand, and empty ones."""

from collections.abc import Iterable, Sequence

from paintbox.bench.rig import Rig
from paintbox.databases import Database, connected
from paintbox.stack.environments import database_name

PROCESS = "paintbox-bench"
WITHOUT_AUTOVACUUM = """
    DO $$
    DECLARE
        one regclass;
    BEGIN
        FOR one IN
            SELECT oid FROM pg_class WHERE relkind = 'r' AND relowner = current_user::regrole
        LOOP
            EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)', one);
        END LOOP;
    END
    $$
"""


def name_of(name: str, database: Database) -> str:
    """What the copy of a database is called in the cluster."""
    return f"bench_{name}_{database}"


async def cloned(rig: Rig, name: str, databases: Sequence[Database]) -> dict[Database, str]:
    """A copy of each database under another name; nobody may be connected to them.

    Gives the DSNs, as the owner. Identities go on in a copy where they stand in the original. PostgreSQL vacuums none
    by itself: it would do so a minute later, amid somebody else's turn.
    """
    found = {}
    async with connected(rig.superuser_dsn, process=PROCESS) as admin:
        for database in databases:
            copy = name_of(name, database)
            await admin.execute(f"DROP DATABASE IF EXISTS {copy}")
            await admin.execute(f"CREATE DATABASE {copy} TEMPLATE {database_name(database)} OWNER paintbox_owner")
            found[database] = rig.named_dsn(copy)
    for dsn in found.values():
        async with connected(dsn, process=PROCESS) as connection:
            await connection.execute(WITHOUT_AUTOVACUUM)
    return found


async def vacuumed(dsns: Iterable[str]) -> None:
    """Between turns, what PostgreSQL does not do by itself there."""
    for dsn in dsns:
        async with connected(dsn, process=PROCESS) as connection:
            await connection.execute("VACUUM (ANALYZE)")


async def dropped(rig: Rig, names: Iterable[str]) -> None:
    """Nobody needs these databases any more."""
    async with connected(rig.superuser_dsn, process=PROCESS) as admin:
        for name in names:
            await admin.execute(f"DROP DATABASE IF EXISTS {name}")


async def rows_written(rig: Rig, names: Sequence[str]) -> int:
    """Rows that were ever inserted or updated in these databases, as far as sessions have told: at their end, all."""
    return await _counted(rig, names, "tup_inserted + tup_updated")


async def pages_read(rig: Rig, names: Sequence[str]) -> int:
    """Pages of these databases that were ever asked for and not in PostgreSQL's own memory, as far as sessions told."""
    return await _counted(rig, names, "blks_read")


async def _counted(rig: Rig, names: Sequence[str], what: str) -> int:
    async with connected(rig.superuser_dsn, process=PROCESS) as admin:
        query = f"SELECT sum({what})::bigint FROM pg_stat_database WHERE datname = ANY($1)"  # noqa: S608 - ours
        return int(await admin.fetchval(query, list(names)))


async def checkpoint(rig: Rig) -> None:
    """What was written so far is on disk, so that nobody pays for what others wrote."""
    async with connected(rig.superuser_dsn, process=PROCESS) as admin:
        await admin.execute("CHECKPOINT")
