"""`paintbox restored`, as typed, on a Kafka of its own that outlived a database."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from customer_sync.store import OUTBOX
from paintbox import databases, reading, topics
from paintbox.__main__ import app
from paintbox.databases import Database
from paintbox.environment import SERVERS
from paintbox.errors import OperatorError
from support.changes import change
from support.kafka import new_broker
from support.notifications import KafkaRecord
from support.people import NOW, customer, project
from support.postgres import NewDatabase, OpenSession
from support.samples import GERALDINE
from support.services import customer_sync_on, one_row, photo_sync_on, value_of
from support.topics import read_all
from support.waiting import until, until_true
from synckit import versions
from synckit.contracts.topics import CUSTOMERS_CHANGES, FEDERATION_KEYS, PROJECTS_CHANGES, Topic
from synckit.outbox import store as outbox

CREATED: Final = change(10, "CREATE", LastName="Hunting", Email="douglas@example.com")
LATE: Final = (change(5, FirstName="Doug"), change(6, Title="Dr", Phone="+15035550100"), change(7, FirstName="Douglas"))
ROW: Final = "SELECT first_name || ' ' || last_name AS name, source_version FROM customers.customers"
REF: Final = "SELECT name, source_version FROM projects.customer_refs"
FLOOR: Final = "SELECT coalesce(max(version), 0) AS version FROM {}.version_floor"
pytestmark = pytest.mark.xdist_group("restored")

RUNS: Final = "customers: customer-sync runs, or ran meanwhile: stop every copy of it first"
NO_BROKER: Final = "127.0.0.1:1"


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with new_broker() as server:
        yield server.servers


@pytest.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
        yield producer


async def make(servers: str, *wanted: Topic) -> None:
    await topics.apply(servers, topics.Replication(1, 1), topics=wanted)


async def publish(producer: AIOKafkaProducer, records: Iterable[KafkaRecord]) -> None:
    for one in records:
        await producer.send_and_wait(one.topic, one.value, one.key, headers=one.headers)


async def restored(database: Database, dsn: str, servers: str, *options: str) -> Any:
    """What `paintbox restored …` prints, as a document with `--json`; where it fails, what it says."""
    environment = {database.dsn_name: dsn, SERVERS: servers}
    result = await asyncio.to_thread(CliRunner(env=environment).invoke, app, ["restored", database, *options])
    if isinstance(result.exception, OperatorError):
        return str(result.exception)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in options else result.stdout


def as_read(records: Sequence[Any]) -> list[KafkaRecord]:
    return [KafkaRecord(topic=one.topic, key=one.key, value=one.value, headers=list(one.headers)) for one in records]


def with_version(record: KafkaRecord, version: int, **changes: Any) -> KafkaRecord:
    value = value_of(record) | {"source_version": version} | changes
    return replace(record, value=json.dumps(value).encode())


async def test_f14_f28_a_restored_database_goes_on_above_all_that_the_topics_hold(
    broker: str, producer: AIOKafkaProducer, new_database: NewDatabase
) -> None:
    await make(broker, CUSTOMERS_CHANGES)
    integrations, dsn = await new_database(Database.INTEGRATIONS), await new_database(Database.CUSTOMERS)
    async with AsyncExitStack() as stack:
        lost = customer_sync_on(await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS))
        before = await stack.enter_async_context(lost)
        for event in (CREATED, *LATE[:2]):
            await before.events(event)
        told = await before.published()
        future = with_version(customer("0035e00000Oth01AAB"), versions.pushed(4_102_444_800_000))
        await publish(producer, [*told, future, replace(future, value=b"no JSON")])
        sync = await stack.enter_async_context(customer_sync_on(dsn, integrations))
        await sync.events(CREATED)  # what the backup holds, with its row of the outbox

        asked = await restored(Database.CUSTOMERS, dsn, broker, "--json", "--dry-run")
        unchanged = await one_row(sync.resources.customers, FLOOR.format("customers"))
        plan = await restored(Database.CUSTOMERS, dsn, broker, "--dry-run")
        first, second = [await restored(Database.CUSTOMERS, dsn, broker, "--json") for _ in range(2)]

        floor = value_of(told[-1])["source_version"] + 1
        assert asked == first | {"dry_run": True}
        assert unchanged == {"version": 0}
        assert (first["records"], first["former"], first["floor"], first["outdated"]) == (3, None, floor, 1)
        assert first["passed_over"] == {"implausible_version": 1, "malformed_value": 1}
        assert second == first | {"former": floor, "outdated": 0}
        assert plan.splitlines() == [
            f"customers: versions would go on from {floor}, above all of 3 records",
            "1 rows of the outbox would be dropped: newer versions of their keys are published",
            "1 records are passed over: implausible_version",
            "1 records are passed over: malformed_value",
        ]

        await sync.events(CREATED, *LATE[:2])  # the offsets were set back
        await sync.events(LATE[2])
        await publish(producer, await sync.published())
        row = await one_row(sync.resources.customers, ROW)
    topic = as_read([one for one in await read_all(broker, CUSTOMERS_CHANGES.name) if one.key == told[0].key])
    found = [value_of(one)["source_version"] for one in topic]
    assert found == sorted(set(found))
    for records in (topic, topic[-1:]):  # as they were published, and as compaction leaves them
        async with photo_sync_on(await new_database(Database.PROJECTS), integrations) as reader:
            for one in records:
                await reader.customers([one])
            assert await one_row(reader.resources.projects, REF) == row


async def test_f14_f28_of_the_keys_of_relationships_only_those_of_the_owner_count(
    broker: str, producer: AIOKafkaProducer, new_database: NewDatabase
) -> None:
    dsn = await new_database(Database.PROJECTS)
    lacking = await restored(Database.PROJECTS, dsn, broker)
    await make(broker, PROJECTS_CHANGES, FEDERATION_KEYS, CUSTOMERS_CHANGES)
    nothing = await restored(Database.PROJECTS, dsn, broker, "--json")
    async with photo_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
        await sync.customers([customer()])
        await sync.events(project(updated_at=NOW))
        changed, key = await sync.published()
    greatest = value_of(key)["source_version"] + 7
    foreign = with_version(key, greatest + 1_000, local_service="estimates")
    foreign = replace(foreign, key=(key.key or b"").replace(b"projects/", b"estimates/", 1))
    await publish(producer, [changed, with_version(key, greatest), foreign])

    found = await restored(Database.PROJECTS, dsn, broker, "--json")
    empty = await new_database(Database.PROJECTS)
    plan = await restored(Database.PROJECTS, empty, broker, "--dry-run")
    taken, again = [await restored(Database.PROJECTS, empty, broker, "--json") for _ in range(2)]

    assert f"{FEDERATION_KEYS.name}, {PROJECTS_CHANGES.name}: what was published there cannot be known" in lacking
    assert (nothing["records"], nothing["greatest"], nothing["floor"]) == (0, None, None)
    assert (found["records"], found["greatest"], found["floor"]) == (2, greatest, greatest + 1)
    assert plan.splitlines()[1] == "1 relationships and 1 customers of projects would be taken over"
    assert [(one["keys"], one["matches"]) for one in (nothing, found, taken, again)] == [(0, 0), (1, 0), (1, 1), (0, 0)]


async def test_what_an_open_transaction_hides_is_waited_for_with_the_lock_in_hand(
    broker: str, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "SESSION_IDLE_LIMIT", "1s")
    monkeypatch.setattr(databases, "ASK_SECONDS", 0.2)
    await make(broker, CUSTOMERS_CHANGES)
    dsn = await new_database(Database.CUSTOMERS)
    record = customer(GERALDINE, versions.pushed(int(time.time() * 1000)))
    async with AIOKafkaProducer(bootstrap_servers=broker, transactional_id="another") as producer:
        async with producer.transaction():
            await producer.send_and_wait(record.topic, record.value, record.key, headers=record.headers)
            asked = asyncio.create_task(restored(Database.CUSTOMERS, dsn, broker, "--json"))
            done, _ = await asyncio.wait({asked}, timeout=3)
        found = await asked

    assert done == set()
    assert found["greatest"] == value_of(record)["source_version"]


@pytest.mark.parametrize("is_alive", [True, False])
async def test_an_owner_that_is_started_while_it_reads_has_it_fail_and_change_nothing(
    broker: str, new_database: NewDatabase, connect: OpenSession, monkeypatch: pytest.MonkeyPatch, is_alive: bool
) -> None:
    await make(broker, CUSTOMERS_CHANGES)
    dsn = await new_database(Database.CUSTOMERS)
    session, ours = await connect(dsn), asyncio.get_running_loop()

    async def owner() -> None:
        if is_alive:
            await connect(dsn, application_name="customer-sync")
            return
        async with customer_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
            await sync.events(CREATED)

    async def starts_the_owner(*_: object, **__: object) -> set[str]:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(owner(), ours))
        return {CUSTOMERS_CHANGES.name}

    monkeypatch.setattr(reading, "read", starts_the_owner)
    said = await restored(Database.CUSTOMERS, dsn, broker)

    assert said == RUNS
    assert await session.fetchval(FLOOR.format("customers")) == 0


async def test_f04_one_that_is_frozen_while_it_reads_gives_the_owners_lock_back_and_changes_nothing(
    broker: str, new_database: NewDatabase, connect: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "SESSION_IDLE_LIMIT", "300ms")
    await make(broker, CUSTOMERS_CHANGES)
    dsn = await new_database(Database.CUSTOMERS)
    session = await connect(dsn)
    is_frozen, is_woken = threading.Event(), threading.Event()

    async def freezes(*_: object, **__: object) -> set[str]:
        is_frozen.set()
        is_woken.wait(30)
        return {CUSTOMERS_CHANGES.name}

    monkeypatch.setattr(reading, "read", freezes)
    asked = asyncio.create_task(restored(Database.CUSTOMERS, dsn, broker))
    await until_true(is_frozen.is_set)
    held = await outbox.claim(session, OUTBOX)
    await until(lambda: outbox.claim(session, OUTBOX))
    is_woken.set()

    assert not held
    assert await asked in (
        "customers: terminating connection due to idle-session timeout",
        "customers: the session was ended while it was at work: look why, and run the command again",
    )
    assert await session.fetchval(FLOOR.format("customers")) == 0


async def test_one_that_cannot_be_had_is_said_and_nothing_is_changed(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn, old = await new_database(Database.CUSTOMERS), await new_database(None)
    session = await connect(dsn)
    assert await outbox.claim(session, OUTBOX)

    said = [
        await restored(Database.CUSTOMERS, dsn, NO_BROKER),
        await restored(Database.CUSTOMERS, dsn, NO_BROKER, "--dry-run"),
        await restored(Database.CUSTOMERS, old, NO_BROKER),
        await restored(Database.CUSTOMERS, "postgresql://nobody:none@127.0.0.1:1/none", NO_BROKER),
    ]

    assert said[0] == RUNS
    assert said[1].startswith(f"Kafka does not answer at {NO_BROKER}")
    assert said[2] == "customers: its schema is of an older release: run `paintbox migrate` first"
    assert said[3].startswith("customers: no connection")
