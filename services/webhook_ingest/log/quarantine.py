"""Reads quarantined bodies again with the parsers of this release, where an operator asked for it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from synckit import postgres, times
from synckit.contracts.topics import WEBHOOKS_QUARANTINED
from synckit.failures import Verdict, describe, passes, verdict
from synckit.observability import metrics
from synckit.postgres import Connection, Pool, Row
from webhook_ingest import records, signatures, spool
from webhook_ingest.models import Quarantine, Understanding
from webhook_ingest.parsers import companycam, outbound_messages, salesforce_events, soap
from webhook_ingest.parsers.soap import SoapError
from webhook_ingest.records import Door, Origin

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
TIMESTAMP: Final = "x-salesforce-timestamp"
REFUSED: Final = "refused_by_database"
BUG: Final = "bug"
"""We fell over it, or over what was understood of it, and its redrive holds no other up."""


@dataclass(frozen=True, slots=True)
class Body:
    """A quarantined body, the row that it is logged in, and what came with it."""

    id: UUID
    row: Row
    bytes: bytes
    headers: dict[str, Any]

    @property
    def signed_at(self) -> int | None:
        """The signed timestamp in milliseconds since 1970; None where nothing was signed."""
        return signatures.milliseconds(self.headers.get(TIMESTAMP, "")) if self.row["signature"] else None

    @property
    def origin(self) -> Origin:
        """Of the first receipt, whenever it is understood."""
        kept = {"headers": self.headers, "signature": self.row["signature"], "user_agent": self.row["user_agent"]}
        if self.row["source_ip"] is not None:
            kept["source_ip"] = str(self.row["source_ip"])
        return Origin(
            received_at=times.milliseconds(self.row["received_at"]),
            correlation_id=self.row["correlation_id"] or self.id,
            traceparent=records.traceparent(self.headers.get("traceparent", "")),
            request=orjson.dumps({name: value for name, value in kept.items() if value is not None}).decode(),
        )


class Reader:
    """Works off what was asked for. Any number of copies may: each takes what no other holds."""

    def __init__(self, pool: Pool, organization_ids: Sequence[str]) -> None:
        self._pool = pool
        self._organization_ids = organization_ids
        self._is_away = False

    async def run(self) -> None:
        """Until cancelled: one body after another, and a look every second. Killed anywhere, it is done again."""
        while True:
            try:
                found = await self.once()
                self._is_away = False
            except Exception as error:
                if not passes(error):
                    raise
                if not self._is_away:
                    log.warning("Quarantined bodies cannot be read again", extra=describe(error))
                found, self._is_away = False, True
            if not found:
                await asyncio.sleep(POLL_SECONDS)

    async def once(self) -> bool:
        """Read the next body again; whether there was one.

        What is understood of it goes into the spool in the transaction that takes the mark away. Nothing understood is
        one attempt more; so is a body whose records the database refuses, or that meets a bug.
        """
        async with postgres.transaction(self._pool, "quarantine.read") as connection:
            body = await claim_next(connection)
            if body is None:
                return False
            reason = await self._spool(connection, body)
            await settle(connection, body, reason)
        outcome = "applied" if reason is None else "failed"
        metrics.REDRIVEN.labels(WEBHOOKS_QUARANTINED.name, outcome).inc()
        log.info("A quarantined body was read again", extra={"event_id": str(body.id), "outcome": outcome})
        return True

    async def _spool(self, connection: Connection, body: Body) -> str | None:
        """Why the body stays in quarantine; None where any of it is understood, or there is nothing in it."""
        door = records.door_of(body.id, body.bytes)
        if door is None:
            return "unknown_door"
        try:
            understood = self._understand(door, body)
            if understood.quarantined and not understood.parsed:
                return understood.quarantined[0].why
            async with connection.transaction():
                await spool.insert(connection, records.of(door, body.origin, understood))
        except Exception as error:
            if passes(error):
                raise
            if verdict(error) is Verdict.BUG:
                log.exception("A quarantined body met a bug", extra={"event_id": str(body.id)})
                return BUG
            log.warning("The records of a quarantined body were refused", extra=describe(error))
            return REFUSED
        return None

    def _understand(self, door: Door, body: Body) -> Understanding:
        if door is records.COMPANYCAM:
            return companycam.understand(body.bytes)
        if door is records.SALESFORCE_EVENTS:
            return salesforce_events.understand(body.bytes, body.signed_at)
        return self._understand_message(body.bytes)

    def _understand_message(self, body: bytes) -> Understanding:
        """A message that could not be read was not asked yet whose it is."""
        try:
            message = soap.parse(body)
            if not outbound_messages.is_of(message, self._organization_ids):
                return Understanding(quarantined=(Quarantine("unknown_organization", body),))
            return outbound_messages.understand(message)
        except SoapError as error:
            return Understanding(quarantined=(Quarantine(error.reason, body),))


async def claim_next(connection: Connection) -> Body | None:
    """The next body that was asked for and that no other copy holds, locked."""
    row = await connection.fetchrow(
        """
        SELECT event.id, event.received_at, event.raw, event.headers, event.signature, event.source_ip,
               event.user_agent, event.correlation_id
          FROM integrations.quarantine_decisions AS decision
          JOIN integrations.webhook_events AS event
            ON event.id = decision.event_id AND event.received_at = decision.received_at
         WHERE decision.redrive_asked_at IS NOT NULL AND event.status = 'FAILED'
         ORDER BY decision.event_id
         LIMIT 1
           FOR UPDATE OF decision SKIP LOCKED
        """
    )
    if row is None:
        return None
    return Body(UUID(str(row["id"])), row, row["raw"] or b"", orjson.loads(row["headers"] or "{}"))


async def settle(connection: Connection, body: Body, reason: str | None) -> None:
    """The body is processed, or (for a reason) still in quarantine after one attempt more; nothing is asked for now."""
    await connection.execute(
        """
        UPDATE integrations.webhook_events
           SET status        = CASE WHEN $3::text IS NULL THEN 'PROCESSED' ELSE status END,
               processed_at  = now(),
               error_message = 'quarantined: ' || $3,
               retry_count   = retry_count + 1
         WHERE id = $1 AND received_at = $2
        """,
        body.id,
        body.row["received_at"],
        reason,
    )
    await connection.execute("DELETE FROM integrations.quarantine_decisions WHERE event_id = $1", body.id)
