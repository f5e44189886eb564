"""A parked record as a row: written where a batch condemns it, and read back as the record that it was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import orjson

from synckit import times
from synckit.consumer.batch import Batch, Incoming
from synckit.consumer.lease import GivenUpError
from synckit.errors import PoisonError
from synckit.parking.kept import NUL, headers_from, headers_kept, in_base64
from synckit.postgres import Connection, Pool, as_json

LONGEST_REASON: Final = 500
OPEN: Final = "parked.redriven_at IS NULL AND parked.dropped_at IS NULL"
"""Of a row `parked`: nobody is done with it."""


async def park(
    connection: Connection,
    consumer: str,
    parked: Sequence[tuple[Incoming, PoisonError]],
    is_outdated: Callable[[Incoming], bool] = lambda _: False,
) -> None:
    """Park these records, in the transaction that records their batch: dropped at once, without bytes, if outdated.

    One that was to be redriven, or had been, has failed again: the same row, one more attempt, open, and not asked for,
    unless somebody asked anew while it was redriven. Any other that is parked already stays as it is, and what was
    dropped stays dropped. What is put through from its row stays redriven where another copy was done with it
    meanwhile: an erasure that is opened again would erase what came later, which drops only what is open.
    """
    if not parked:
        return
    put_through = [record for record, _ in parked if isinstance(record, ParkedRecord)]
    rows = [_row(consumer, record, error) | {"is_outdated": is_outdated(record)} for record, error in parked]
    asked_at = [one.asked_at for one in put_through]
    await connection.execute(_PARK, as_json(rows), [one.id for one in put_through], asked_at)


_PARK: Final = """
        INSERT INTO integrations.parked_records AS stored
               (consumer, topic, partition, "offset", key, headers, value, dropped_at, reason_code, reason,
                value_sha256, came_at)
        SELECT consumer, topic, partition, "offset", decode(key, 'base64'), headers,
               CASE WHEN NOT is_outdated THEN decode(value, 'base64') END, CASE WHEN is_outdated THEN now() END,
               reason_code, reason, value_sha256, came_at
          FROM json_to_recordset($1::json)
            AS incoming (consumer text, topic text, partition integer, "offset" bigint, key text, headers jsonb,
                         value text, reason_code text, reason text, value_sha256 text, former_sha256 text,
                         came_at timestamptz, is_outdated boolean)
         WHERE NOT EXISTS ( -- the same record, as an earlier release has parked it
               SELECT
                 FROM integrations.parked_records AS former
                WHERE (former.consumer, former.topic, former.partition, former."offset", former.value_sha256)
                      = (incoming.consumer, incoming.topic, incoming.partition, incoming."offset", former_sha256)
                  AND former.value_sha256 <> incoming.value_sha256
                  AND former.key IS NOT DISTINCT FROM decode(incoming.key, 'base64')
                  AND former.came_at IS NOT DISTINCT FROM incoming.came_at)
         ORDER BY consumer, topic, partition, "offset", value_sha256
        ON CONFLICT (consumer, topic, partition, "offset", value_sha256) DO UPDATE
           SET attempt          = stored.attempt + 1,
               reason_code      = excluded.reason_code,
               reason           = excluded.reason,
               redrive_asked_at = CASE WHEN cardinality($3::timestamptz[]) > 0 AND stored.redrive_asked_at <> ALL ($3)
                                        AND excluded.dropped_at IS NULL THEN stored.redrive_asked_at END,
               redriven_at      = NULL,
               dropped_at       = excluded.dropped_at,
               value            = CASE WHEN excluded.dropped_at IS NULL THEN stored.value END
         WHERE stored.redrive_asked_at IS NOT NULL AND stored.dropped_at IS NULL
           AND (stored.redriven_at IS NULL OR stored.id <> ALL($2::bigint[]))
        """


PLACE: Final = 'parked.consumer, parked.topic, parked.partition, parked."offset", parked.value_sha256, parked.id'
"""The order in which everybody locks rows, `park` too. Who changes several sets at once locks all of them first."""


async def change(connection: Connection, assignments: str, found: str, *arguments: object) -> int:
    """Change rows, after all of them are locked in the order of their places; how many are as they are looked for then.

    `found` says which: it goes on after `FROM integrations.parked_records AS parked`, and the arguments are its own.
    Both texts are constants of the caller.
    """
    changed = await connection.execute(
        f"""
        WITH locked AS MATERIALIZED (
            SELECT parked.id
              FROM integrations.parked_records AS parked
              {found}
             ORDER BY {PLACE}
               FOR UPDATE OF parked
        )
        UPDATE integrations.parked_records AS stored
           SET {assignments}
          FROM locked
         WHERE stored.id = locked.id
        """,  # noqa: S608 - see the docstring
        *arguments,
    )
    return int(changed.removeprefix("UPDATE "))


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A record as it was consumed, and the row that it is parked in."""

    id: int
    asked_at: datetime
    """When it was asked for: whoever asks again later asks for something else."""
    came_at: datetime | None
    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None
    digest: str | None
    """What its row is found by, whatever that was made of."""

    @property
    def timestamp(self) -> int:
        """When it came to its topic, in milliseconds since 1970; 0 where that was not kept."""
        return 0 if self.came_at is None else times.milliseconds(self.came_at)


