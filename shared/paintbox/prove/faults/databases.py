"""PostgreSQL that ends sessions, is full, changes its schema, or is held up by somebody."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from paintbox.databases import Connection, Database, connected
from paintbox.errors import OperatorError
from paintbox.prove.faults.kind import POSTGRES, Heal, Kind, nothing

if TYPE_CHECKING:
    from paintbox.prove.rig import Rig

NAME: Final = "paintbox prove"
"""Of the sessions of faults: no process of ours is called so."""
HOT_TABLES: Final = {
    Database.CUSTOMERS: ("customers.salesforce_records", "customers.customers"),
    Database.PROJECTS: ("projects.companycam_records", "projects.projects"),
    Database.INTEGRATIONS: ("integrations.webhook_event_keys", "integrations.sync_logs"),
}
"""What traffic reads and writes all the time."""
LOCK_TIMEOUT: Final = "2s"
LOCK_TRIES: Final = 30
HOLD: Final = "SELECT 1 FROM {table} ORDER BY xmin::text::bigint DESC LIMIT 50 FOR UPDATE SKIP LOCKED"
"""In another order than the product's, so it waits for nobody: a deadlock would be of our own making."""
CONNECTIONS: Final = 200
"""More than the rig's PostgreSQL takes."""
NEWEST: Final = """
    SELECT pid
      FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND application_name <> $1
     ORDER BY backend_start DESC
     LIMIT 1
"""
SESSION_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.1


async def _kill_backend(rig: "Rig", _: str) -> Heal:
    """The postmaster ends all others when one dies so, and recovers from its log.

    Raises TimeoutError where nobody has a session for 10 s.
    """
    async with connected(rig.superuser_dsn, process=NAME) as connection:
        async with asyncio.timeout(SESSION_SECONDS):
            while (pid := await connection.fetchval(NEWEST, NAME)) is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(LOOK_SECONDS)
    os.kill(pid, signal.SIGKILL)
    return rig.processes[POSTGRES].start


async def _terminate_all(rig: "Rig", _: str) -> Heal:
    async with connected(rig.superuser_dsn, process=NAME) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    return nothing


async def _fill_disk(rig: "Rig", _: str) -> Heal:
    """What cannot even write its log ends itself, so PostgreSQL may have to be started again."""
    small = rig.disk
    if small is None:
        raise OperatorError("this rig has no small disk")
    await asyncio.to_thread(small.fill)

    async def free() -> None:
        await asyncio.to_thread(small.free)
        await rig.processes[POSTGRES].start()

    return free


def _disk_is_small(rig: "Rig") -> str | None:
    return None if rig.disk else rig.no_disk


async def _exhaust(rig: "Rig", _: str) -> Heal:
    """Takes every connection that is left, as the owner, who has none reserved.

    Raises OSError or TimeoutError where not even the first of them is answered.
    """
    dsn = rig.dsn(Database.CUSTOMERS)
    held: list[asyncpg.Connection[asyncpg.Record]] = []
    for _number in range(CONNECTIONS):
        try:
            held.append(await asyncpg.connect(dsn, timeout=5, server_settings={"application_name": NAME}))
        except asyncpg.TooManyConnectionsError:
            break
        except (OSError, TimeoutError):
            if not held:
                raise
            break

    async def release() -> None:
        for connection in held:
            connection.terminate()

    return release


async def _hold_rows(rig: "Rig", _: str) -> Heal:
    """A session that locked the rows which changed last and then does nothing, with no time-out of its own.

    Raises OperatorError where there is none to be locked, in any database.
    """
    async with AsyncExitStack() as stack:
        held = 0
        for database, tables in HOT_TABLES.items():
            connection = await stack.enter_async_context(_idle_in_transaction(rig.dsn(database)))
            held += len(await connection.fetch(HOLD.format(table=tables[0])))
        if not held:
            raise OperatorError("there is no row that could be locked")
        return stack.pop_all().aclose


@asynccontextmanager
async def _idle_in_transaction(dsn: str) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(
        dsn, timeout=10, server_settings={"idle_in_transaction_session_timeout": "0", "application_name": NAME}
    )
    try:
        await connection.execute("BEGIN")
        yield connection
    finally:
        connection.terminate()


async def _change_schema(rig: "Rig", _: str) -> Heal:
    """What a release does: columns and indexes come under traffic. Healing takes them away again.

    What an earlier one left, which had no lock for its end, is taken as it is.
    """
    await _alter(
        rig,
        "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS prove_release text",
        "CREATE INDEX IF NOT EXISTS prove_{index} ON {table} (prove_release)",
    )

    async def back() -> None:
        await _alter(rig, "ALTER TABLE {table} DROP COLUMN IF EXISTS prove_release")

    return back


async def _alter(rig: "Rig", *statements: str) -> None:
    for database, tables in HOT_TABLES.items():
        async with connected(rig.dsn(database), process=NAME) as connection:
            await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            for table in tables:
                for statement in statements:
                    await _patiently(connection, statement.format(table=table, index=table.rpartition(".")[2]))


async def _patiently(connection: Connection, statement: str) -> None:
    """Gives the traffic way as often as it must, as `paintbox migrate` does."""
    for _number in range(LOCK_TRIES):
        try:
            await connection.execute(statement)
        except asyncpg.LockNotAvailableError:
            continue
        return
    raise OperatorError(f"no lock for: {statement}")


KINDS: Final = (
    Kind("postgres-backend-kill", POSTGRES, "kill -9 of one session of PostgreSQL", (0.0, 0.0), _kill_backend),
    Kind("postgres-sessions-end", POSTGRES, "every session of PostgreSQL ended", (0.0, 0.0), _terminate_all),
    Kind(
        "postgres-disk-full",
        POSTGRES,
        "the disk of PostgreSQL full",
        (3.0, 8.0),
        _fill_disk,
        _disk_is_small,
        "it gives up where it could not recover on a full disk",
    ),
    Kind("postgres-connections", POSTGRES, "every connection of PostgreSQL taken", (4.0, 10.0), _exhaust),
    Kind("postgres-blocker", POSTGRES, "an idle transaction holds rows", (4.0, 12.0), _hold_rows),
    Kind("postgres-schema", POSTGRES, "columns and indexes come and go", (1.0, 4.0), _change_schema),
)
