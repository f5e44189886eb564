"""Which lock a session waits for and who holds it: PostgreSQL's own error says neither. Seen from a second session."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import asyncpg

from paintbox.databases import Connection

Report = Callable[[str], None]
NAME: Final = "paintbox migrate, looking for locks"
"""Of the second session, for whoever lists them."""


@contextlib.asynccontextmanager
async def reporting_waits(dsn: str, pid: int, report: Report, *, every_seconds: float) -> AsyncIterator[None]:
    """While the block runs, call `report` with each lock that the session `pid` is seen waiting for.

    Looks first after `every_seconds`, so what waits for nothing costs no connection. Whatever keeps it from looking is
    reported, and is no error of the block's.
    """
    watcher = asyncio.create_task(_watch(dsn, pid, report, every_seconds))
    try:
        yield
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher


async def _watch(dsn: str, pid: int, report: Report, every_seconds: float) -> None:
    await asyncio.sleep(every_seconds)
    try:
        await _look(dsn, pid, report, every_seconds)
    except Exception as error:  # noqa: BLE001 - whatever it is, the file is applied or not without it
        report(f"a lock that we cannot name, since a second connection failed ({type(error).__name__})")


async def _look(dsn: str, pid: int, report: Report, every_seconds: float) -> None:
    settings = {"search_path": "pg_catalog", "application_name": NAME}
    connection: Connection = await asyncpg.connect(dsn, server_settings=settings)
    try:
        reported = None
        while True:
            waited_for = await find_wait(connection, pid)
            if waited_for is not None and waited_for != reported:
                report(waited_for)
                reported = waited_for
            await asyncio.sleep(every_seconds)
    finally:
        connection.terminate()


async def find_wait(connection: Connection, pid: int) -> str | None:
    """What the session waits for at this moment, in words; None if it waits for no lock that somebody still holds."""
    found: str | None = await connection.fetchval(
        """
        SELECT format(
                   '%s on %s, held by %s',
                   waited.mode,
                   COALESCE(waited.relation::regclass::text, 'a ' || waited.locktype),
                   string_agg(
                       format(
                           'pid %s (%s, %s)',
                           blocking.pid,
                           COALESCE(nullif(holder.application_name, ''), 'unnamed'),
                           COALESCE(holder.state, 'state not visible')
                       ),
                       ', ' ORDER BY blocking.pid
                   )
               )
          FROM pg_locks AS waited
         CROSS JOIN unnest(pg_blocking_pids(waited.pid)) AS blocking (pid)
          LEFT JOIN pg_stat_activity AS holder ON holder.pid = blocking.pid
         WHERE waited.pid = $1 AND NOT waited.granted
         GROUP BY waited.mode, waited.relation, waited.locktype
         LIMIT 1
        """,
        pid,
    )
    return found
