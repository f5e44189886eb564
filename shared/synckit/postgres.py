"""How every process talks to PostgreSQL: pools whose sessions carry our time-outs, and JSON documents as parameters."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from synckit import failpoints, line
from synckit.errors import EndedError, TransientError
from synckit.observability.health import Check

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:  # only asyncpg's stubs are generic
    Connection = asyncpg.Connection | PoolConnectionProxy
    Pool = asyncpg.Pool
Row = asyncpg.Record

STATEMENT_SECONDS: Final = 30
POOL_SIZE: Final = 4

SILENCE_LIMITS: Final[Mapping[str, str]] = {
    "idle_in_transaction_session_timeout": "15s",
    "tcp_user_timeout": f"{line.UNACKNOWLEDGED_SECONDS}s",
    "tcp_keepalives_idle": str(line.IDLE_SECONDS),
    "tcp_keepalives_interval": str(line.AGAIN_SECONDS),
    "tcp_keepalives_count": str(line.TIMES),
}
"""A frozen process frees its locks, and a session whose client is gone without a word ends: it would fill the server
for two hours."""

SESSION_SETTINGS: Final[Mapping[str, str]] = {
    **SILENCE_LIMITS,
    "lock_timeout": "5s",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "timezone": "UTC",
    "default_transaction_isolation": "read committed",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "jit": "off",
}
"""Sent by each connection, since settings of a group role are not inherited, and those of a database are anybody's.

Each statement has to see what was committed while the one before it waited for a lock: that is what READ COMMITTED is.

Services ask for rows by their keys, a batch at a time, so looking each one up in an index is right however large a
table is. PostgreSQL keeps a prepared statement's plan until it has analyzed a table: one that was made while tables
were empty reads them whole, for every batch of the first minutes (a backfill, say)."""

CONNECT_SECONDS = 10
COMMAND_SECONDS: Final = 35
"""Above `statement_timeout`: a server that works answers sooner, whatever it is asked."""
CHECK_SECONDS = 1.5
CLOSE_SECONDS = 0.25


@asynccontextmanager
async def create_pool(dsn: str, *, process: str, size: int = POOL_SIZE) -> AsyncIterator[Pool]:
    """A pool that connects on first use, so that a process starts while its database is away.

    At the end it is closed, within 0.25 s whatever the database does. `process` is shown as application_name. What
    holds session locks or changes settings of its session calls its `reset()`: the pool would for every use, which
    would be a fourth of what is asked.
    """
    pool = await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        max_inactive_connection_lifetime=300,
        server_settings={**SESSION_SETTINGS, "application_name": process},
        init=_begin,
        reset=_leave_as_it_is,
    )
    try:
        yield pool
    finally:
        with suppress(TimeoutError):  # a pool whose closing is cancelled tears its connections
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()


async def connect(dsn: str, *, process: str, **settings: str) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection of its own, with the same session settings and those given."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=60,
        server_settings={**SESSION_SETTINGS, "application_name": process, **settings},
    )
    try:
        await _begin(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


@asynccontextmanager
async def session(pool: Pool, seconds: float | None = None) -> AsyncIterator[Connection]:
    """A connection, waited for so many seconds at most.

    Where its server only reads, all connections of the pool are made anew: it was the primary once, and only a new
    connection may find the server that is it now.
    """
    async with pool.acquire(timeout=seconds) as connection:
        try:
            yield connection
        except asyncpg.ReadOnlySQLTransactionError:
            await pool.expire_connections()
            raise


async def demand_writable(connection: Connection) -> None:
    """Raises ReadOnlySQLTransactionError where the server only reads: what it has may be of long ago."""
    if await connection.fetchval("SELECT current_setting('transaction_read_only') = 'on'"):
        raise asyncpg.ReadOnlySQLTransactionError("the server only reads")


@asynccontextmanager
async def transaction(pool: Pool, step: str) -> AsyncIterator[Connection]:
    """A connection in a transaction of its own, committed at the end.

    `step` names it for failpoints (`<step>:before_commit`, `<step>:after_commit`), so it is a literal. Where something
    takes too long the connection is torn: a rollback would wait as long again for a server that does not answer.

    Raises what the block raised, whatever becomes of the rollback; EndedError where the session had ended under it.
    """
    async with session(pool) as connection:
        block = connection.transaction()
        with _torn_when_late(connection):
            await block.start()
            try:
                yield connection
                failpoints.hit(f"{step}:{failpoints.BEFORE}")
            except TimeoutError:
                raise
            except BaseException as error:
                await _roll_back(connection, block)
                if isinstance(error, asyncpg.InterfaceError) and _has_ended(connection):
                    raise EndedError("the database session ended amid a transaction") from error
                raise
            await block.commit()
        failpoints.hit(f"{step}:{failpoints.AFTER}")


async def _roll_back(connection: Connection, block: Any) -> None:
    """A session that cannot is torn: the server rolls it back then. Only the first error tells what happened."""
    try:
        await block.rollback()
    except Exception:  # noqa: BLE001 - the error that led here is raised
        _tear(connection)


@contextmanager
def _torn_when_late(connection: Connection) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        _tear(connection)
        raise


def _tear(connection: Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # it has ended, and the pool has taken it back
        connection.terminate()


def _has_ended(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back
        return True


@asynccontextmanager
async def session_for(pool: Pool, seconds: float) -> AsyncIterator[Connection]:
    """A connection for so many seconds at most, the wait for it included; afterwards every use of it fails.

    It is torn then, for a server that is frozen does not even answer that a query was cancelled. TimeoutError where
    there is no connection in time.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    async with session(pool, seconds) as connection:
        deadline = loop.call_at(ends_at, _tear, connection)
        try:
            yield connection
        finally:
            deadline.cancel()


