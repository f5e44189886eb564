"""Where a request's records are kept before it is answered: in Kafka, or in the spool while Kafka is away."""

import logging
from collections.abc import Sequence
from typing import Final

from synckit import failpoints, postgres
from synckit.failures import describe, passes
from synckit.postgres import Pool
from webhook_ingest import metrics, spool
from webhook_ingest.models import Outgoing
from webhook_ingest.publisher import Publisher, UnavailableError

log = logging.getLogger(__name__)

WRITE_SECONDS: Final = 2.4
"""How long writing to the spool may take. With the longest wait for Kafka (2.4 s) an answer takes less than 5 s."""


class Custody:
    """Keeps records durably, or says that it cannot."""

    def __init__(self, publisher: Publisher, pool: Pool) -> None:
        self._publisher = publisher
        self._pool = pool
        self._has_failed = False

    async def keep(self, door: str, records: Sequence[Outgoing]) -> None:
        """Returns when every in-sync replica has every record, or the spool has all of them.

        UnavailableError where both are away, in less than 5 s. A part may be kept all the same: a repeat is harmless.
        """
        if not records:
            return
        try:
            await self._publisher.publish(records)
        except UnavailableError:
            await self._spool(records)
            metrics.SPOOLED.labels(door).inc(len(records))

    async def _spool(self, records: Sequence[Outgoing]) -> None:
        try:
            await self._write(records)
        except Exception as error:
            if not passes(error):
                raise
            if not self._has_failed:
                log.warning("The spool cannot be written: the doors answer 503", extra=describe(error))
            self._has_failed = True
            raise UnavailableError from None
        if self._has_failed:
            log.info("The spool can be written again")
        self._has_failed = False

    async def _write(self, records: Sequence[Outgoing]) -> None:
        async with postgres.session_for(self._pool, WRITE_SECONDS) as connection:
            async with connection.transaction():
                await spool.insert(connection, records)
                failpoints.hit("webhook_ingest.spool:before_commit")
            failpoints.hit("webhook_ingest.spool:after_commit")
