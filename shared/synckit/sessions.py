"""Sessions that a frozen process of ours left amid a transaction: ended, so that their locks are free."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from synckit import postgres
from synckit.failures import describe, passes
from synckit.postgres import Pool

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.5
ANSWER_SECONDS: Final = 5.0
"""Whoever waits longer may wait for an answer that never comes, of a server that is back."""
SILENT: Final = timedelta(seconds=10)


async def end_silent(pool: Pool, silent: timedelta = SILENT) -> int:
    """Ends the sessions of our role here that hold a transaction open amid a statement and hear nothing; how many.

    `idle_in_transaction_session_timeout` knows only clients that stop between statements. asyncpg sends Parse and
    Describe, waits for the answer, then sends Bind and Execute: of a process that was frozen between the two, the
    session is `active`, waits for its client, and holds its locks for ever, since PostgreSQL ignores
    `statement_timeout` while it reads a command (ProcessInterrupts, tcop/postgres.c; 15 to 18). `transaction_timeout`
    would end it too, from 17 on. A process that was merely slow finds its connection closed, and tries again.
    """
    async with postgres.session(pool) as connection:
        ended: int = await connection.fetchval(
            """
            SELECT count(pg_catalog.pg_terminate_backend(pid))
              FROM pg_catalog.pg_stat_activity
             WHERE datname = current_database() AND usename = current_user AND pid <> pg_catalog.pg_backend_pid()
               AND state = 'active' AND wait_event = 'ClientRead'
               AND xact_start IS NOT NULL AND state_change < clock_timestamp() - $1::interval
            """,
            silent,
        )
    return ended


async def watch(*pools: Pool) -> None:
    """Looks every 2.5 s in each database, until cancelled; one that hangs holds up no other."""
    async with asyncio.TaskGroup() as tasks:
        for pool in pools:
            tasks.create_task(_watch(pool))


async def _watch(pool: Pool) -> None:
    while True:
        await _look(pool)
        await asyncio.sleep(LOOK_SECONDS)


async def _look(pool: Pool) -> None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            ended = await end_silent(pool)
    except Exception as error:
        if not passes(error):
            raise
        log.debug("Silent sessions cannot be looked for", extra=describe(error))
    else:
        if ended:
            log.warning("Sessions of a silent process were ended", extra={"sessions": ended})
