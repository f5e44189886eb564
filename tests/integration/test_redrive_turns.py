"""The turns of redrives: one of a frozen copy goes to another, and one that waits holds up no other topic's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import pytest
from prometheus_client import REGISTRY

from paintbox.databases import Connection, Database
from paintbox.parked.decisions import ask_redrive, drop
from paintbox.parked.listing import Filter, find_set_aside
from support import people, programs, samples
from support.notifications import KafkaRecord, companycam_record, salesforce_messages
from support.postgres import NewDatabase
from support.set_aside import park, states
from support.waiting import until, until_true
from synckit import parking, postgres
from synckit.consumer import Alarms, Batch, Consumer
from synckit.contracts.topics import PROJECTS_CHANGES, WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE, Topic
from synckit.errors import PoisonError, TransientError
from synckit.names import PREFIX
from synckit.parking import Redrive, redrive
from synckit.postgres import Pool, database_of

pytestmark = pytest.mark.database

NAME = "customer-sync"
AT_MOST = timedelta(seconds=15)
"""For so long a frozen process may hold a lock."""
SETTINGS: Final = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "SALESFORCE_ORGANIZATION_IDS": "00D5e000000Pnt1EAC",
    "SERVICE_TOKENS": "a token of thirty-two bytes or more",
}


class Copy:
    """One copy of the process. It stands still amid its turn until it goes on."""

    def __init__(self, pool: Pool, *, goes_on: bool) -> None:
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        if goes_on:
            self.goes_on.set()
        self._pool = pool
        self.consumer = Consumer(WEBHOOKS_SALESFORCE, self._apply, Alarms(pool, NAME))
        self.redrive = Redrive(pool, NAME, self.consumer)
        self.applied = 0

    async def _apply(self, batch: Batch) -> None:
        self.begun.set()
        await self.goes_on.wait()
        await parking.confirm(self._pool, batch)
        self.applied += len(batch.records)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with postgres.create_pool(dsn, process=NAME) as pool:
        yield pool


async def test_f04_who_falls_silent_amid_its_turn_loses_it_to_another(
    pool: Pool, session: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "SESSION_IDLE_LIMIT", "200ms")
    await park(session, 1, redrive_asked_at=datetime.now(UTC))
    frozen, other = Copy(pool, goes_on=False), Copy(pool, goes_on=True)
    turn = asyncio.create_task(frozen.redrive.once())
    await frozen.begun.wait()

    taken_over = await until(other.redrive.once)
    frozen.goes_on.set()
    woken = await turn

    assert (taken_over, woken) == (1, 1)
    assert (other.applied, frozen.applied) == (1, 0)
    assert await states(session) == ["redriven"]


async def test_a_turn_is_held_in_silence_for_15_seconds_at_most(pool: Pool, session: Connection) -> None:
    limits: list[timedelta] = []

    class Asked(Redrive):
        async def _takes_turn(self, session: postgres.Connection) -> bool:
            taken = await super()._takes_turn(session)
            limits.append(await session.fetchval("SELECT current_setting('idle_session_timeout')::interval"))
            return taken

    await park(session, 1, redrive_asked_at=datetime.now(UTC))

    done = await Asked(pool, NAME, Copy(pool, goes_on=True).consumer).once()

    assert done == 1
    assert timedelta(0) < limits[0] <= AT_MOST


class Waiting:
    """A consumer's redrive that runs. What it is given with such an offset waits for something, whatever else does."""

    def __init__(self, pool: Pool, topic: Topic, waits_at: int | None = None) -> None:
        self._pool, self._waits_at, self.tried = pool, waits_at, 0
        self.redrive = Redrive(pool, NAME, Consumer(topic, self._apply, Alarms(pool, NAME)))

    async def _apply(self, batch: Batch) -> None:
        self.tried += 1
        if self._waits_at in {record.offset for record in batch.records}:
            raise TransientError("away")
        await parking.confirm(self._pool, batch)

    async def waited_seconds(self) -> float:
        """As the process says at /metrics."""
        return REGISTRY.get_sample_value("paintbox_redrive_waiting_seconds", {"topic": WEBHOOKS_SALESFORCE.name}) or 0.0


