"""What needs a person: records that could not work, and deliveries that nobody understood."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from paintbox.databases import Connection, connected
from synckit.contracts.topics import WEBHOOKS_QUARANTINED

PROCESS: Final = "paintbox parked"
QUARANTINED_BY: Final = "webhook-log"
"""Who reads quarantined deliveries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which of them; None asks for no such thing."""

    ids: tuple[str, ...] | None = None
    consumer: str | None = None
    topic: str | None = None
    reason: str | None = None
    keys: tuple[str, ...] | None = None
    """As `list` shows them."""
    before: datetime | None = None
    after: datetime | None = None
    with_decided: bool = False
    """Those too that were redriven or dropped."""

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing in particular."""
        return self == Filter(with_decided=self.with_decided)


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
    state: str
    """open, asked (a redrive is to come), redriven, dropped."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A consumer that stopped by itself, and how many of how many records it parked in the minute before."""

    consumer: str
    topic: str
    raised_at: datetime
    parked: int
    records: int


async def list_set_aside(dsn: str, wanted: Filter, limit: int | None) -> list[SetAside]:
    """The newest first. Raises DatabaseError where the database does not let us in."""
    async with connected(dsn, process=PROCESS) as connection:
        return await find_set_aside(connection, wanted, limit)


async def find_set_aside(connection: Connection, wanted: Filter, limit: int | None = None) -> list[SetAside]:
    """The same, in a session."""
    rows = await connection.fetch(
        _SET_ASIDE,
        None if wanted.ids is None else list(wanted.ids),
        wanted.consumer,
        wanted.topic,
        wanted.reason,
        None if wanted.keys is None else list(wanted.keys),
        wanted.before,
        wanted.after,
        limit,
        wanted.with_decided,
        QUARANTINED_BY,
        WEBHOOKS_QUARANTINED.name,
    )
    return [SetAside(**dict(row)) for row in rows]


_SET_ASIDE: Final = """
        WITH set_aside AS (
            SELECT id::text AS id, 'parked' AS kind, consumer, topic, partition, "offset",
                   coalesce(encode(key, 'escape'), '') AS key,
                   reason_code AS reason, reason AS detail, attempt, parked_at AS since,
                   CASE WHEN redriven_at IS NOT NULL THEN 'redriven'
                        WHEN dropped_at IS NOT NULL THEN 'dropped'
                        WHEN redrive_asked_at IS NOT NULL THEN 'asked'
                        ELSE 'open' END AS state, NULL AS vendor
              FROM integrations.parked_records
             WHERE $9 OR (redriven_at IS NULL AND dropped_at IS NULL)
             UNION ALL
            SELECT event.id::text, 'quarantined', $10, $11, NULL, NULL, '',
                   split_part(coalesce(event.error_message, ''), ': ', 2),
                   concat_ws(' at ', event.event_type, nullif(split_part(event.error_message, ': ', 3), '')),
                   event.retry_count + 1,
                   event.received_at,
                   CASE WHEN event.status = 'PROCESSED' THEN 'redriven'
                        WHEN decision.dropped_at IS NOT NULL THEN 'dropped'
                        WHEN decision.redrive_asked_at IS NOT NULL THEN 'asked'
                        ELSE 'open' END, lower(event.service::text)
              FROM integrations.webhook_events AS event
              LEFT JOIN integrations.quarantine_decisions AS decision ON decision.event_id = event.id
             WHERE event.status = 'FAILED' AND event.error_message LIKE 'quarantined: %'
               AND ($9 OR decision.dropped_at IS NULL)
                OR $9 AND event.status = 'PROCESSED' AND event.event_type = 'quarantined' -- read again, and understood
        )
        SELECT id, kind, consumer, topic, partition, "offset", key, reason, detail, attempt, since, state
          FROM set_aside
         WHERE ($1::text[] IS NULL OR id = ANY($1))
           AND ($2::text IS NULL OR consumer = $2) AND ($3::text IS NULL OR $3 IN (topic, vendor))
           AND ($4::text IS NULL OR reason = $4) AND ($5::text[] IS NULL OR key = ANY($5))
           AND ($6::timestamptz IS NULL OR since < $6) AND ($7::timestamptz IS NULL OR since > $7)
         ORDER BY since DESC, id
         LIMIT $8
        """


async def list_alarms(dsn: str) -> list[Alarm]:
    """The alarms in force. Raises DatabaseError where the database does not let us in."""
    async with connected(dsn, process=PROCESS) as connection:
        return await find_alarms(connection)


async def find_alarms(connection: Connection) -> list[Alarm]:
    """The same, in a session."""
    rows = await connection.fetch(
        """
        SELECT consumer, topic, raised_at, parked, records
          FROM integrations.consumer_alarms
         WHERE cleared_at IS NULL
         ORDER BY consumer, topic
        """
    )
    return [Alarm(**dict(row)) for row in rows]
