"""What an operator decides: to have something put through again, to drop it, to let a stopped consumer go on.

Nothing is applied here. A redrive is a mark; the process that owns the consumer sees it within a second.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from paintbox.databases import Connection, connected
from paintbox.parked.listing import PROCESS, Alarm, Filter, SetAside, find_set_aside
from paintbox.parked.progress import Progress
from synckit.parking import records

LOOK_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many records and deliveries were dropped, and how many somebody was done with by then."""

    dropped: int
    late: int


async def ask_redrive(dsn: str, wanted: Filter) -> list[SetAside]:
    """Mark everything open that the filter finds; what was found.

    Asking for what waits already changes nothing; what is being put through just now is put through once more.
    """
    async with connected(dsn, process=PROCESS) as connection, connection.transaction():
        found = await find_set_aside(connection, wanted)
        decide = await connection.prepare(_ASK)
        await records.change(
            connection,
            "redrive_asked_at = clock_timestamp()",
            f"WHERE parked.id = ANY($1::bigint[]) AND {records.OPEN}",
            _parked(found),
        )
        await decide.fetch([one.id for one in _quarantined(found)], [one.since for one in _quarantined(found)])
    return found


_ASK: Final = """
    INSERT INTO integrations.quarantine_decisions AS stored (event_id, received_at, redrive_asked_at)
    SELECT event_id, received_at, clock_timestamp()
      FROM unnest($1::uuid[], $2::timestamptz[]) AS asked (event_id, received_at)
     ORDER BY event_id
    ON CONFLICT (event_id) DO UPDATE
       SET redrive_asked_at = excluded.redrive_asked_at
     WHERE stored.dropped_at IS NULL
"""
"""Prepared, as `_DROP` is, before rows are locked: nothing of PostgreSQL's would end a session that asyncpg prepares a
statement in, and whose client is frozen then."""


async def drop(dsn: str, wanted: Filter) -> Dropped:
    """Mark everything open that the filter finds as dropped: it is kept, and shown no more.

    What is put through just now is waited for, and not dropped then.
    """
    async with connected(dsn, process=PROCESS) as connection, connection.transaction():
        found = await find_set_aside(connection, wanted)
        decide, forget = await connection.prepare(_DROP), await connection.prepare(_FORGET)
        many = await records.change(
            connection,
            "dropped_at = now(), redrive_asked_at = NULL",
            f"WHERE parked.id = ANY($1::bigint[]) AND {records.OPEN}",
            _parked(found),
        )
        quarantined = [one.id for one in _quarantined(found)]
        await decide.fetch(quarantined, [one.since for one in _quarantined(found)])
        many += len(quarantined) - len(await forget.fetch(quarantined))
    return Dropped(many, late=len(found) - many)


_DROP: Final = """
    INSERT INTO integrations.quarantine_decisions (event_id, received_at, dropped_at)
    SELECT event_id, received_at, now()
      FROM unnest($1::uuid[], $2::timestamptz[]) AS asked (event_id, received_at)
     ORDER BY event_id
    ON CONFLICT (event_id) DO UPDATE
       SET dropped_at = excluded.dropped_at, redrive_asked_at = NULL
"""
_FORGET: Final = """
    DELETE FROM integrations.quarantine_decisions AS decision
     USING integrations.webhook_events AS event
     WHERE decision.event_id = ANY($1::uuid[]) AND event.status <> 'FAILED'
       AND event.id = decision.event_id AND event.received_at = decision.received_at
    RETURNING decision.event_id
"""
"""Once the decisions are ours: whoever had one of them meanwhile understood the delivery, and was done with it."""


async def watch(dsn: str, asked: Sequence[SetAside], seconds: float, said: Callable[[Progress], None]) -> Progress:
    """The outcome of a redrive: when nothing waits any more, or how far it is after so many seconds."""
    deadline = monotonic() + seconds
    async with connected(dsn, process=PROCESS) as connection:
        while True:
            progress = await find_progress(connection, asked)
            said(progress)
            if progress.is_over or monotonic() >= deadline:
                return progress
            await asyncio.sleep(LOOK_SECONDS)


async def find_progress(connection: Connection, asked: Sequence[SetAside]) -> Progress:
    """What has become of these by now."""
    rows = await connection.fetch(
        _BECAME,
        _parked(asked),
        [one.id for one in _quarantined(asked)],
        [one.since for one in _quarantined(asked)],
        [one.consumer for one in _quarantined(asked)],
    )
    many, waiting = Counter[str](), Counter[str]()
    for row in rows:
        many[row["became"]] += row["many"]
        if row["became"] == "waiting":
            waiting[row["consumer"]] += row["many"]
    return Progress(
        done=many["done"],
        failed=many["failed"],
        dropped=many["dropped"],
        waiting=waiting,
        absent=await _find_absent(connection, sorted(waiting)),
    )


_BECAME: Final = """
        SELECT consumer,
               CASE WHEN redriven_at IS NOT NULL THEN 'done'
                    WHEN dropped_at IS NOT NULL THEN 'dropped'
                    WHEN redrive_asked_at IS NOT NULL THEN 'waiting'
                    ELSE 'failed'
               END AS became,
               count(*) AS many
          FROM integrations.parked_records
         WHERE id = ANY($1::bigint[])
         GROUP BY 1, 2
         UNION ALL
        SELECT consumer,
               CASE WHEN event.status <> 'FAILED' THEN 'done'
                    WHEN decision.dropped_at IS NOT NULL THEN 'dropped'
                    WHEN decision.redrive_asked_at IS NOT NULL THEN 'waiting'
                    ELSE 'failed'
               END,
               count(*)
          FROM unnest($2::uuid[], $3::timestamptz[], $4::text[]) AS asked (event_id, received_at, consumer)
          JOIN integrations.webhook_events AS event
            ON event.id = asked.event_id AND event.received_at = asked.received_at
          LEFT JOIN integrations.quarantine_decisions AS decision ON decision.event_id = asked.event_id
         GROUP BY 1, 2
        """


async def _find_absent(connection: Connection, consumers: Sequence[str]) -> tuple[str, ...]:
    """A process looks for marks every second, over sessions that carry its name."""
    rows = await connection.fetch(
        """
        SELECT consumer
          FROM unnest($1::text[]) AS consumer
         WHERE NOT EXISTS (
                   SELECT FROM pg_stat_activity WHERE application_name = consumer AND datname = current_database()
               )
         ORDER BY consumer
        """,
        list(consumers),
    )
    return tuple(row["consumer"] for row in rows)


async def resume(dsn: str, consumer: str, topic: str | None) -> list[Alarm]:
    """Clear the alarms of a consumer, of one topic or of all; those that were in force. It goes on within seconds."""
    async with connected(dsn, process=PROCESS) as connection:
        rows = await connection.fetch(
            """
            UPDATE integrations.consumer_alarms
               SET cleared_at = now()
             WHERE consumer = $1 AND ($2::text IS NULL OR topic = $2) AND cleared_at IS NULL
            RETURNING consumer, topic, raised_at, parked, records
            """,
            consumer,
            topic,
        )
    return [Alarm(**dict(row)) for row in rows]


def _parked(found: Sequence[SetAside]) -> list[int]:
    return sorted(int(one.id) for one in found if one.kind == "parked")


def _quarantined(found: Sequence[SetAside]) -> list[SetAside]:
    return [one for one in found if one.kind == "quarantined"]
