"""Puts parked records through their consumer's own work again, where an operator asked for it; never a topic."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import asyncpg

from synckit import postgres
from synckit.consumer import Consumer
from synckit.consumer.applying import Applier
from synckit.consumer.batch import Batch, correlation_ids
from synckit.consumer.lease import GivenUpError
from synckit.errors import PoisonError
from synckit.failures import Verdict, describe, explain, passes, verdict
from synckit.observability import metrics
from synckit.parking.records import ParkedRecord, confirm, list_asked, mark, park
from synckit.postgres import Connection, Pool

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
MOST_RECORDS: Final = 200
MOST_BYTES: Final = 16 * 1024 * 1024
SESSION_IDLE_LIMIT: Final = "15s"
"""PostgreSQL ends the session of a frozen process after this, and so gives its turn to another."""


class Redrive:
    """Redrives what is parked of a consumer's topic. Copies of the process take turns; a turn lost costs nothing.

    One a topic, each with a session of the pool for its turn: what one of them waits for holds up no other.
    """

    def __init__(self, pool: Pool, process: str, consumer: Consumer) -> None:
        self.name: Final = f"redrive of {consumer.topic.name}"
        """Of its loop, and of its check."""
        self._pool = pool
        self._process = process
        self._topic = consumer.topic.name
        self._consumer = consumer
        self._applier = Applier(self._topic, self._try, restored=0)  # it would hold up all others of the topic
        self._at_most = min(MOST_RECORDS, consumer.intake.at_most)
        self._is_away = False

    async def check(self) -> str | None:
        """For readiness: what the records wait for that are put through again."""
        return self._applier.trouble

    async def run(self) -> None:
        """Until cancelled: a slice after another, and a look every second. Killed anywhere, it is done again."""
        metrics.REDRIVE_WAITING.labels(self._topic).set_function(lambda: self._applier.waited_seconds)
        while True:
            found = await self._try_once()
            if not found:
                await asyncio.sleep(POLL_SECONDS)

    async def once(self) -> int:
        """Redrive the next slice, unless another copy does; how many records it had.

        What fails again is parked by its own consumer's `park`, which takes its mark away; the rest is marked as
        redriven afterwards. The mark outlives a crash in between, and applying twice changes nothing.
        """
        async with postgres.session(self._pool) as session:
            if not await self._claim(session):
                return 0
            try:
                return await self._in_turn(session)
            finally:
                with suppress(asyncpg.InterfaceError):  # PostgreSQL has ended it, and so its turn
                    await session.reset()  # ends the turn, and the settings of the session

    async def _in_turn(self, session: Connection) -> int:
        if not await self._takes_turn(session):
            return 0
        records = await self._claim(session)  # whoever had the turn before may have done those
        if records:
            await self._redrive(records)
        return len(records)

    async def _try(self, batch: Batch) -> None:
        """What was decided otherwise meanwhile is waited for no longer, whatever the consumer would do about it."""
        await confirm(self._pool, batch)
        await self._consumer.apply(batch)

    async def _redrive(self, records: Sequence[ParkedRecord]) -> None:
        # Not by place: of one topic, partition and offset there are two where the topic was made anew in between.
        try:
            refused = {id(one) for one in await self._applier.apply(Batch(records))}
        except GivenUpError:  # by `confirm`
            log.info("Parked records were decided otherwise while they were redriven", extra={"topic": self._topic})
            return
        except Exception as error:
            if verdict(error) is not Verdict.BUG:
                raise
            await self._look_for_the_bug(records, error)
            return
        applied = [one for one in records if id(one) not in refused]
        failed = [one for one in records if id(one) in refused]
        await self._mark(applied, failed)
        said = {"topic": self._topic, "applied": len(applied), "failed": len(failed)}
        log.info("Parked records were redriven", extra=said)

    async def _look_for_the_bug(self, records: Sequence[ParkedRecord], error: Exception) -> None:
        """Halves, down to the record that nobody reckoned with: it is parked again, and holds none of the others up."""
        middle = len(records) // 2
        if middle:
            await self._redrive(records[:middle])
            await self._redrive(records[middle:])
            return
        reason = PoisonError("bug", f"stopped by a bug: {explain(error)}")
        said = {"topic": self._topic, "parked_id": records[0].id, "correlation_ids": correlation_ids(records)}
        log.error("A redriven record met a bug", exc_info=error, extra=said)
        await self._mark([], records, reason)

    async def _mark(
        self, applied: Sequence[ParkedRecord], failed: Sequence[ParkedRecord], reason: PoisonError | None = None
    ) -> None:
        """What failed was parked again by its consumer; for a reason of our own it is parked here."""
        async with postgres.transaction(self._pool, "redrive.mark") as connection:
            if reason is not None:
                await park(connection, self._process, [(one, reason) for one in failed])
            await mark(connection, applied, failed)
        metrics.REDRIVEN.labels(self._topic, "applied").inc(len(applied))
        metrics.REDRIVEN.labels(self._topic, "failed").inc(len(failed))

    async def _claim(self, session: Connection) -> list[ParkedRecord]:
        return await list_asked(session, self._process, [self._topic], self._at_most, MOST_BYTES)

    async def _takes_turn(self, session: Connection) -> bool:
        """A session lock. One that is ended meanwhile costs nothing."""
        taken: bool = await session.fetchval(
            """
            SELECT pg_try_advisory_lock(hashtextextended('redrive ' || $1 || ' ' || $2, 0))
              FROM set_config('idle_session_timeout', $3, FALSE)
            """,
            self._process,
            self._topic,
            SESSION_IDLE_LIMIT,
        )
        return taken

    async def _try_once(self) -> int:
        try:
            found = await self.once()
        except Exception as error:
            if not passes(error):
                raise
            if not self._is_away:
                log.warning("Parked records cannot be read", extra={"topic": self._topic, **describe(error)})
            self._is_away = True
            return 0
        self._is_away = False
        return found
