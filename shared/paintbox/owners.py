"""Who writes a database and publishes what stands in it, and how a command works there while it does not run."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

import customer_sync.store
import photo_sync.store.rows
from paintbox import reading
from paintbox.databases import Connection, Database, DatabaseError, connected, limit_idling, while_asking
from paintbox.errors import OperatorError
from paintbox.reading import OnProgress, OnRecords
from synckit.contracts import topics
from synckit.contracts.topics import Topic
from synckit.contracts.values import CustomerChanged, FederationKey, ProjectChanged, Versioned
from synckit.outbox import store as outboxes
from synckit.outbox.store import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who writes a database, and what it publishes where. `floor` is the table of its floor."""

    service: str
    outbox: Outbox
    floor: str
    publishes: Mapping[Topic, type[Versioned]]


OWNERS: Final[Mapping[Database, Owner]] = {
    Database.CUSTOMERS: Owner(
        service="customer-sync",
        outbox=customer_sync.store.OUTBOX,
        floor=customer_sync.store.VERSION_FLOOR,
        publishes={topics.CUSTOMERS_CHANGES: CustomerChanged},
    ),
    Database.PROJECTS: Owner(
        service="photo-sync",
        outbox=photo_sync.store.rows.OUTBOX,
        floor=photo_sync.store.rows.VERSION_FLOOR,
        publishes={topics.PROJECTS_CHANGES: ProjectChanged, topics.FEDERATION_KEYS: FederationKey},
    ),
}


class Alone:
    """A session in a database whose owner does not run, from the beginning to the end; it has the outbox's lock.

    Frozen it loses that after 15 s, and its next step fails. A dry run, which writes nothing, does without all of that.
    """

    def __init__(self, connection: Connection, owner: Owner, process: str) -> None:
        self.connection = connection
        self._owner = owner
        self._process = process
        self._last = 0

    async def begin(self, *, dry_run: bool) -> None:
        """Raises DatabaseError where the owner runs, but for what changes nothing."""
        try:
            await self.connection.execute(f"SELECT FROM {self._owner.floor}")
        except asyncpg.UndefinedTableError as error:
            raise DatabaseError("its schema is of an older release: run `paintbox migrate` first") from error
        if dry_run:
            return
        await self._demand(None)
        await limit_idling(self.connection)
        table = self._owner.outbox.events
        self._last = await self.connection.fetchval(f"SELECT max(seq) FROM {table}") or 0  # noqa: S608 - constant

    async def read(self, servers: str, wanted: Sequence[Topic], on_records: OnRecords, on_progress: OnProgress) -> None:
        """Hand on every record of these topics. Raises OperatorError where one of them does not exist."""
        found = await while_asking(
            self.connection,
            reading.read(servers, wanted, on_records, process=self._process, awaits_open=True, on_progress=on_progress),
        )
        demand_topics(servers, wanted, found)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """One transaction. Whoever wrote since the beginning waits for its end, or has it fail here."""
        async with self.connection.transaction():
            await self.connection.execute(
                f"SET LOCAL lock_timeout = '10s'; LOCK TABLE {self._owner.outbox.events} IN SHARE ROW EXCLUSIVE MODE"
            )
            await self._demand(self._last)
            yield

    async def _demand(self, last: int | None) -> None:
        is_claimed = await outboxes.claim(self.connection, self._owner.outbox)
        runs = await self.connection.fetchval(
            f"""
            SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database())
                OR EXISTS (SELECT FROM {self._owner.outbox.events} WHERE seq > $2)
            """,  # noqa: S608 - the table's name is a constant of the service
            self._owner.service,
            last,
        )
        if runs or not is_claimed:
            raise DatabaseError(f"{self._owner.service} runs, or ran meanwhile: stop every copy of it first")


@asynccontextmanager
async def alone(dsn: str, database: Database, process: str, *, dry_run: bool = False) -> AsyncIterator[Alone]:
    """Raises DatabaseError where the owner of the database runs, or its schema is older than this program."""
    async with connected(dsn, process=process) as connection:
        session = Alone(connection, OWNERS[database], process)
        await session.begin(dry_run=dry_run)
        yield session


def demand_topics(servers: str, wanted: Sequence[Topic], found: set[str]) -> None:
    """Raises OperatorError where a topic was not found."""
    lacking = sorted({topic.name for topic in wanted} - found)
    if lacking:
        raise OperatorError(
            f"Kafka at {servers} lacks {', '.join(lacking)}: what was published there cannot be known. "
            "Where there never was anything, `paintbox topics apply` makes it."
        )
