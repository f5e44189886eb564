"""The keys whose row the database refuses, kept until it is written: one row each, with its newest event and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

from synckit.mirror import notes
from synckit.mirror.facts import Cause
from synckit.mirror.store import Key, Mirror
from synckit.postgres import Connection, as_json


async def keep(connection: Connection, mirror: Mirror, key: Key, cause: Cause, reason: str) -> bool:
    """Keep that a key is refused, for this reason now; whether that is news: of a key or of an event newer than known.

    Of two events the newer stays. Where the key is being written just now, waits: the refusal is the later of the two.
    """
    is_newer = "(excluded.cause ->> 'received_at')::timestamptz > (stored.cause ->> 'received_at')::timestamptz"
    is_news: bool = await connection.fetchval(
        f"""
        INSERT INTO {mirror.refused} AS stored (object, id, cause, reason)
        SELECT object, id, cause, reason
          FROM json_to_recordset($1::json) AS incoming (object text, id text, cause jsonb, reason text)
        ON CONFLICT (object, id) DO UPDATE
           SET cause      = CASE WHEN {is_newer} THEN excluded.cause ELSE stored.cause END,
               refused_at = CASE WHEN {is_newer} THEN excluded.refused_at ELSE stored.refused_at END,
               reason     = excluded.reason,
               tried_at   = excluded.tried_at
        RETURNING stored.refused_at = stored.tried_at
        """,  # noqa: S608 - the table's name is a constant of the service
        as_json([{"object": key[0], "id": key[1], "cause": notes.encoded(cause), "reason": reason}]),
    )
    return is_news


async def now(connection: Connection) -> datetime:
    """The database's clock, by which tries are told apart."""
    at: datetime = await connection.fetchval("SELECT now()")
    return at


async def list_due(connection: Connection, mirror: Mirror, name: str, before: datetime, at_most: int) -> list[str]:
    """The refused keys of an object that were last tried before a moment, those first that waited longest."""
    rows = await connection.fetch(
        f"""
        SELECT id
          FROM {mirror.refused}
         WHERE object = $1 AND tried_at < $2
         ORDER BY tried_at, id
         LIMIT $3
        """,  # noqa: S608 - the table's name is a constant of the service
        name,
        before,
        at_most,
    )
    return [row["id"] for row in rows]


async def claim(connection: Connection, mirror: Mirror, name: str, ids: Sequence[str]) -> dict[str, Cause]:
    """Lock those of these keys that are refused still, in order, and that nobody else tries just now: their events."""
    rows = await connection.fetch(
        f"""
        SELECT id, cause
          FROM {mirror.refused}
         WHERE object = $1 AND id = ANY($2::text[])
         ORDER BY id
           FOR UPDATE SKIP LOCKED
        """,  # noqa: S608 - the table's name is a constant of the service
        name,
        ids,
    )
    return {row["id"]: notes.decoded(orjson.loads(row["cause"])) for row in rows}


async def delete(connection: Connection, mirror: Mirror, name: str, claimed: Mapping[str, Cause]) -> None:
    """Forget keys, in the transaction that claimed and wrote them."""
    await connection.execute(
        f"DELETE FROM {mirror.refused} WHERE object = $1 AND id = ANY($2::text[])",  # noqa: S608 - constant
        name,
        list(claimed),
    )


async def count(connection: Connection, mirror: Mirror) -> dict[str, int]:
    """How many keys of each object are refused. `paintbox status` counts the same."""
    rows = await connection.fetch(
        f"SELECT object, count(*) AS keys FROM {mirror.refused} GROUP BY object"  # noqa: S608 - constant
    )
    return {row["object"]: row["keys"] for row in rows}
