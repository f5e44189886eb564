"""What needs a person: records that could not work, and deliveries that nobody understood."""

from dataclasses import dataclass
from datetime import datetime

from paintbox.databases import connected


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which of them; None asks for no such thing."""

    consumer: str | None = None
    topic: str | None = None
    reason: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A parked record, or (no partition, no offset) a quarantined delivery. Never its payload."""

    id: str
    kind: str
    consumer: str
    topic: str
    partition: int | None
    offset: int | None
    key: str
    reason: str
    detail: str
    attempt: int
    since: datetime


QUARANTINED_BY = "webhook-log"


async def list_set_aside(dsn: str, wanted: Filter, limit: int) -> list[SetAside]:
    """The newest first. Raises DatabaseError where the database does not let us in."""
    async with connected(dsn, process="paintbox parked") as connection:
        rows = await connection.fetch(
            """
            WITH set_aside AS (
                SELECT id::text AS id, 'parked' AS kind, consumer, topic, partition, "offset",
                       coalesce(encode(key, 'escape'), '') AS key,
                       reason_code AS reason, reason AS detail, attempt, parked_at AS since
                  FROM integrations.parked_records
                 WHERE redriven_at IS NULL AND dropped_at IS NULL
                 UNION ALL
                SELECT id::text, 'quarantined', $6, lower(service::text), NULL, NULL, id::text,
                       substr(error_message, length('quarantined: ') + 1), event_type, 1, received_at
                  FROM integrations.webhook_events
                 WHERE status = 'FAILED' AND error_message LIKE 'quarantined: %'
            )
            SELECT id, kind, consumer, topic, partition, "offset", key, reason, detail, attempt, since
              FROM set_aside
             WHERE ($1::text IS NULL OR consumer = $1) AND ($2::text IS NULL OR topic = $2)
               AND ($3::text IS NULL OR reason = $3) AND ($4::text IS NULL OR key = $4)
             ORDER BY since DESC, id
             LIMIT $5
            """,
            wanted.consumer,
            wanted.topic,
            wanted.reason,
            wanted.key,
            limit,
            QUARANTINED_BY,
        )
    return [SetAside(**dict(row)) for row in rows]
