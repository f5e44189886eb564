"""Brings a database to the schema of this code: each file once, in order, in a transaction of its own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from paintbox.databases import Connection, Database, DatabaseError, check_database, connected, limit_idling
from paintbox.lock_waits import reporting_waits
from paintbox.migration_files import Migration, Recorded, Source, list_pending, list_unknown, read_sources

REFERENCE: Final = Source("reference", "synckit.reference")
SOURCES: Final = {
    Database.CUSTOMERS: (REFERENCE, Source("customer_sync", "customer_sync")),
    Database.PROJECTS: (REFERENCE, Source("photo_sync", "photo_sync")),
    Database.ESTIMATES: (REFERENCE, Source("estimates_sync", "estimates_sync")),
    Database.INTEGRATIONS: (REFERENCE, Source("integrations", "synckit.integrations")),
}


NAMELESS: Final = "a lock that nobody held any more whenever it was looked for"


@dataclass(frozen=True, slots=True)
class Applied:
    """A file that is in the database now; `duration_ms` is None where a dry run only names it."""

    source: str
    name: str
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something holds a lock that the migration needs; `what` says which lock, and who."""

    what: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A file that newer code applied and this code does not have: no error, yesterday's code runs on today's schema."""

    source: str
    name: str


Progress = Applied | Waiting | Unknown
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for locks: `attempts` times `lock_timeout_ms`, with a growing pause between."""

    lock_timeout_ms: int = 5_000
    attempts: int = 10
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 5.0

    def pause_seconds(self, attempt: int) -> float:
        """The pause after an attempt, counted from 1."""
        return min(self.first_pause_seconds * 2.0 ** (attempt - 1), self.longest_pause_seconds)


def _ignore(progress: Progress) -> None:
    """For callers who only want the result."""


async def migrate(
    dsn: str, database: Database, *, dry_run: bool = False, on_progress: OnProgress = _ignore
) -> list[Applied]:
    """Apply what the database lacks; what was applied, in order. A second run applies nothing.

    Safe beside another migrator (one waits for the other, by a lock of the session: connect directly, not through a
    pooler of transactions) and beside running services (a lock that is not to be had within 5 s is given up and tried
    again, ten times). A dry run names what is missing and changes nothing. Raises DatabaseError with a sentence for
    the operator; files before the failing one stay applied.
    """
    return await apply(dsn, read_sources(SOURCES[database]), dry_run=dry_run, on_progress=on_progress)


async def apply(
    dsn: str,
    migrations: Sequence[Migration],
    *,
    dry_run: bool = False,
    on_progress: OnProgress = _ignore,
    patience: Patience = Patience(),
) -> list[Applied]:
    """As `migrate`, of the files given."""
    async with connected(dsn, process="paintbox migrate") as connection:
        await check_database(connection)
        if not dry_run:
            await _lock_out_other_migrators(connection, on_progress)
            await _ensure_ledger(connection)
        recorded = await _recorded(connection)
        for source, name in list_unknown(migrations, recorded):
            on_progress(Unknown(source, name))
        applied = []
        for migration in list_pending(migrations, recorded):
            milliseconds = (
                None if dry_run else await _apply_patiently(dsn, connection, migration, on_progress, patience)
            )
            applied.append(Applied(migration.source, migration.name, milliseconds))
            on_progress(applied[-1])
        return applied


async def _lock_out_other_migrators(connection: Connection, on_progress: OnProgress) -> None:
    """Take the session lock that one migrator at a time holds, waiting for as long as it takes."""
    key = "hashtextextended('paintbox migrate', 0)"
    await limit_idling(connection)  # before: one that is frozen while it waits may get the lock all the same
    if not await connection.fetchval(f"SELECT pg_try_advisory_lock({key})"):
        on_progress(Waiting("another migrator is at work in this database"))
        await connection.execute(f"SELECT pg_advisory_lock({key})")


async def _ensure_ledger(connection: Connection) -> None:
    await connection.execute(
        """
        CREATE SCHEMA IF NOT EXISTS paintbox_meta;
        CREATE TABLE IF NOT EXISTS paintbox_meta.schema_migrations (
            source      text        NOT NULL,
            name        text        NOT NULL,
            checksum    text        NOT NULL, -- SHA-256 of the file, hexadecimal
            applied_at  timestamptz NOT NULL DEFAULT now(),
            duration_ms bigint      NOT NULL,
            PRIMARY KEY (source, name)
        );
        """
    )


async def _recorded(connection: Connection) -> Recorded:
    """What was applied; empty where no migrator has been here yet."""
    if await connection.fetchval("SELECT to_regclass('paintbox_meta.schema_migrations') IS NULL"):
        return {}
    rows = await connection.fetch("SELECT source, name, checksum FROM paintbox_meta.schema_migrations")
    return {(row["source"], row["name"]): row["checksum"] for row in rows}


async def _apply_patiently(
    dsn: str, connection: Connection, migration: Migration, on_progress: OnProgress, patience: Patience
) -> int:
    """Apply a file, again and again while a lock is not to be had; how long the attempt that did it took, in ms."""
    waits = ["a lock that was free again when we looked"]

    def report(what: str) -> None:
        waits.append(what)
        on_progress(Waiting(what))

    look_every = patience.lock_timeout_ms / 4_000
    for attempt in range(1, patience.attempts + 1):
        try:
            async with reporting_waits(dsn, connection.get_server_pid(), report, every_seconds=look_every):
                return await _apply_once(connection, migration, patience)
        except asyncpg.PostgresError as error:
            if not _will_pass(error):
                raise DatabaseError(f"{migration} failed: {error.sqlstate} {error.args[0]}") from error
        if attempt < patience.attempts:
            await asyncio.sleep(patience.pause_seconds(attempt))
    raise DatabaseError(
        f"{migration} gave up after {patience.attempts} attempts of {patience.lock_timeout_ms} ms each, waiting for "
        f"{waits[-1] if waits else NAMELESS}: nothing of it was applied; end that session, or migrate at a quieter time"
    )


def _will_pass(error: asyncpg.PostgresError) -> bool:
    """Whether the same file can work later: locks, and catalog rows of the cluster that another database's changed."""
    if isinstance(error, asyncpg.InternalServerError):
        return "concurrently updated" in str(error)
    return isinstance(error, asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError)


async def _apply_once(connection: Connection, migration: Migration, patience: Patience) -> int:
    """Run the file and record it, in one transaction; the milliseconds that it took.

    A warning is an error here: PostgreSQL warns where a GRANT or REVOKE did nothing, for lack of rights.

    What asyncpg prepares waits for the client once more: frozen there nothing would end it, so once the file has taken
    its locks nothing is prepared (a file itself has no parameters, and is none).
    """
    warnings: list[str] = []
    record = await connection.prepare(_RECORD)

    def listen(_: object, message: asyncpg.PostgresLogMessage) -> None:
        if message.severity_en == "WARNING":
            warnings.append(f"{message.sqlstate} {message.message}")

    started = time.monotonic()
    connection.add_log_listener(listen)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('lock_timeout', $1, true)", f"{patience.lock_timeout_ms}ms")
            await connection.execute(migration.sql)
            if warnings:
                raise DatabaseError(f"{migration} did not do all that it says: {'; '.join(warnings)}")
            milliseconds = round((time.monotonic() - started) * 1_000)
            await record.fetch(migration.source, migration.name, migration.checksum, milliseconds)
    finally:
        connection.remove_log_listener(listen)
    return milliseconds


_RECORD: Final = """
    INSERT INTO paintbox_meta.schema_migrations (source, name, checksum, duration_ms) VALUES ($1, $2, $3, $4)
"""
