"""The records that a simulator holds."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from pydantic import JsonValue

from simulators.storage import Connection, as_json

Fields = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands: its fields are what the vendor's REST gives, computed ones aside."""

    object: str
    id: str
    fields: Fields
    stamped: int
    """The second of its last change, since 1970, by the simulator's clock."""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some records in the order of their ids."""

    records: Sequence[Record]
    total: int
    """How many there are on all pages."""
    has_next: bool


def list_records(connection: Connection, object_name: str, after: str, limit: int, *, deleted: bool) -> Page:
    """At most `limit` records after this id; the deleted ones too if `deleted`."""
    rows = connection.execute(
        """
        SELECT object, id, fields, stamped, deleted
          FROM records
         WHERE object = ? AND id > ? AND deleted <= ?
         ORDER BY id
         LIMIT ?
        """,
        (object_name, after, deleted, limit + 1),
    ).fetchall()
    (total,) = connection.execute(
        "SELECT count(*) FROM records WHERE object = ? AND deleted <= ?", (object_name, deleted)
    ).fetchone()
    return Page([_record(row) for row in rows[:limit]], total, len(rows) > limit)


def find_records(connection: Connection, object_name: str, ids: Iterable[str]) -> dict[str, Record]:
    """Those of these records that exist, by id."""
    rows = connection.execute(
        """
        SELECT object, id, fields, stamped, deleted
          FROM records
         WHERE object = ? AND id IN (SELECT value FROM json_each(?))
        """,
        (object_name, as_json(list(ids))),
    )
    return {row["id"]: _record(row) for row in rows}


def list_seconds(connection: Connection, object_name: str, ids: Iterable[str]) -> set[int]:
    """The seconds that the last changes of these records carry."""
    rows = connection.execute(
        """
        SELECT DISTINCT stamped
          FROM records
         WHERE object = ? AND id IN (SELECT value FROM json_each(?))
        """,
        (object_name, as_json(list(ids))),
    )
    return {row["stamped"] for row in rows}


def upsert_records(connection: Connection, records: Iterable[Record]) -> None:
    """Stores these records as they are now."""
    connection.executemany(
        """
        INSERT INTO records (object, id, fields, stamped, deleted) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (object, id) DO UPDATE
           SET fields = excluded.fields, stamped = excluded.stamped, deleted = excluded.deleted
        """,
        ((each.object, each.id, as_json(each.fields), each.stamped, each.deleted) for each in records),
    )


def _record(row: sqlite3.Row) -> Record:
    return Record(row["object"], row["id"], orjson.loads(row["fields"]), row["stamped"], bool(row["deleted"]))
