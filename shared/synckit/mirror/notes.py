"""Notes of what a merge touched, and the work of projecting it: in slices, each a transaction of its own."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from synckit import identity, times
from synckit.mirror.facts import Cause, Fact, Record
from synckit.mirror.store import Key, Mirror
from synckit.postgres import Connection, as_json

SLICE = 1_000
"""Keys that one transaction projects at most."""
STALE_SECONDS = 30.0
MOST_STALE = 100


@dataclass(frozen=True, slots=True)
class Note:
    """What a committed transaction touched, to be projected by a later one. `causes` says which event touched an id."""

    id: int
    object: str
    ids: tuple[str, ...]
    causes: Mapping[str, Cause]

    @property
    def is_stored(self) -> bool:
        """Whether it is in the database until it is done, and so survives the process. Others have no positive id."""
        return self.id > 0


def causes_of(facts: Iterable[Fact], changed: Iterable[Key], objects: Container[str]) -> dict[str, dict[str, Cause]]:
    """By object and id, the newest event behind each record that changed; only of objects that rows are made of."""
    wanted = {key for key in changed if key[0] in objects}
    causes: dict[str, dict[str, Cause]] = {}
    for fact in sorted(facts, key=lambda fact: (fact.cause.received_at, fact.stamp)):
        if (fact.object, fact.id) in wanted:
            causes.setdefault(fact.object, {})[fact.id] = fact.cause
    return causes


async def insert(connection: Connection, mirror: Mirror, touched: Mapping[str, Mapping[str, Cause]]) -> list[Note]:
    """Note, by object, the ids that this transaction touched and why."""
    asked = {name: causes for name, causes in sorted(touched.items()) if causes}
    if not asked:
        return []
    rows = await connection.fetch(
        f"""
        INSERT INTO {mirror.notes} (object, ids, causes)
        SELECT object, ARRAY(SELECT json_array_elements_text(ids)), causes
          FROM json_to_recordset($1::json) AS incoming (object text, ids json, causes jsonb)
         ORDER BY object
        RETURNING id, object
        """,  # noqa: S608 - the table's name is a constant of the service
        as_json(
            {
                "object": name,
                "ids": sorted(causes),
                "causes": {key: encoded(cause) for key, cause in causes.items()},
            }
            for name, causes in asked.items()
        ),
    )
    return [Note(row["id"], row["object"], tuple(sorted(asked[row["object"]])), asked[row["object"]]) for row in rows]


async def list_stale(
    connection: Connection,
    mirror: Mirror,
    objects: Sequence[str],
    *,
    seconds: float = STALE_SECONDS,
    at_most: int = MOST_STALE,
    besides: Sequence[int] = (),
) -> list[Note]:
    """The oldest notes of these objects that their worker left behind: older than this by the database's clock.

    Without those `besides`, which whoever asks is at work on.

    Notes that somebody deletes just now are skipped; two workers may still take one: doing it twice changes nothing.
    """
    rows = await connection.fetch(
        f"""
        SELECT id, object, ids, causes
          FROM {mirror.notes}
         WHERE created_at < now() - make_interval(secs => $1) AND object = ANY($2::text[]) AND id <> ALL($4::bigint[])
         ORDER BY id
         LIMIT $3
           FOR UPDATE SKIP LOCKED
        """,  # noqa: S608 - the table's name is a constant of the service
        seconds,
        objects,
        at_most,
        besides,
    )
    return [_note(row["id"], row["object"], row["ids"], row["causes"]) for row in rows]


async def is_there(connection: Connection, mirror: Mirror, note: Note) -> bool:
    """Whether nobody has done this note yet."""
    return bool(
        await connection.fetchval(
            f"SELECT EXISTS (SELECT FROM {mirror.notes} WHERE id = $1)",  # noqa: S608 - a constant
            note.id,
        )
    )


async def renew(connection: Connection, mirror: Mirror, note: Note) -> None:
    """It is being done, and not left behind: for `STALE_SECONDS` from now on, once the caller commits."""
    await connection.execute(
        f"UPDATE {mirror.notes} SET created_at = now() WHERE id = $1",  # noqa: S608 - a constant
        note.id,
    )


async def delete(connection: Connection, mirror: Mirror, note: Note) -> None:
    """Forget a note, in the transaction that does the last of what it asks."""
    await connection.execute(f"DELETE FROM {mirror.notes} WHERE id = $1", note.id)  # noqa: S608 - constant


def cause_of(note: Note, record: Record, *others: str | None) -> Cause:
    """The event behind a change of a row: of the record, of another that it hangs on, else the record's own newest."""
    causes = (note.causes.get(key) for key in (record.id, *others) if key is not None)
    cause = next(filter(None, causes), None)
    if cause is not None:
        return cause
    event_id = record.last_event_id or identity.event_id("unknown", record.object, record.id)
    return Cause(event_id=event_id, correlation_id=event_id, traceparent="", received_at=record.last_seen_at or 0)


def next_slice(ids: Sequence[str], after: str) -> list[str]:
    """The next slice of ids that are known already, in order, after one of them ("" to start)."""
    return [key for key in sorted(ids) if key > after][:SLICE]


def _note(note_id: int, name: str, ids: Sequence[str], causes: str) -> Note:
    return Note(note_id, name, tuple(ids), {key: decoded(value) for key, value in orjson.loads(causes).items()})


def encoded(cause: Cause) -> dict[str, str]:
    """The event as JSON."""
    return {
        "event_id": str(cause.event_id),
        "correlation_id": str(cause.correlation_id),
        "traceparent": cause.traceparent,
        "received_at": times.rfc3339(cause.received_at),
    }


def decoded(value: Mapping[str, str]) -> Cause:
    """The event that was encoded."""
    return Cause(
        event_id=UUID(value["event_id"]),
        correlation_id=UUID(value["correlation_id"]),
        traceparent=value["traceparent"],
        received_at=times.parse(value["received_at"]),
    )
