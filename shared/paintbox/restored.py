"""After a database was put back to an earlier state: the floor that keeps versions from being published twice.

What the database has forgotten is in the topics. Whatever its owner publishes from now on is newer than all of it;
whose its projects are it takes over from there.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from paintbox import customer_refs, relationships
from paintbox.customer_refs import CustomerRefs
from paintbox.databases import Connection, Database
from paintbox.owners import OWNERS, Alone, Owner, alone
from paintbox.reading import OnProgress
from paintbox.relationships import Lacking, Relationships
from synckit import versions
from synckit.contracts import topics
from synckit.contracts.compacted import Erased, Standing, decode
from synckit.contracts.values import Versioned
from synckit.errors import PoisonError
from synckit.outbox import store as outboxes

PROCESS: Final = "paintbox restored"
BEHIND_MS: Final = 60 * 60 * 1000
"""How far a reader's clock may be behind ours. The floor is in the version of whatever is published next, so it must be
plausible to every reader: one record that some of them took must not have others park all that follow."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of the outbox: what it will publish once the owner is started."""

    seq: int
    topic: str
    key: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """What became of the floor, or would become of it."""

    records: int
    """That the owner has published, and readers take."""
    greatest: int | None
    """The greatest version among them."""
    former: int | None
    floor: int | None
    outdated: int
    """Rows of the outbox that are dropped: a newer version of their key is published."""
    passed_over: Mapping[str, int]
    """How many records do not count, by the reason for which readers park them."""
    keys: int
    """Relationships that are taken over as they were published: newer than what is stored, or not stored at all."""
    matches: int
    """Projects whose customer is taken over: by the newest of these relationships, where another is stored or none."""


class Published:
    """What the topics say that an owner has published, as far as readers take it at `now_ms`."""

    def __init__(self, database: Database, now_ms: int, waiting: Iterable[Waiting]) -> None:
        self._kinds = {topic.name: kind for topic, kind in OWNERS[database].publishes.items()}
        self._prefix = f"{database}/".encode()
        self._now_ms = now_ms
        self._newest: dict[tuple[str, str], int | None] = {(one.topic, one.key): None for one in waiting}
        self.relationships = Relationships()
        self.records = 0
        self.greatest: int | None = None
        self.passed_over: Counter[str] = Counter()

    def take(self, records: Sequence[Any]) -> None:
        """Add these, of one partition, in their order."""
        for record in records:
            if record.topic != topics.FEDERATION_KEYS.name or (record.key or b"").startswith(self._prefix):
                self._take(record)

    def _take(self, record: Any) -> None:
        try:
            said = self._decoded(record)
        except PoisonError as error:
            self.passed_over[error.code] += 1
            return
        self.records += 1
        self.relationships.take(said)
        place = record.topic, said.key
        if isinstance(said, Erased):
            version = None
        else:
            version = max(said.value.source_version, self._newest.get(place) or 0)
            self.greatest = max(version, self.greatest or 0)
        if place in self._newest:
            self._newest[place] = version

    def _decoded(self, record: Any) -> Standing[Versioned] | Erased:
        """What a record says. PoisonError where a reader would not take it, or not what would stand above it."""
        said = decode(self._kinds[record.topic], record)
        if isinstance(said, Standing) and versions.is_ahead(said.value.source_version, self._now_ms - BEHIND_MS):
            raise PoisonError("implausible_version", "what stood above it would be of a time that is yet to come")
        return said

    def has_outdated(self, one: Waiting) -> bool:
        """Whether a newer version of its key is published already."""
        newest = self._newest[one.topic, one.key]
        return newest is not None and one.version < newest


async def raise_floor(dsn: str, servers: str, database: Database, *, dry_run: bool, on_progress: OnProgress) -> Raised:
    """Put the floor above every version that this database's owner has published; it never sinks, so twice is harmless.

    Whose projects are is taken over from what is published, where that is newer, and so is what they find customers
    by. Raises OperatorError where the owner still runs, or ran meanwhile, and where Kafka or the database does not do
    its part: nothing has been changed then.
    """
    owner = OWNERS[database]
    async with alone(dsn, database, PROCESS, partial(_prepare, database), dry_run=dry_run) as session:
        connection = session.connection
        former = await connection.fetchval(f"SELECT version FROM {owner.floor}")  # noqa: S608 - constant
        waiting = await _list_waiting(connection, owner)
        published = Published(database, int(time.time() * 1000), waiting)
        refs = CustomerRefs() if database is Database.PROJECTS else None
        await _read(session, servers, owner, published, refs, on_progress)
        floor = former if published.greatest is None else max(published.greatest + 1, former or 0)
        outdated = [one.seq for one in waiting if published.has_outdated(one)]
        lacking = await published.relationships.find_lacking(connection)
        if not dry_run:
            async with session.writing():
                await _change(connection, owner, Found(floor, outdated, lacking, refs))
    return Raised(
        records=published.records,
        greatest=published.greatest,
        former=former,
        floor=floor,
        outdated=len(outdated),
        passed_over=dict(published.passed_over + refs.passed_over if refs else published.passed_over),
        keys=len(lacking.keys),
        matches=len(lacking.matches),
    )


async def _read(
    session: Alone,
    servers: str,
    owner: Owner,
    published: Published,
    refs: CustomerRefs | None,
    on_progress: OnProgress,
) -> None:
    def take(records: Sequence[Any]) -> None:
        if refs is not None and records[0].topic == topics.CUSTOMERS_CHANGES.name:
            refs.take(records)
        else:
            published.take(records)

    of_others = [] if refs is None else [topics.CUSTOMERS_CHANGES]
    await session.read(servers, [*owner.publishes, *of_others], take, on_progress)


async def _list_waiting(connection: Connection, owner: Owner) -> list[Waiting]:
    """The rows of the outbox that have a version; an erasure has none."""
    rows = await connection.fetch(
        f"""
        SELECT seq, topic, key, (headers ->> 'ce_factversion')::bigint AS version
          FROM {owner.outbox.events}
         WHERE value IS NOT NULL AND headers ->> 'ce_factversion' IS NOT NULL
         ORDER BY seq
        """  # noqa: S608 - the table's name is a constant of the service
    )
    return [Waiting(**dict(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be written."""

    floor: int | None = None
    outdated: Sequence[int] = ()
    lacking: Lacking = field(default_factory=Lacking)
    refs: CustomerRefs | None = None


async def _prepare(database: Database, connection: Connection) -> None:
    await _change(connection, OWNERS[database], Found())
    if database is Database.PROJECTS:
        await relationships.restore(connection, Lacking())
        await customer_refs.prepare(connection)


async def _change(connection: Connection, owner: Owner, found: Found) -> None:
    await connection.execute(
        f"""
        INSERT INTO {owner.floor} AS stored (version) SELECT $1::bigint WHERE $1 IS NOT NULL
        ON CONFLICT (is_the_one) DO UPDATE
           SET version = excluded.version, raised_at = excluded.raised_at
         WHERE excluded.version > stored.version
        """,  # noqa: S608 - the table's name is a constant of the service
        found.floor,
    )
    await outboxes.delete(connection, owner.outbox, found.outdated)
    if found.refs is not None:  # the owner of projects
        await relationships.restore(connection, found.lacking)
        await found.refs.fill(connection, whole=False)
