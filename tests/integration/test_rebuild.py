"""`paintbox rebuild customer-refs`, as typed, and what `paintbox restored projects` does of it: nobody guesses."""

import asyncio
import json
from dataclasses import replace
from typing import Any, Final

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from paintbox import reading, topics
from paintbox.__main__ import app
from paintbox.databases import Database
from paintbox.environment import SERVERS
from paintbox.errors import OperatorError
from support.notifications import KafkaRecord
from support.people import customer, project
from support.postgres import NewDatabase, OpenSession
from support.samples import DOUGLAS, GERALDINE
from support.services import all_rows, photo_sync_on
from synckit.contracts.topics import CUSTOMERS_CHANGES, FEDERATION_KEYS, PROJECTS_CHANGES, Topic
from synckit.identity import customer_id

pytestmark = pytest.mark.xdist_group("restored")

BOTH: Final = (customer(), customer(GERALDINE))
"""With one e-mail address, which the project names."""
RUNS: Final = "projects: photo-sync runs, or ran meanwhile: stop every copy of it first"
MATCHES: Final = "SELECT state, customer_id FROM projects.customer_matches"
KNOWN: Final = "SELECT customer_id FROM projects.customer_refs ORDER BY customer_id"


@pytest.fixture
async def dsn(new_database: NewDatabase) -> str:
    return await new_database(Database.PROJECTS)


async def publish(servers: str, *records: KafkaRecord, wanted: tuple[Topic, ...] = (CUSTOMERS_CHANGES,)) -> None:
    await topics.apply(servers, topics.Replication(1, 1), topics=wanted)
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        for one in records:
            await producer.send_and_wait(one.topic, one.value, one.key, headers=one.headers)


async def paintbox(dsn: str, servers: str, *arguments: str) -> Any:
    """What it prints as JSON; where it fails, what it says."""
    environment = {Database.PROJECTS.dsn_name: dsn, SERVERS: servers}
    result = await asyncio.to_thread(CliRunner(env=environment).invoke, app, [*arguments, "--json"])
    if isinstance(result.exception, OperatorError):
        return str(result.exception)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", [("rebuild", "customer-refs"), ("restored", "projects")])
async def test_a_project_that_two_customers_match_is_nobodys_though_one_of_them_is_read_first(
    broker: str, dsn: str, new_database: NewDatabase, command: tuple[str, str]
) -> None:
    await publish(broker, *BOTH, wanted=(CUSTOMERS_CHANGES, PROJECTS_CHANGES, FEDERATION_KEYS))

    await paintbox(dsn, broker, *command)
    async with photo_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
        await sync.events(project())
        for one in BOTH:
            await sync.customers([one])
        matches = await all_rows(sync.resources.projects, MATCHES)

    assert matches == [{"state": "ambiguous", "customer_id": None}]


async def test_it_says_what_the_topic_says_no_more_and_no_less_and_projects_are_looked_at_again(
    broker: str, dsn: str, new_database: NewDatabase, connect: OpenSession
) -> None:
    integrations = await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(dsn, integrations) as sync:
        await sync.customers([customer("0035e00000Oth01AAB", email="erased@example.com"), *BOTH[:1]])
        await sync.events(project())
    unreadable = replace(customer("0035e00000Oth02AAB"), value=b"no JSON")
    erased = replace(customer("0035e00000Oth03AAB"), value=None)
    await publish(broker, customer(DOUGLAS, 9, email="new@example.com"), BOTH[1], unreadable, erased)

    first, second = [await paintbox(dsn, broker, "rebuild", "customer-refs") for _ in range(2)]
    session = await connect(dsn)
    known = [row["customer_id"] for row in await session.fetch(KNOWN)]
    async with photo_sync_on(dsn, integrations) as sync:
        await sync.resources.projector.sweep_once(seconds=-1)
        matches = await all_rows(sync.resources.projects, MATCHES)

    assert first == {
        "model": "customer-refs",
        "customers": 2,
        "changed": 2,
        "erased": 1,
        "passed_over": {"malformed_value": 1},
    }
    assert second == first | {"changed": 0, "erased": 0}
    assert known == sorted([customer_id(DOUGLAS), customer_id(GERALDINE)])
    assert [match["state"] for match in matches] == ["contested"], "whose e-mail address it was has another now"


