"""Databases of the bench beside the stack's own: copies of them as they stand, and empty ones."""

from collections.abc import Sequence

from paintbox.bench.rig import Rig
from paintbox.databases import Database, connected
from paintbox.stack.environments import database_name

PROCESS = "paintbox-bench"


def name_of(name: str, database: Database) -> str:
    """What the copy of a database is called in the cluster."""
    return f"bench_{name}_{database}"


async def cloned(rig: Rig, name: str, databases: Sequence[Database]) -> dict[Database, str]:
    """A copy of each database under another name; nobody may be connected to them.

    Gives the DSNs, as the owner. Identities go on in a copy where they stand in the original.
    """
    found = {}
    async with connected(rig.superuser_dsn, process=PROCESS) as admin:
        for database in databases:
            copy = name_of(name, database)
            await admin.execute(f"DROP DATABASE IF EXISTS {copy}")
            await admin.execute(f"CREATE DATABASE {copy} TEMPLATE {database_name(database)} OWNER paintbox_owner")
            found[database] = rig.named_dsn(copy)
    return found


async def rows_written(rig: Rig, names: Sequence[str]) -> int:
    """Rows that were ever inserted or updated in these databases, as far as sessions have told: at their end, all."""
    async with connected(rig.superuser_dsn, process=PROCESS) as admin:
        written = await admin.fetchval(
            "SELECT sum(tup_inserted + tup_updated)::bigint FROM pg_stat_database WHERE datname = ANY($1)", list(names)
        )
    return int(written)


async def checkpoint(rig: Rig) -> None:
    """What was written so far is on disk, so that nobody pays for what others wrote."""
    async with connected(rig.superuser_dsn, process=PROCESS) as admin:
        await admin.execute("CHECKPOINT")
