"""The mirror in PostgreSQL. One table an owner; every statement locks and writes in the order of its primary key."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from synckit import times
from synckit.mirror import merge as merging
from synckit.mirror.facts import Fact, Record
from synckit.postgres import Connection, Row, as_json

LONGEST_PARENT: Final = 100
"""Characters. No id is as long, and an index takes no text of any length; the field keeps it."""

Key = tuple[str, str]
"""Object and vendor id: what the mirror is keyed by. Sorts as PostgreSQL does under COLLATE "C"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Where an owner keeps its mirror. The names are ours, never input: they become part of SQL."""

    records: str
    notes: str
    refused: str
    parents: Mapping[str, str]
    """Object → the field that names its parent record (`Contact` → `AccountId`)."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a merge did: every record that the facts were about as it stands now, and which of them changed."""

    merged: Mapping[Key, merging.Merged]

    @property
    def changed(self) -> list[Key]:
        """The records that changed, in key order."""
        return [key for key, merged in sorted(self.merged.items()) if merged.changed]


async def merge(connection: Connection, mirror: Mirror, facts: Iterable[Fact]) -> Touched:
    """Merge facts into the mirror; what it holds of their records now.

    Locks the records for the rest of the caller's transaction, absent ones too: placeholders first, in key order,
    then all in key order, then the writes.
    """
    by_key: dict[Key, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_key[fact.object, fact.id].append(fact)
    if not by_key:
        return Touched({})
    keys = sorted(by_key)
    await _insert_placeholders(connection, mirror, {key: by_key[key][0].cause.received_at for key in keys})
    stored = await lock(connection, mirror, keys)
    merged = {key: merging.merge(stored[key], by_key[key]) for key in keys}
    await _update(connection, mirror, [one.record for one in merged.values() if one.changed])
    return Touched(merged)


async def lock(connection: Connection, mirror: Mirror, keys: Sequence[Key]) -> dict[Key, Record]:
    """Lock these records in key order until the transaction ends, and read them as they stand then.

    The clock is asked outside of the query that locks: within, it may be asked before the lock is there.
    """
    rows = await connection.fetch(
        f"""
        SELECT {_columns("locked")}, clock_timestamp() AS locked_at
          FROM (SELECT {_columns("stored")}
                  FROM unnest($1::text[], $2::text[]) AS wanted (object, id)
                  JOIN {mirror.records} AS stored USING (object, id)
                 ORDER BY stored.object, stored.id
                   FOR NO KEY UPDATE OF stored
               ) AS locked
        """,  # noqa: S608 - the table's name is a constant of the service
        *_arrays(sorted(keys)),
    )
    return _by_key(rows)


async def read(connection: Connection, mirror: Mirror, keys: Sequence[Key]) -> dict[Key, Record]:
    """These records as they stand now, without a lock; absent ones are left out."""
    rows = await connection.fetch(
        f"""
        SELECT {_columns("stored")}
          FROM unnest($1::text[], $2::text[]) AS wanted (object, id)
          JOIN {mirror.records} AS stored USING (object, id)
        """,  # noqa: S608 - the table's name is a constant of the service
        *_arrays(keys),
    )
    return _by_key(rows)


async def list_children(
    connection: Connection, mirror: Mirror, child: str, parents: Sequence[str], after: str, at_most: int
) -> list[str]:
    """The ids, in order, of the records of one object that have one of these parents and come after an id.

    Planned anew each time: a plan that was made while the table was small would read it whole, in the order of ids.
    """
    query = await connection.prepare(
        f"""
        SELECT children.id
          FROM unnest($2::text[]) AS wanted (parent_id)
         CROSS JOIN LATERAL (
                   SELECT id
                     FROM {mirror.records}
                    WHERE object = $1 AND parent_id = wanted.parent_id AND id > $3
                    ORDER BY id
                    LIMIT $4
               ) AS children
         ORDER BY children.id
         LIMIT $4
        """  # noqa: S608 - the table's name is a constant of the service
    )
    return [row["id"] for row in await query.fetch(child, parents, after, at_most)]


async def _insert_placeholders(connection: Connection, mirror: Mirror, seen: Mapping[Key, int]) -> None:
    await connection.execute(
        f"""
        INSERT INTO {mirror.records} (object, id, first_seen_at, last_seen_at)
        SELECT object, id, seen_at, seen_at
          FROM json_to_recordset($1::json) AS incoming (object text, id text, seen_at timestamptz)
         ORDER BY object, id
        ON CONFLICT (object, id) DO NOTHING
        """,  # noqa: S608 - the table's name is a constant of the service
        as_json({"object": key[0], "id": key[1], "seen_at": times.rfc3339(at)} for key, at in seen.items()),
    )


async def _update(connection: Connection, mirror: Mirror, records: Sequence[Record]) -> None:
    if not records:
        return
    await connection.execute(
        f"""
        UPDATE {mirror.records} AS stored
           SET fields        = incoming.fields,
               base_version  = incoming.base_version,
               versions      = incoming.versions,
               parent_id     = incoming.parent_id,
               is_deleted    = incoming.is_deleted,
               merged_into   = incoming.merged_into,
               first_seen_at = least(stored.first_seen_at, incoming.first_seen_at),
               last_seen_at  = greatest(stored.last_seen_at, incoming.last_seen_at),
               last_event_id = incoming.last_event_id
          FROM json_to_recordset($1::json)
            AS incoming (object text, id text, fields jsonb, base_version bigint, versions jsonb, parent_id text,
                         is_deleted boolean, merged_into text, first_seen_at timestamptz, last_seen_at timestamptz,
                         last_event_id uuid)
         WHERE (stored.object, stored.id) = (incoming.object, incoming.id)
        """,  # noqa: S608 - the table's name is a constant of the service
        as_json(_row(mirror, record) for record in records),
    )


def _row(mirror: Mirror, record: Record) -> dict[str, object]:
    parent = record.get(mirror.parents.get(record.object, ""))
    is_id = isinstance(parent, str) and 0 < len(parent) <= LONGEST_PARENT
    return {
        "object": record.object,
        "id": record.id,
        "fields": record.fields,
        "base_version": record.base_version,
        "versions": record.versions,
        "parent_id": parent if is_id else None,
        "is_deleted": record.is_deleted,
        "merged_into": record.merged_into,
        "first_seen_at": _rfc3339(record.first_seen_at),
        "last_seen_at": _rfc3339(record.last_seen_at),
        "last_event_id": record.last_event_id,
    }


def _rfc3339(ms: int | None) -> str | None:
    return None if ms is None else times.rfc3339(ms)


def _columns(table: str) -> str:
    names = (
        "object",
        "id",
        "fields",
        "base_version",
        "versions",
        "parent_id",
        "is_deleted",
        "merged_into",
        "first_seen_at",
        "last_seen_at",
        "last_event_id",
    )
    return ", ".join(f"{table}.{name}" for name in names)


def _arrays(keys: Sequence[Key]) -> tuple[list[str], list[str]]:
    return [key[0] for key in keys], [key[1] for key in keys]


def _by_key(rows: Sequence[Row]) -> dict[Key, Record]:
    return {(row["object"], row["id"]): _record(row) for row in rows}


def _record(row: Row) -> Record:
    return Record(
        object=row["object"],
        id=row["id"],
        fields=orjson.loads(row["fields"]),
        base_version=row["base_version"],
        versions=orjson.loads(row["versions"]),
        parent_id=row["parent_id"],
        is_deleted=row["is_deleted"],
        merged_into=row["merged_into"],
        first_seen_at=_milliseconds(row["first_seen_at"]),
        last_seen_at=_milliseconds(row["last_seen_at"]),
        last_event_id=row["last_event_id"],
        locked_at=row.get("locked_at"),
    )


def _milliseconds(moment: datetime) -> int:
    return times.milliseconds(moment)