@pytest.mark.parametrize("version", [4, 5, 6])
async def test_what_is_stored_and_the_topic_does_not_say_is_gone_whatever_version_it_has(
    broker: str, dsn: str, new_database: NewDatabase, connect: OpenSession, version: int
) -> None:
    async with photo_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
        await sync.customers([customer(DOUGLAS, version, email="wrong@example.com")])
    await publish(broker, customer(DOUGLAS, 5, email="right@example.com"))

    first, second = [await paintbox(dsn, broker, "rebuild", "customer-refs") for _ in range(2)]

    stored = await (await connect(dsn)).fetch("SELECT email, source_version FROM projects.customer_refs")
    assert [tuple(row) for row in stored] == [("right@example.com", 5)]
    assert (first["changed"], second["changed"]) == (1, 0)


async def test_an_older_record_is_not_put_over_what_a_newer_one_said_that_cannot_be_read_now(
    broker: str, dsn: str, new_database: NewDatabase, connect: OpenSession
) -> None:
    async with photo_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
        await sync.customers([customer(DOUGLAS, 9, email="newest@example.com")])
    unreadable = replace(customer(DOUGLAS, 9), value=b"of a later release")
    await publish(broker, customer(DOUGLAS, 8, email="older@example.com"), unreadable)

    said = await paintbox(dsn, broker, "rebuild", "customer-refs")

    stored = await (await connect(dsn)).fetch("SELECT email, source_version FROM projects.customer_refs")
    assert [tuple(row) for row in stored] == [("newest@example.com", 9)]
    assert said["changed"] == 0


async def test_a_service_that_only_read_a_customer_meanwhile_has_it_fail_and_change_nothing(
    broker: str, dsn: str, connect: OpenSession, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(broker, BOTH[0])
    ours, read = asyncio.get_running_loop(), reading.read

    async def reads_customers() -> None:
        async with photo_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
            await sync.customers(BOTH)

    async def read_meanwhile(*given: Any, **named: Any) -> set[str]:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(reads_customers(), ours))
        return await read(*given, **named)

    monkeypatch.setattr(reading, "read", read_meanwhile)
    said = await paintbox(dsn, broker, "rebuild", "customer-refs")

    assert said == RUNS
    assert len(await (await connect(dsn)).fetch(KNOWN)) == 2


@pytest.mark.parametrize("command", [("rebuild", "customer-refs"), ("restored", "projects")])
async def test_f04_it_prepares_nothing_while_it_has_locks_in_hand(
    broker: str, dsn: str, monkeypatch: pytest.MonkeyPatch, command: tuple[str, str]
) -> None:
    await publish(broker, *BOTH, wanted=(CUSTOMERS_CHANGES, PROJECTS_CHANGES, FEDERATION_KEYS))
    prepared: list[str] = []
    are_locked = False
    connection: Any = asyncpg.Connection
    prepare, execute = connection._get_statement, connection.execute

    async def noted(self: Any, query: str, *others: Any, **named: Any) -> Any:
        if are_locked and query not in {key[0] for key in self._stmt_cache._entries}:
            prepared.append(query)
        return await prepare(self, query, *others, **named)

    async def executed(self: Any, query: str, *others: Any, **named: Any) -> Any:
        nonlocal are_locked
        done = await execute(self, query, *others, **named)
        are_locked |= "LOCK TABLE" in query
        return done

    monkeypatch.setattr(connection, "_get_statement", noted)
    monkeypatch.setattr(connection, "execute", executed)
    await paintbox(dsn, broker, *command)

    assert are_locked
    assert prepared == []


async def test_what_would_forget_everybody_is_refused_and_so_is_a_service_that_runs(
    broker: str, dsn: str, connect: OpenSession, new_database: NewDatabase
) -> None:
    async with photo_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
        await sync.customers(BOTH)
    await publish(broker)
    session = await connect(dsn)

    empty = await paintbox(dsn, broker, "rebuild", "customer-refs")
    await connect(dsn, application_name="photo-sync")
    runs = await paintbox(dsn, broker, "rebuild", "customer-refs")

    assert empty == f"projects: {CUSTOMERS_CHANGES.name} tells of nobody, and every row would be deleted"
    assert runs == RUNS
    assert len(await session.fetch(KNOWN)) == 2
