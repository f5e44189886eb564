"""`webhook_events` and `sync_logs`: a row an event, whoever writes it first, whatever comes twice."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import orjson

from synckit import times
from synckit.contracts import headers
from synckit.contracts.headers import EventHeaders
from synckit.errors import PoisonError
from synckit.integrations.services import service_of
from synckit.postgres import Connection, as_json

LONGEST_TYPE = 100
LONGEST_ID = 100


class Status(StrEnum):
    """What became of an event, as far as its consumer can say."""

    RECEIVED = "RECEIVED"
    PROCESSED = "PROCESSED"
    """Merged, also where nothing changed or it is held."""
    IGNORED = "IGNORED"
    """A hint, or a type of event that nobody needs."""
    FAILED = "FAILED"
    """Parked or quarantined."""


_RANKS: Final = (Status.RECEIVED, Status.FAILED, Status.IGNORED, Status.PROCESSED)
"""The better ones last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event as it travelled, and when it was received first."""

    headers: EventHeaders
    value: bytes
    """JSON that JSONB takes."""
    received_at: int
    status: Status = Status.RECEIVED
    error_message: str | None = None
    raw: bytes | None = None
    """The bytes as they came, where they were not understood."""
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a consumer did with an event."""

    delivery: Delivery
    entity_type: str
    external_id: str
    entity_id: UUID | None = None
    error: PoisonError | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


async def record_deliveries(connection: Connection, deliveries: Iterable[Delivery]) -> None:
    """Write these events, or what is missing of them where their consumer was faster."""
    rows = _sorted(map(_event_row, deliveries))
    if not rows:
        return
    await connection.execute(
        f"""
        INSERT INTO integrations.webhook_events AS stored ({_EVENT_COLUMNS})
        SELECT {_EVENT_VALUES}
          FROM json_to_recordset($1::json) AS incoming ({_EVENT_TYPES})
         ORDER BY id, received_at
        ON CONFLICT (id, received_at) DO UPDATE
           SET headers   = coalesce(stored.headers, excluded.headers),
               signature = coalesce(stored.signature, excluded.signature),
               raw       = coalesce(stored.raw, excluded.raw)
         WHERE (stored.headers IS NULL AND excluded.headers IS NOT NULL)
            OR (stored.signature IS NULL AND excluded.signature IS NOT NULL)
            OR (stored.raw IS NULL AND excluded.raw IS NOT NULL)
        """,  # noqa: S608 - the columns are constants
        as_json(rows),
    )


async def record_outcomes(connection: Connection, outcomes: Sequence[Outcome]) -> int:
    """Write what became of these events: their status, and a sync log each; how many had a sync log already.

    A status never goes back, from batch to batch and within one: of an event that comes twice, the better one counts.
    """
    ranked = sorted(outcomes, key=lambda outcome: _RANKS.index(outcome.delivery.status))
    by_id = {(outcome.delivery.headers.id, outcome.delivery.received_at): outcome for outcome in ranked}
    best = [outcome for _, outcome in sorted(by_id.items())]
    if not best:
        return 0
    await connection.execute(
        f"""
        INSERT INTO integrations.webhook_events AS stored ({_EVENT_COLUMNS})
        SELECT {_EVENT_VALUES}
          FROM json_to_recordset($1::json) AS incoming ({_EVENT_TYPES})
         ORDER BY id, received_at
        ON CONFLICT (id, received_at) DO UPDATE
           SET status                 = excluded.status,
               processed_at           = excluded.processed_at,
               processing_duration_ms = excluded.processing_duration_ms,
               error_message          = excluded.error_message
         WHERE stored.status <> 'PROCESSED'
           AND NOT (stored.status = 'IGNORED' AND excluded.status = 'FAILED')
           AND (stored.status <> excluded.status
                OR (stored.status = 'FAILED' AND stored.error_message IS DISTINCT FROM excluded.error_message))
        """,  # noqa: S608 - the columns are constants
        as_json(_event_row(outcome.delivery) for outcome in best),
    )
    known: int = await connection.fetchval(_UPSERT_SYNC_LOGS, as_json(map(_log_row, best)))
    return known + len(outcomes) - len(best)