async def list_asked(
    connection: Connection, consumer: str, topics: Sequence[str], limit: int, most_bytes: int
) -> list[ParkedRecord]:
    """The oldest open records of one of these topics that are to be redriven: so many at most, and one at least.

    In the order of the topic, whatever the order was in which they were parked: an erasure has nothing but its place.
    """
    rows = await connection.fetch(_ASKED, consumer, list(topics), limit, most_bytes)
    return [
        ParkedRecord(
            id=row["id"],
            asked_at=row["redrive_asked_at"],
            came_at=row["came_at"],
            topic=row["topic"],
            partition=row["partition"],
            offset=row["offset"],
            key=row["key"],
            headers=list(headers_from(orjson.loads(row["headers"]))),
            value=row["value"],
            digest=row["value_sha256"],
        )
        for row in rows
    ]


_ASKED: Final = """
        WITH oldest AS (
            SELECT topic
              FROM integrations.parked_records
             WHERE consumer = $1 AND topic = ANY($2::text[])
               AND redrive_asked_at IS NOT NULL AND redriven_at IS NULL AND dropped_at IS NULL
             ORDER BY id
             LIMIT 1
        ), asked AS (
            SELECT id, sum(coalesce(octet_length(value), 0)) OVER (ORDER BY id) AS bytes,
                   row_number() OVER (ORDER BY id) AS place
              FROM integrations.parked_records
             WHERE consumer = $1 AND topic = (SELECT topic FROM oldest)
               AND redrive_asked_at IS NOT NULL AND redriven_at IS NULL AND dropped_at IS NULL
             ORDER BY id
             LIMIT $3
        )
        SELECT id, redrive_asked_at, came_at, topic, partition, "offset", key, headers, value, value_sha256
          FROM integrations.parked_records
          JOIN asked USING (id)
         WHERE bytes <= $4 OR place = 1
         ORDER BY partition, "offset", id
        """


async def confirm(session: Connection | Pool, batch: Batch) -> None:
    """The last step of a transaction that applies a batch: what is redriven in it is still to be applied.

    Raises GivenUpError where one of them was dropped since it was read, by an operator or because of a later record, or
    where another copy is done with it. What is left of them is read anew then.
    """
    redriven = ids_redriven(batch)
    if not redriven:
        return
    is_open = f"SELECT count(*) FROM integrations.parked_records AS parked WHERE id = ANY($1) AND {OPEN}"  # noqa: S608 - a constant
    if await session.fetchval(is_open, redriven) < len(redriven):
        raise GivenUpError


def ids_redriven(batch: Batch) -> list[int]:
    """The rows that the living records of a batch are parked in; a batch from Kafka has none."""
    return [one.id for one in map(batch.records.__getitem__, batch.living) if isinstance(one, ParkedRecord)]


async def mark(connection: Connection, applied: Sequence[ParkedRecord], failed: Sequence[ParkedRecord]) -> None:
    """Say what became of records that were redriven, in one transaction."""
    await connection.execute(
        f"""
        SELECT FROM integrations.parked_records AS parked
         WHERE id = ANY($1::bigint[])
         ORDER BY {PLACE}
           FOR UPDATE
        """,
        [record.id for record in [*applied, *failed]],
    )
    await _mark_redriven(connection, applied)
    await _mark_failed(connection, failed)


async def _mark_redriven(connection: Connection, records: Sequence[ParkedRecord]) -> None:
    """These are applied. One that failed meanwhile, or that was asked for again, is left alone.

    Whoever dropped one after `confirm` came too late: it was applied, and says so. What was dropped for a later
    record's sake has no bytes any more, and stays dropped.
    """
    is_late = "parked.dropped_at IS NOT NULL AND parked.value IS NOT NULL AND parked.redriven_at IS NULL"
    await _mark(connection, records, "redriven_at = now()", is_late)


async def _mark_failed(connection: Connection, records: Sequence[ParkedRecord]) -> None:
    """These were refused again: whichever `park` did not find is no longer asked for either, or it would come for ever.

    That is a row whose columns are no longer those of the record in it, as somebody wrote it by hand.
    """
    await _mark(connection, records, "attempt = stored.attempt + 1, redrive_asked_at = NULL")


async def _mark(
    connection: Connection, records: Sequence[ParkedRecord], assignments: str, others: str = "FALSE"
) -> None:
    """Changes those that are open and asked for as they were when they were read, and others."""
    if not records:
        return
    await change(
        connection,
        assignments,
        f"""
        JOIN unnest($1::bigint[], $2::timestamptz[]) AS tried (id, asked_at) USING (id)
         WHERE (parked.redrive_asked_at = tried.asked_at AND {OPEN}) OR ({others})
        """,
        [record.id for record in records],
        [record.asked_at for record in records],
    )


def _row(consumer: str, record: Incoming, error: PoisonError) -> dict[str, Any]:
    return {
        "consumer": consumer,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": in_base64(record.key),
        "headers": headers_kept(record.headers),
        "value": in_base64(record.value),
        "reason_code": error.code,
        "reason": error.reason[:LONGEST_REASON].replace(NUL, ""),
        "value_sha256": digest(record),
        "former_sha256": sha256(record.value or b"").hexdigest(),
        "came_at": times.rfc3339(record.timestamp) if 0 < record.timestamp <= times.LATEST else None,
    }


def digest(record: Incoming) -> str | None:
    """What tells a record from another one that had its place: a topic that is made anew counts from 0 again.

    By all that it is and when it came, for all erasures have one value. What is put through from its row keeps that
    row's, of an earlier release too, which looked at the value alone.
    """
    if isinstance(record, ParkedRecord):
        return record.digest
    whole = [in_base64(record.key), headers_kept(record.headers), in_base64(record.value), record.timestamp]
    return sha256(orjson.dumps(whole)).hexdigest()
