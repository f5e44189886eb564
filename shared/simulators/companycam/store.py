"""What CompanyCam keeps beside its records: the company's labels and tags, and what they were put on."""

from collections.abc import Iterable
from typing import Final

import orjson

from simulators.records import Fields
from simulators.storage import Connection, as_json

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tags (
    id     TEXT PRIMARY KEY,
    kind   TEXT NOT NULL,  -- labels, tags
    value  TEXT NOT NULL,
    fields TEXT NOT NULL,  -- JSON
    UNIQUE (kind, value)
);

CREATE TABLE IF NOT EXISTS attachments (
    tag    TEXT NOT NULL REFERENCES tags (id),
    record TEXT NOT NULL,
    UNIQUE (tag, record)
);
CREATE INDEX IF NOT EXISTS attachments_by_record ON attachments (record);

CREATE INDEX IF NOT EXISTS photos_by_project ON records (json_extract(fields, '$.project_id'))
 WHERE object = 'photos' AND deleted = 0;
"""


def count_photos(connection: Connection, project_ids: Iterable[str]) -> dict[str, int]:
    """How many photos these projects have; a project without any is left out."""
    rows = connection.execute(
        """
        SELECT wanted.value AS project, count(*) AS photos
          FROM json_each(?) AS wanted
          JOIN records -- not IN (SELECT …), for which SQLite reads all photos instead of photos_by_project
            ON json_extract(records.fields, '$.project_id') = wanted.value
         WHERE records.object = 'photos' AND records.deleted = 0
         GROUP BY wanted.value
        """,
        (as_json(list(project_ids)),),
    )
    return {row["project"]: row["photos"] for row in rows}


def find_tag(connection: Connection, kind: str, value: str) -> Fields | None:
    """The company's label or tag with this value."""
    row = connection.execute("SELECT fields FROM tags WHERE kind = ? AND value = ?", (kind, value)).fetchone()
    return None if row is None else orjson.loads(row["fields"])


def insert_tag(connection: Connection, kind: str, tag: Fields) -> None:
    """Stores a label or tag that the company did not have."""
    connection.execute(
        "INSERT INTO tags (id, kind, value, fields) VALUES (?, ?, ?, ?)", (tag["id"], kind, tag["value"], as_json(tag))
    )


def insert_attachment(connection: Connection, tag: Fields, record_id: str) -> bool:
    """Puts it on a record; false where it was there already."""
    inserted = connection.execute(
        "INSERT INTO attachments (tag, record) VALUES (?, ?) ON CONFLICT DO NOTHING", (tag["id"], record_id)
    )
    return bool(inserted.rowcount)


def list_tags(connection: Connection, kind: str, record_id: str) -> list[Fields]:
    """The labels or tags of a record, in the order in which it got them."""
    rows = connection.execute(
        """
        SELECT tags.fields
          FROM attachments
          JOIN tags ON tags.id = attachments.tag
         WHERE attachments.record = ? AND tags.kind = ?
         ORDER BY attachments.rowid
        """,
        (record_id, kind),
    )
    return [orjson.loads(row["fields"]) for row in rows]