_UPSERT_SYNC_LOGS: Final = """
        WITH incoming AS (
            SELECT id, service, entity_type, entity_id, external_id, status, started_at, error_code, error_message,
                   correlation_id, metadata
              FROM json_to_recordset($1::json)
                AS given (id uuid, service integrations.integration_service_enum, entity_type text, entity_id text,
                          external_id text, status integrations.sync_status_enum, started_at timestamptz,
                          error_code text, error_message text, correlation_id uuid, metadata jsonb)
        ), written AS (
            INSERT INTO integrations.sync_logs AS stored
                   (id, service, operation, entity_type, entity_id, external_id, status, started_at, completed_at,
                    duration_ms, error_code, error_message, triggered_by, correlation_id, metadata)
            SELECT id, service, 'WEBHOOK', entity_type, entity_id, external_id, status, started_at, now(),
                   greatest(extract(epoch FROM now() - started_at) * 1000, 0)::bigint, error_code, error_message,
                   'webhook', correlation_id, metadata
              FROM incoming
             ORDER BY id, started_at
            ON CONFLICT (id, started_at) DO UPDATE
               SET status        = excluded.status,
                   completed_at  = excluded.completed_at,
                   duration_ms   = excluded.duration_ms,
                   error_code    = excluded.error_code,
                   error_message = excluded.error_message,
                   entity_id     = excluded.entity_id,
                   metadata      = excluded.metadata
             WHERE stored.status <> 'COMPLETED'
        )
        SELECT count(*) -- of the rows that were there before: all parts of a statement see the same snapshot
          FROM incoming
          JOIN integrations.sync_logs AS known -- an id says when it started; = might be looked up by that time alone
            ON known.id = incoming.id AND known.started_at >= incoming.started_at
        """

_EVENT_COLUMNS = """id, service, event_type, event_id, headers, payload, signature, status, processed_at,
               processing_duration_ms, error_message, received_at, source_ip, user_agent, raw, correlation_id"""
_EVENT_VALUES = """id, service, event_type, event_id, headers, payload, signature, status,
               CASE WHEN status = 'RECEIVED' THEN NULL ELSE now() END, processing_duration_ms, error_message,
               received_at, source_ip, user_agent, decode(raw_base64, 'base64'), correlation_id"""
_EVENT_TYPES = """id uuid, service integrations.integration_service_enum, event_type text, event_id text, headers jsonb,
               payload jsonb, signature text, status integrations.webhook_status_enum, processing_duration_ms bigint,
               error_message text, received_at timestamptz, source_ip inet, user_agent text, raw_base64 text,
               correlation_id uuid"""


def _sorted(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row an event, in the order of the table's key; of several the last."""
    return [row for _, row in sorted({(row["id"], row["received_at"]): row for row in rows}.items())]


def _event_row(delivery: Delivery) -> dict[str, Any]:
    event = delivery.headers
    request = headers.http_request(event)
    return {
        "id": str(event.id),
        "service": service_of(event),
        "event_type": event_type(event)[:LONGEST_TYPE],
        "event_id": event.vendor_event_id and event.vendor_event_id[:LONGEST_ID],
        "headers": request.get("headers"),
        "payload": orjson.Fragment(delivery.value),
        "signature": request.get("signature"),
        "status": delivery.status,
        "processing_duration_ms": delivery.duration_ms,
        "error_message": delivery.error_message,
        "received_at": times.rfc3339(delivery.received_at),
        "source_ip": request.get("source_ip"),
        "user_agent": request.get("user_agent"),
        "raw_base64": None if delivery.raw is None else b64encode(delivery.raw).decode(),
        "correlation_id": str(event.correlation_id),
    }


def _log_row(outcome: Outcome) -> dict[str, Any]:
    event, error = outcome.delivery.headers, outcome.error
    return {
        "id": event.id,
        "service": service_of(event),
        "entity_type": outcome.entity_type[:LONGEST_TYPE],
        "entity_id": None if outcome.entity_id is None else str(outcome.entity_id),
        "external_id": outcome.external_id[:LONGEST_ID],
        "status": "COMPLETED" if error is None else "FAILED",
        "started_at": times.rfc3339(outcome.delivery.received_at),
        "error_code": error and error.code,
        "error_message": error and error.reason,
        "correlation_id": event.correlation_id,
        "metadata": outcome.metadata,
    }


def event_type(event: EventHeaders) -> str:
    """What the vendor calls it: `ce_type` without the vendor in front and the version behind (`photo.created`)."""
    return event.type.partition(".")[2].rpartition(".")[0]
