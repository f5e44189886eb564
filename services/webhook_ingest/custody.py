"""Where a request's records are kept before it is answered: in Kafka, or in the spool while Kafka is away."""

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic
from typing import Final

from synckit import failpoints, postgres
from synckit.failures import describe, is_the_servers, passes
from synckit.postgres import Pool
from webhook_ingest import metrics, spool
from webhook_ingest.models import Outgoing
from webhook_ingest.publisher import Publisher, UnavailableError

log = logging.getLogger(__name__)

KEEP_SECONDS: Final = 4.0
"""Within this a request's records are kept, or it is refused. The edge waits a little longer for a door."""
WRITE_SECONDS: Final = 2.4
"""How long writing to the spool may take at most: after the longest wait for Kafka (2.4 s) 1.6 s are left."""
CHECK_SECONDS: Final = 1.0
"""After this the server is told to cancel a check: a session that is torn would wait on, for a lock or a standby."""


class Custody:
    """Keeps records durably, or says that it cannot."""

    def __init__(self, publisher: Publisher, pool: Pool) -> None:
        self._publisher = publisher
        self._pool = pool
        self._has_failed = False

    async def keep(self, door: str, records: Sequence[Outgoing]) -> None:
        """Returns when every in-sync replica has every record, or the spool has all of them.

        UnavailableError where both are away, within 4 s. A part may be kept all the same: a repeat is harmless.
        """
        if not records:
            return
        begun = monotonic()
        try:
            await self._publisher.publish(records)
        except UnavailableError:
            await self._spool(records, min(WRITE_SECONDS, begun + KEEP_SECONDS - monotonic()))
            metrics.SPOOLED.labels(door).inc(len(records))

    async def check(self) -> None:
        """For readiness: raises where the spool cannot be written now.

        Once it could not be written, a check goes as far as a write does, and the first that works ends that: an edge
        that sends nothing to a door that is not ready would never find out.
        """
        async with postgres.session_for(self._pool, postgres.CHECK_SECONDS) as connection:
            async with asyncio.timeout(CHECK_SECONDS):
                await (spool.rehearse(connection) if self._has_failed else spool.check(connection))
        self._recovered()

    async def _spool(self, records: Sequence[Outgoing], seconds: float) -> None:
        try:
            await self._write(records, seconds)
        except Exception as error:
            if not is_the_servers(error):
                raise
            if not self._has_failed:
                level = logging.WARNING if passes(error) else logging.ERROR
                log.log(level, "The spool cannot be written: the doors answer 503", extra=describe(error))
            self._has_failed = True
            raise UnavailableError from None
        self._recovered()

    def _recovered(self) -> None:
        if self._has_failed:
            log.info("The spool can be written again")
        self._has_failed = False

    async def _write(self, records: Sequence[Outgoing], seconds: float) -> None:
        async with postgres.session_for(self._pool, seconds) as connection:
            async with connection.transaction():
                await spool.insert(connection, records, of_now=True)
                failpoints.hit("webhook_ingest.spool:before_commit")
            failpoints.hit("webhook_ingest.spool:after_commit")