@asynccontextmanager
async def running(*all_of_them: Waiting) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.redrive.run()) for one in all_of_them]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_what_waits_is_shown_until_it_is_dropped_and_the_rest_of_its_slice_is_done(
    pool: Pool, session: Connection, dsn: str
) -> None:
    await park(session, 1, redrive_asked_at=datetime.now(UTC))
    await park(session, 2, redrive_asked_at=datetime.now(UTC))
    waiting = Waiting(pool, WEBHOOKS_SALESFORCE, waits_at=1)
    first, _ = sorted(await find_set_aside(session, Filter()), key=lambda one: one.offset or 0)

    async with running(waiting):
        said = await until(waiting.redrive.check)
        waited = await until(waiting.waited_seconds)
        await drop(dsn, Filter(ids=(first.id,)))
        await until(partial(has_states, session, ["dropped", "redriven"]))
        await until(partial(is_silent, waiting))

    assert said == "waits: TransientError"
    assert waited > 0
    assert await waiting.waited_seconds() == 0


async def has_states(session: Connection, wanted: list[str]) -> bool:
    return await states(session) == wanted


async def is_silent(waiting: Waiting) -> bool:
    return await waiting.redrive.check() is None


@pytest.mark.parametrize("limit", ["15s", "200ms"], ids=["in its turn", "whose turn has ended"])
async def test_one_that_waits_holds_up_no_other_topics(
    pool: Pool, session: Connection, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(redrive, "SESSION_IDLE_LIMIT", limit)
    waiting, other = Waiting(pool, WEBHOOKS_SALESFORCE, waits_at=1), Waiting(pool, PROJECTS_CHANGES)
    await park(session, 1, redrive_asked_at=datetime.now(UTC))

    async with running(waiting, other):
        await until_true(lambda: waiting.tried > 2)
        await until(partial(turns, session, 1 if limit == "15s" else 0))
        await park(session, 2, topic=PROJECTS_CHANGES.name, redrive_asked_at=datetime.now(UTC))
        await until(partial(has_states, session, ["asked", "redriven"]))

    assert other.tried == 1


async def turns(session: Connection, wanted: int) -> bool:
    """Whether so many are taken in this database."""
    taken = """
        SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
         WHERE locktype = 'advisory' AND datname = current_database()
    """
    return bool(await session.fetchval(taken) == wanted)


MESSAGE: Final = salesforce_messages(samples.body("outbound_message_contacts.xml"))[0]
PROJECT: Final = replace(companycam_record(people.project()), topic=WEBHOOKS_COMPANYCAM.name)


@pytest.mark.parametrize(
    ("module", "process", "record"),
    [
        ("customer_sync", "customer-sync", MESSAGE),
        ("photo_sync", "photo-sync", PROJECT),
        ("webhook_ingest.log", "webhook-log", PROJECT),
    ],
)
async def test_each_process_says_what_its_redrives_wait_for(
    new_database: NewDatabase,
    session: Connection,
    dsn: str,
    tmp_path: Path,
    module: str,
    process: str,
    record: KafkaRecord,
) -> None:
    owned = {database.dsn_name: await new_database(database) for database in (Database.CUSTOMERS, Database.PROJECTS)}
    settings = {name.removeprefix(PREFIX): found for name, found in owned.items()} | SETTINGS
    await parking.park(session, process, [(record, PoisonError("malformed_value", "a mistake of ours"))])
    await ask_redrive(dsn, Filter())
    await session.execute(f"ALTER DATABASE {database_of(dsn)} SET default_transaction_read_only = on")

    with programs.running(module, tmp_path, INTEGRATIONS_DSN=dsn, **settings) as started:

        async def said() -> str | None:
            async with httpx.AsyncClient(trust_env=False) as client:
                missing = (await client.get(started.url + "/readyz")).json()["missing"]
            found: str | None = missing.get(f"redrive of {record.topic}")
            return found

        await started.listens()

        assert await until(said) == "waits: ReadOnlySQLTransactionError 25006"
