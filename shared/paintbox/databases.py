"""The four databases: how one is created, entered, and found to be such as the migrations need."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg

from paintbox.errors import HOW_TO_REACH, OperatorError
from synckit.postgres import SILENCE_LIMITS

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"  # subscripted in its stubs only
_Result = TypeVar("_Result")

SESSION_SETTINGS: Final[Mapping[str, str]] = {
    **SILENCE_LIMITS,
    "search_path": "pg_catalog",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "lock_timeout": "0",
}

SESSION_IDLE_LIMIT: Final = "15s"
"""PostgreSQL ends a session that holds a lock of its own after this, where its process is frozen between two
statements. Above the longest pause of a migrator between two attempts."""
ASK_SECONDS: Final = 5.0

OLDEST_POSTGRESQL: Final = 15
OLDEST_WITH_BUILTIN_LOCALES: Final = 17
CODE_POINT_LOCALES: Final = frozenset({"c", "posix", "c.utf-8", "c.utf8"})


class Database(StrEnum):
    """The four, by the name of their schema."""

    CUSTOMERS = "customers"
    PROJECTS = "projects"
    ESTIMATES = "estimates"
    INTEGRATIONS = "integrations"

    @property
    def dsn_name(self) -> str:
        """The environment variable that holds its DSN."""
        return f"PAINTBOX_{self.upper()}_DSN"


class DatabaseError(OperatorError):
    """A command cannot do its work in a database."""


async def create_database(admin: Connection, name: str, owner: str | None = None) -> bool:
    """Create a database as the migrations want it: UTF-8, ordered by code point. False if it exists already.

    `admin` may create databases and has no transaction open. An existing one is left as it is: `migrate` checks it.
    """
    if await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        return False
    locale = "LOCALE 'C.UTF-8'"
    if admin.get_server_version().major >= OLDEST_WITH_BUILTIN_LOCALES:
        locale += " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
    statement: str = await admin.fetchval(
        "SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' ', $1::text, "
        "COALESCE($2::text, current_user))",
        name,
        owner,
    )
    try:
        await admin.execute(statement + locale)
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):  # the second: made at the same moment
        return False
    return True


@contextlib.asynccontextmanager
async def connected(dsn: str, *, process: str) -> AsyncIterator[Connection]:
    """A session for the block. It resolves no unqualified name of ours, and its statements may take their time.

    PostgreSQL ends it, and so frees its locks, where the block does nothing for 15 s amid a transaction. What the
    server or the network answers becomes a DatabaseError, which quotes nothing of the DSN.
    """
    settings = {**SESSION_SETTINGS, "application_name": process}
    try:
        connection: Connection = await asyncpg.connect(
            dsn,
            timeout=10,
            server_settings=settings,
            max_cached_statement_lifetime=0,  # what was prepared stays so: see decision 28
        )
    except (OSError, asyncpg.PostgresError) as error:  # what is wrong with a certificate is a ValueError as well
        raise DatabaseError(f"no connection: {_sentence(error)}: {HOW_TO_REACH}") from error
    except (ValueError, OverflowError, asyncpg.InterfaceError):  # its message may quote the DSN, and so the password
        raise DatabaseError("the DSN is not of the form postgresql://user:password@host:port/database") from None
    try:
        yield connection
    except (OSError, asyncpg.PostgresError) as error:
        raise DatabaseError(_sentence(error)) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:  # the second: of one that was frozen
        if not connection.is_closed():
            raise
        raise DatabaseError(
            "the session was ended while it was at work: look why, and run the command again"
        ) from error
    finally:
        await connection.close()


async def limit_idling(connection: Connection) -> None:
    """From now on a session that asks for nothing for 15 s is ended, and so gives its locks back."""
    await connection.execute("SELECT set_config('idle_session_timeout', $1, false)", SESSION_IDLE_LIMIT)


async def while_asking(connection: Connection, work: Coroutine[Any, Any, _Result]) -> _Result:
    """What some work elsewhere returns; the session asks for something meanwhile, so that it is not ended."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=ASK_SECONDS))[0]:
            await connection.execute("SELECT 1")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def _sentence(error: OSError | asyncpg.PostgresError) -> str:
    """What the error says, without PostgreSQL's detail, which may quote a row."""
    return str(error.args[0]) if isinstance(error, asyncpg.PostgresError) else str(error) or type(error).__name__


async def check_database(connection: Connection) -> None:
    """Raise DatabaseError unless the server, the database and the role are such as the migrations need."""
    version = connection.get_server_version()
    if version.major < OLDEST_POSTGRESQL:
        raise DatabaseError(f"PostgreSQL {version.major} is too old: {OLDEST_POSTGRESQL} is the oldest supported")
    row = await connection.fetchrow(
        """
        SELECT datname AS name,
               pg_encoding_to_char(encoding) AS encoding,
               datlocprovider::text AS provider, -- c: libc, i: ICU, b: builtin, whose locales all go by code point
               datcollate AS collate,
               current_user AS role,
               pg_has_role(datdba, 'USAGE') AS is_owner
          FROM pg_database
         WHERE datname = current_database()
        """
    )
    if row is None:  # a session's database cannot be dropped
        raise DatabaseError("the database is not listed in pg_database")
    by_code_point = row["provider"] == "b" or (row["provider"] == "c" and row["collate"].lower() in CODE_POINT_LOCALES)
    if row["encoding"] != "UTF8" or not by_code_point:
        raise DatabaseError(
            f"the database {row['name']} has the encoding {row['encoding']} and the collation {row['collate']} "
            f"(provider {row['provider']}): UTF8 and C.UTF-8 are needed, since workers lock rows in code point order; "
            "create it with ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0"
        )
    if not row["is_owner"]:
        raise DatabaseError(f"the role {row['role']} does not own the database {row['name']}: migrate as its owner")
