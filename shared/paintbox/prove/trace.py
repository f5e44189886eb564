"""The whole story of one event, record or correlation: where it was seen, when, by whom."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from paintbox.databases import Connection
from paintbox.environment import SERVERS, require
from paintbox.errors import OperatorError
from paintbox.prove import dump
from paintbox.prove.dump import Published
from paintbox.prove.evidence import databases
from paintbox.prove.trace_places import PLACES
from synckit import identity

MOST: Final = 200
"""How many sightings of one place are told at most."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One place where it stands."""

    at: str
    """RFC 3339; "" where the place does not say."""
    where: str
    what: str
    by: str


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is known of a subject, in the order of time."""

    subject: str
    ids: tuple[str, ...]
    """What it was looked up by: its own id, and those that are computed or read from it."""
    seen: tuple[Seen, ...]
    topics_unread: str | None = None
    """Why the topics could not be read: what stands there is not told then. None where they were."""

    def as_document(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Names:
    """What a subject is known by: ids of events, of records at their vendor, of rows."""

    events: tuple[UUID, ...]
    records: tuple[str, ...]
    rows: tuple[UUID, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.records, *map(str, self.rows), *map(str, self.events))


async def tell(environment: Mapping[str, str], subject: str) -> Story:
    """The story of an event id, a vendor's record id, a row's id or a correlation id; empty where nobody knows it.

    Reads the whole of the topics, so it takes seconds. Raises OperatorError where PostgreSQL is away; while Kafka is,
    the databases still tell what they know, and the spool what waits for it.
    """
    (servers,) = require(environment, SERVERS)
    async with databases(environment) as sessions:
        names = await _names(sessions, subject)
        told = [one async for one in seen_in_databases(sessions, names)]
    topics_unread = None
    try:
        webhooks, changes = await asyncio.gather(
            dump.read(servers, dump.WEBHOOKS, with_values=False), dump.read(servers, dump.COMPACTED, with_values=True)
        )
        told += seen_in_topics(webhooks, changes, names)
    except OperatorError as error:
        topics_unread = str(error)
    in_order = tuple(sorted(told, key=lambda one: (one.at == "", one.at, one.where)))
    return Story(subject, names.texts, in_order, topics_unread)


async def _names(sessions: Mapping[str, Connection], subject: str) -> Names:
    """From whatever was given to all that belongs to it: an event's record, a record's rows, a correlation's events."""
    given = _uuid(subject)
    rows = await sessions["integrations"].fetch(
        """
        SELECT events.id, logs.external_id
          FROM integrations.webhook_events AS events
          LEFT JOIN integrations.sync_logs AS logs ON logs.id = events.id AND logs.started_at = events.received_at
         WHERE events.id = $1 OR events.correlation_id = $1 OR logs.external_id = $2
         ORDER BY events.received_at
         LIMIT 200
        """,
        given,
        subject,
    )
    events = {row["id"]: None for row in rows}
    records = {row["external_id"]: None for row in rows if row["external_id"]}
    if given is None:
        records[subject] = None
    else:
        events |= {given: None} if not rows else {}
        records |= dict.fromkeys(await _records_of_row(sessions, given))
    computed = [make(record) for record in records for make in _ROWS]
    return Names(tuple(events), tuple(records), (*((given,) if given and not rows else ()), *computed))


_ROWS: Final = (identity.customer_id, identity.project_id, identity.photo_id)


async def _records_of_row(sessions: Mapping[str, Connection], row_id: UUID) -> list[str]:
    customers = await sessions["customers"].fetch(
        "SELECT salesforce_id AS record FROM customers.customers WHERE id = $1", row_id
    )
    projects = await sessions["projects"].fetch(
        """
        SELECT company_cam_id AS record FROM projects.projects WHERE id = $1
         UNION ALL SELECT company_cam_id FROM projects.project_photos WHERE id = $1
        """,
        row_id,
    )
    return [row["record"] for row in (*customers, *projects) if row["record"]]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def seen_in_databases(sessions: Mapping[str, Connection], names: Names) -> AsyncIterator[Seen]:
    """Where these names stand in the tables; of each place the first 200."""
    for database, where, by, query in PLACES:
        parameters = (list(names.events), list(names.records), list(names.rows))
        used = [value for number, value in enumerate(parameters, 1) if f"${number}" in query]
        for number, kept in enumerate([n for n in (1, 2, 3) if f"${n}" in query], 1):
            query = query.replace(f"${kept}", f"${number}")  # noqa: PLW2901 - parameters that are not used are refused
        for row in await sessions[database].fetch(f"{query} LIMIT {MOST}", *used):
            yield Seen(_moment(row["at"]), where, row["what"], by)


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seen_in_topics(webhooks: Sequence[Published], changes: Sequence[Published], names: Names) -> Iterator[Seen]:
    """Where these names stand in the topics; of each kind the first 200."""
    events, texts = set(names.events), set(names.texts)
    for record in _of(webhooks, lambda one: one.event_id in events):
        yield Seen(record.moment, record.place, f"event {record.event_id} under key {record.key}", "webhook-ingest")
    for record in _of(changes, lambda one: not texts.isdisjoint(one.key.split("/"))):
        yield Seen(record.moment, record.place, f"{_said(record)} of {record.key}", "the owner's relay")


def _said(record: Published) -> str:
    """What a record of a compacted topic says of its key."""
    if record.unreadable:
        return f"a record whose {' and '.join(record.unreadable)} cannot be read,"
    return "erased" if record.value is None else f"version {record.version}"


def _of(records: Iterable[Published], wanted: Callable[[Published], bool]) -> list[Published]:
    return [record for record in records if wanted(record)][:MOST]