async def _begin(connection: Connection) -> None:
    line.watch(connection._transport)  # type: ignore[union-attr] # noqa: SLF001 - asyncpg offers none
    await check_session(connection)


async def _leave_as_it_is(_: Connection) -> None:
    """asyncpg has ended a transaction that was left open before it calls this."""


async def check_session(connection: Connection) -> None:
    """Raises TransientError where the session lacks our time-outs, as behind a pooler that drops start-up settings.

    And where commits are answered before they are safe: which level is safe is the database's to say, `off` is none.
    """
    rows = await connection.fetch(
        """
        SELECT name
          FROM pg_catalog.pg_settings
         WHERE CASE -- not by AND, which is evaluated in any order
                   WHEN name = ANY($1) THEN setting::bigint <= 0
                   WHEN name = 'synchronous_commit' THEN setting = 'off'
               END
           AND NOT (name = 'tcp_user_timeout' AND inet_client_addr() IS NULL) -- has no meaning on a Unix socket
         ORDER BY name
        """,
        [name for name in SESSION_SETTINGS if name.endswith("timeout")],
    )
    wrong = [row["name"] for row in rows]
    if "synchronous_commit" in wrong:
        raise TransientError(
            "synchronous_commit is off: what was committed, and answered 2xx, would be lost in a crash"
        )
    if wrong:
        names = ", ".join(wrong)
        raise TransientError(f"the database session ignores {names}: is a pooler dropping start-up settings?")


def check(pool: Pool) -> Check:
    """For readiness: whether the database answers."""

    async def answers() -> str | None:
        async with session_for(pool, CHECK_SECONDS) as connection:
            await demand_writable(connection)
        return None

    return answers


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as the one JSON document that `json_to_recordset($1)` reads. UUIDs and datetimes are fine."""
    return orjson.dumps(list(rows), default=_plain).decode()


def _plain(value: object) -> str:
    """asyncpg's UUIDs are a class of their own, which orjson does not know."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def database_of(dsn: str) -> str:
    """The name of the database of a DSN: what logs and errors may show of it."""
    return urlsplit(dsn).path.strip("/")
