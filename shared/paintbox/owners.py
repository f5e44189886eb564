"""Who writes a database and publishes what stands in it, and how a command works there while it does not run."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
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

Prepare = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who writes a database, and what it publishes where.

    `floor` is the table of its floor, `notes` that of the notes that it makes of all that it reads; `reads` are tables
    that it writes without either.
    """

    service: str
    outbox: Outbox
    floor: str
    notes: str
    reads: tuple[str, ...] = ()
    publishes: Mapping[Topic, type[Versioned]]


OWNERS: Final[Mapping[Database, Owner]] = {
    Database.CUSTOMERS: Owner(
        service="customer-sync",
        outbox=customer_sync.store.OUTBOX,
        floor=customer_sync.store.VERSION_FLOOR,
        notes=customer_sync.store.MIRROR.notes,
        publishes={topics.CUSTOMERS_CHANGES: CustomerChanged},
    ),
    Database.PROJECTS: Owner(
        service="photo-sync",
        outbox=photo_sync.store.rows.OUTBOX,
        floor=photo_sync.store.rows.VERSION_FLOOR,
        notes=photo_sync.store.rows.MIRROR.notes,
        reads=("projects.customer_refs",),
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
        self._last: tuple[int, int] | None = None

    async def begin(self, prepare: Prepare, *, dry_run: bool) -> None:
        """Raises DatabaseError where the owner runs, but for what changes nothing."""
        try:
            await self.connection.execute(f"SELECT FROM {self._owner.floor}")
        except asyncpg.UndefinedTableError as error:
            raise DatabaseError("its schema is of an older release: run `paintbox migrate` first") from error
        if dry_run:
            return
        await limit_idling(self.connection)
        await self._demand()
        await prepare(self.connection)
        self._last = await self._numbers()

    async def read(self, servers: str, wanted: Sequence[Topic], on_records: OnRecords, on_progress: OnProgress) -> None:
        """Hand on every record of these topics. Raises OperatorError where one of them does not exist."""
        found = await while_asking(
            self.connection,
            reading.read(servers, wanted, on_records, process=self._process, awaits_open=True, on_progress=on_progress),
        )
        lacking = sorted({topic.name for topic in wanted} - found)
        if lacking:
            raise OperatorError(
                f"Kafka at {servers} lacks {', '.join(lacking)}: what was published there cannot be known. "
                "Where there never was anything, `paintbox topics apply` makes it."
            )

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """One transaction. Whoever wrote since the beginning has it fail here; whoever begins now waits for its end.

        An owner that is started now waits where it asks for the floor, and finds the new one.
        """
        written = ", ".join((self._owner.outbox.events, *self._owner.reads))
        async with self.connection.transaction():
            await self.connection.execute(
                f"SET LOCAL lock_timeout = '10s'; LOCK TABLE {written} IN SHARE ROW EXCLUSIVE MODE; "
                f"LOCK TABLE {self._owner.floor} IN ACCESS EXCLUSIVE MODE"
            )
            await self._demand()
            if await self._numbers() != self._last:
                raise self._refusal()
            yield

    async def _demand(self) -> None:
        """Raises DatabaseError where a copy of the owner has the outbox's lock, or a session."""
        is_claimed = await outboxes.claim(self.connection, self._owner.outbox)
        runs = await self.connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database())",
            self._owner.service,
        )
        if runs or not is_claimed:
            raise self._refusal()

    async def _numbers(self) -> tuple[int, int]:
        """The last that a row of the outbox, and a note, ever had: whatever the owner does, it makes one of them."""
        row = await self.connection.fetchrow(
            """
            SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence($1, 'seq')::regclass), 0) AS seq,
                   coalesce(pg_sequence_last_value(pg_get_serial_sequence($2, 'id')::regclass), 0) AS note
            """,
            self._owner.outbox.events,
            self._owner.notes,
        )
        return (row["seq"], row["note"]) if row else (0, 0)

    def _refusal(self) -> DatabaseError:
        return DatabaseError(f"{self._owner.service} runs, or ran meanwhile: stop every copy of it first")


@asynccontextmanager
async def alone(
    dsn: str, database: Database, process: str, prepare: Prepare, *, dry_run: bool = False
) -> AsyncIterator[Alone]:
    """Raises DatabaseError where the owner of the database runs, or its schema is older than this program.

    `prepare` has every statement prepared that is sent while tables are locked: see decision 28.
    """
    async with connected(dsn, process=process) as connection:
        session = Alone(connection, OWNERS[database], process)
        await session.begin(prepare, dry_run=dry_run)
        yield session
