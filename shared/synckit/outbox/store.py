"""The outbox in PostgreSQL: a queue whose rows are deleted once Kafka has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synckit.postgres import Connection, Row, as_json

LARGEST_VALUE = 7 * 1024 * 1024
"""Above this a row would come too close to what the broker accepts (8 MiB with headers): it is set aside."""
ROUND_BYTES = 6 * 1024 * 1024
"""Of values that are read at once; one row is read however large it is. Enough for 5,000 rows of the usual 1.1 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """An owner's outbox. Its name is also the transactional id that fences relays; tables become part of SQL."""

    name: str
    events: str
    refused: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A record to publish. A `value` of None erases what a compacted topic keeps under the key."""

    topic: str
    key: str
    headers: Mapping[str, str]
    value: bytes | None


async def insert(connection: Connection, outbox: Outbox, events: Sequence[Event]) -> None:
    """Publish these, in their order, once the caller's transaction commits.

    Insert after the entity's row is locked: then, per key, the order of `seq` is the order of commits.
    """
    if not events:
        return
    await connection.execute(
        f"""
        INSERT INTO {outbox.events} (topic, key, headers, value)
        SELECT topic, key, headers, convert_to(value, 'UTF8')
          FROM ROWS FROM (json_to_recordset($1::json) AS (topic text, key text, headers jsonb, value text))
               WITH ORDINALITY AS incoming (topic, key, headers, value, position)
         ORDER BY position
        """,  # noqa: S608 - the table's name is a constant of the service
        as_json(
            {
                "topic": event.topic,
                "key": event.key,
                "headers": event.headers,
                "value": None if event.value is None else event.value.decode(),
            }
            for event in events
        ),
    )


async def claim(connection: Connection, outbox: Outbox) -> bool:
    """Whether this session has the lock of the outbox now, which it holds until it ends.

    Raises PostgresError, and takes no lock, where the session could not delete rows: on a standby, which may still have
    rows that others published long ago, in a database that is read-only, while the table is locked against writes.
    """
    claimed: bool = await connection.fetchval(
        f"""
        WITH writable AS (DELETE FROM {outbox.events} WHERE false)
        SELECT pg_try_advisory_lock(hashtextextended($1, 0))
        """,  # noqa: S608 - the table's name is a constant of the service
        outbox.name,
    )
    return claimed


async def check_writable(connection: Connection, outbox: Outbox) -> None:
    """Raises PostgresError where the session could not delete rows, as in `claim`."""
    await connection.execute(f"DELETE FROM {outbox.events} WHERE false")  # noqa: S608 - constant


async def list_next(connection: Connection, outbox: Outbox, at_most: int, besides: Sequence[int] = ()) -> list[Row]:
    """The visible rows with the smallest seq besides those given, in order; of values about 6 MiB at most."""
    return await connection.fetch(
        f"""
        SELECT seq, topic, key, headers, value
          FROM (SELECT seq, topic, key, headers, value,
                       sum(octet_length(value)) OVER (
                           ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                  FROM (SELECT seq, topic, key, headers, value
                          FROM {outbox.events}
                         WHERE seq NOT IN (SELECT unnest($3::bigint[]))
                         ORDER BY seq LIMIT $1) AS next
               ) AS counted
         WHERE coalesce(bytes_before, 0) < $2
         ORDER BY seq
        """,  # noqa: S608 - the table's name is a constant of the service
        at_most,
        ROUND_BYTES,
        besides,
    )


async def delete(connection: Connection, outbox: Outbox, seqs: Sequence[int]) -> None:
    """Forget rows that Kafka has."""
    await connection.execute(f"DELETE FROM {outbox.events} WHERE seq = ANY($1::bigint[])", seqs)  # noqa: S608 - constant


async def set_aside(connection: Connection, outbox: Outbox, seqs: Sequence[int], reason: str) -> None:
    """Move rows that Kafka would refuse out of the way of the others, to where an operator sees them."""
    await connection.execute(
        f"""
        WITH moved AS (
            DELETE FROM {outbox.events} WHERE seq = ANY($1::bigint[])
            RETURNING seq, topic, key, headers, value, created_at
        )
        INSERT INTO {outbox.refused} (seq, topic, key, headers, value, created_at, reason)
        SELECT seq, topic, key, headers, value, created_at, $2
          FROM moved
         ORDER BY seq
        """,  # noqa: S608 - the tables' names are constants of the service
        seqs,
        reason,
    )
