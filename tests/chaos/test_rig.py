"""Two copies of every service, behind nginx and proxies: restarted, frozen, and woken when others have their work."""

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from paintbox.databases import Database
from paintbox.prove import faults, recovery, sampling
from paintbox.prove.handles import Handle
from paintbox.prove.rig import Rig
from paintbox.prove.sampling import Samples
from paintbox.stack import processes
from paintbox.stack.layout import replicas
from paintbox.stack.services import SERVICES
from paintbox.stack.stacks import homes_elsewhere
from support import samples
from support.local_stack import LocalStack
from support.outages import a_delivery, post, push
from support.topics import read_all
from support.vendors import Vendors
from support.waiting import until, until_true
from synckit.contracts.topics import CUSTOMERS_CHANGES
from synckit.identity import customer_id, event_id

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("rig")]

IDLE_LIMIT_SECONDS: Final = 15
LOCK_NOT_AVAILABLE: Final = "55P03"
SENDERS: Final = 3
BEING_AUTHENTICATED: Final = 20
PAUSE_SECONDS: Final = 0.02
"""Of a sender between two requests: load is there at every moment, and leaves room for what happens under it."""
CONSUMED: Final = {"webhook-log": 3, "customer-sync": 4, "photo-sync": 2}
"""How many consumers, and so members of its group, each process has."""


@pytest.fixture(scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """A rig; a test that harms it heals it."""
    folder: Path = tmp_path_factory.mktemp("rig")
    async with Rig.open(folder / "stack") as opened:
        yield opened
    assert processes.strays(folder / "stack", []) == []
    assert homes_elsewhere(opened.stack.places) == []
    assert opened.processes["customer-sync-2"].log.exists()


@pytest.fixture(autouse=True)
async def whole(rig: Rig) -> AsyncIterator[None]:
    """The rig is whole before each test and after."""
    await at_rest(rig, 180)
    yield
    await rig.heal()


@pytest.fixture
def vendors(rig: Rig, http: httpx.AsyncClient) -> Vendors:
    """Both simulators of the rig."""
    return Vendors(LocalStack(rig.stack.places.directory, rig.environment), http, seconds=60)


async def at_rest(rig: Rig, seconds: float = 60.0) -> None:
    """Everybody is ready and has applied everything."""
    troubles: list[str | None] = []

    async def is_well() -> bool:
        troubles.append(await rig.trouble())
        return troubles[-1] is None

    try:
        await until(is_well, seconds)
    except TimeoutError:
        pytest.fail(f"the rig is not at rest after {seconds:.0f} s: {troubles[-1:]}")


async def count(rig: Rig, database: Database, query: str, *parameters: object) -> int:
    connection = await asyncpg.connect(rig.dsn(database))
    try:
        return int(await connection.fetchval(query, *parameters))
    finally:
        await connection.close()


def a_photo(number: int) -> bytes:
    """A webhook of a photo of a project of its own: another key, so perhaps another partition, for each number."""
    payload: dict[str, Any] = samples.document("companycam_photo_created.json")["payload"]
    photo = payload["photo"] | {"id": str(number), "project_id": str(number)}
    return a_delivery(number, payload=payload | {"photo": photo})


@asynccontextmanager
async def load(rig: Rig, first: int) -> AsyncIterator[list[httpx.Response]]:
    """Senders that go on until the block ends; what they were answered."""
    answers: list[httpx.Response] = []
    ending, token = asyncio.Event(), rig.environment["PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS"]

    async def send(number: int) -> None:
        while not ending.is_set():
            answers.append(await post(rig.ingest_urls[0], token, a_photo(first + number)))
            number += SENDERS
            await asyncio.sleep(PAUSE_SECONDS)

    async with asyncio.TaskGroup() as group:
        for number in range(SENDERS):
            group.create_task(send(number))
        await until_true(lambda: len(answers) > SENDERS)
        try:
            yield answers
        finally:
            ending.set()


async def assigned(rig: Rig, group: str) -> list[int]:
    """How many partitions each member of the group has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.kafka)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    ((_, _, _, _, _, members, *_),) = answer.groups
    return [_partitions(member[-1]) for member in members]


def _partitions(assignment: bytes) -> int:
    decoded = ConsumerProtocolMemberAssignment.decode(assignment)
    return sum(len(partitions) for _, partitions in decoded.assignment)


async def versions_published(rig: Rig, key: str) -> list[int]:
    """The versions of a customer on its topic, in their order."""
    records = await read_all(rig.kafka, CUSTOMERS_CHANGES.name)
    return [json.loads(record.value)["source_version"] for record in records if record.key.decode() == key]


def is_frozen(handle: Handle) -> bool:
    pid = handle.pid
    return pid is not None and psutil.Process(pid).status() == psutil.STATUS_STOPPED


async def alone_with(rig: Rig, failpoint: str) -> tuple[Handle, Handle]:
    """The one customer-sync that runs, with this failpoint, and the other, which does not."""
    one, other = rig.processes["customer-sync"], rig.processes["customer-sync-2"]
    for handle in (other, one):
        await handle.terminate()
    await one.start({"PAINTBOX_FAILPOINTS": failpoint})
    return one, other


@pytest.mark.parametrize("group", CONSUMED)
async def test_both_replicas_of_a_service_share_the_partitions(rig: Rig, group: str) -> None:
    await at_rest(rig)

    shares = await assigned(rig, group)

    assert len(shares) == 2 * CONSUMED[group]
    assert all(shares)


async def test_f02_restarting_everything_one_after_another_under_load_fails_no_request_and_loses_none(
    rig: Rig,
) -> None:
    if rig.edge is None:
        pytest.skip("nginx is not installed")
    query = "SELECT count(*) FROM integrations.webhook_event_keys"
    before = await count(rig, Database.INTEGRATIONS, query)

    async with load(rig, first=1_000_000) as answers:
        for service in SERVICES:
            for name in replicas(service.name, rig.stack.kept.layout):
                ending = await rig.processes[name].terminate()
                assert ending is not None
                assert ending.wrong is None
                await rig.processes[name].start()
    await at_rest(rig)

    assert [answer.status_code for answer in answers if answer.status_code != httpx.codes.OK] == []
    assert await count(rig, Database.INTEGRATIONS, query) - before == len(answers)


async def test_f04_a_consumer_frozen_in_a_transaction_frees_its_locks_and_writes_nothing_when_it_wakes(
    rig: Rig, vendors: Vendors
) -> None:
    contact = await vendors.contact(FirstName="First")
    query = "SELECT * FROM customers.customers WHERE salesforce_id = $1 AND first_name = $2"
    await vendors.row("CUSTOMERS", query, contact, "First")
    frozen, other = await alone_with(rig, "customer_sync.merge:before_commit=freeze")

    await vendors.patch("SALESFORCE_URL", f"records/Contact/{contact}", {"FirstName": "Older"})
    await until_true(lambda: is_frozen(frozen), 60)
    began = time.monotonic()
    await other.start()
    await vendors.patch("SALESFORCE_URL", f"records/Contact/{contact}", {"FirstName": "Newer"})
    await until(lambda: no_open_transaction(rig), IDLE_LIMIT_SECONDS + 5)
    held = time.monotonic() - began
    await vendors.row("CUSTOMERS", query, contact, "Newer")
    frozen.thaw()
    await at_rest(rig)

    await vendors.row("CUSTOMERS", query, contact, "Newer")
    versions = await versions_published(rig, str(customer_id(contact)))
    assert held < IDLE_LIMIT_SECONDS + 2
    assert versions == sorted(set(versions))


async def no_open_transaction(rig: Rig) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND backend_xid IS NOT NULL"
    return await count(rig, Database.CUSTOMERS, query) == 0


async def test_f04_a_relay_frozen_in_its_round_is_followed_and_publishes_nothing_when_it_wakes(
    rig: Rig, vendors: Vendors
) -> None:
    contact = await vendors.contact(FirstName="First")
    key = str(customer_id(contact))
    await until(lambda: versions_published(rig, key), 60)
    frozen, other = await alone_with(rig, "relay.send:before_commit=freeze")

    await vendors.patch("SALESFORCE_URL", f"records/Contact/{contact}", {"FirstName": "Older"})
    await until_true(lambda: is_frozen(frozen), 60)
    await other.start()
    await until(lambda: published(rig, key, "Older"), 60)
    await vendors.patch("SALESFORCE_URL", f"records/Contact/{contact}", {"FirstName": "Newer"})
    await until(lambda: published(rig, key, "Newer"), 60)
    frozen.thaw()
    await at_rest(rig)

    versions = await versions_published(rig, key)
    assert versions == sorted(set(versions))
    assert await published(rig, key, "Newer")


async def published(rig: Rig, key: str, name: str) -> bool:
    """Whether the last that the topic says of the customer is this."""
    records = await read_all(rig.kafka, CUSTOMERS_CHANGES.name)
    last = [record.value for record in records if record.key.decode() == key][-1]
    return f'"{name}"'.encode() in last


async def test_f40_partitions_that_are_added_under_load_are_read_within_a_minute(rig: Rig) -> None:
    (kind,) = faults.named(["partitions"])

    async with load(rig, first=2_000_000):
        await kind.inject(rig, "kafka")
        for name in replicas("webhook-ingest", rig.stack.kept.layout):
            await rig.processes[name].terminate()
            await rig.processes[name].start()
    began = time.monotonic()
    await at_rest(rig)

    assert time.monotonic() - began < 60


UNDER_LOAD: Final = {
    "f13 postgres-backend-kill": "postgres",
    "f17 postgres-disk-full": "postgres",
    "f20 postgres-schema": "postgres",
    "f26 postgres-connections": "postgres",
    "f31 postgres-forgotten": "postgres",
    "f29 clock-ahead": "webhook-ingest",
    "f29 clock-behind": "photo-sync",
    "f31 kafka-slow": "kafka",
    "f31 kafka-refused": "kafka",
    "f31 kafka-torn": "kafka",
    "f31 kafka-forgotten": "kafka",
}
"""What the nemesis of `paintbox prove` does by chance is done here by name, and to whom."""
FELT: Final = ("f17 postgres-disk-full", "f31 kafka-refused")
"""These last until somebody is not ready for them."""


@pytest.mark.parametrize("fault", UNDER_LOAD)
async def test_nobody_is_turned_away_under_it_and_what_was_answered_is_there_once(rig: Rig, fault: str) -> None:
    """The doors need no database while Kafka is there, no Kafka while the spool is, and no right time."""
    (kind,) = faults.named([fault.partition(" ")[2]])
    if (reason := kind.possible(rig)) is not None:
        pytest.skip(reason)

    async with load(rig, first=3_000_000 + 100_000 * list(UNDER_LOAD).index(fault)) as answers:
        heal = await kind.inject(rig, UNDER_LOAD[fault])
        try:
            await more(answers)
            if fault in FELT:
                await until(lambda: unready(rig), 60)
        finally:
            await heal()
        await more(answers)
    await at_rest(rig)

    taken = [answer.request.content for answer in answers]
    assert {answer.status_code for answer in answers} == {httpx.codes.OK}
    assert len(taken) > SENDERS
    await until(lambda: are_processed_once(rig, taken), 60)


async def more(answers: list[httpx.Response]) -> None:
    """Returns when each sender was answered a few more times."""
    enough = len(answers) + 10 * SENDERS
    await until_true(lambda: len(answers) >= enough, 60)


async def unready(rig: Rig) -> str:
    """What those of our processes say that are not ready."""
    return " ".join((await recovery.unready(rig.services)).values())


async def are_processed_once(rig: Rig, bodies: list[bytes]) -> bool:
    ids = [event_id("companycam", "145041", sha256(body).hexdigest()) for body in bodies]
    rows = "SELECT count(*) FROM integrations.webhook_events WHERE id = ANY($1::uuid[])"
    assert await count(rig, Database.INTEGRATIONS, rows, ids) <= len(ids)
    return await count(rig, Database.INTEGRATIONS, f"{rows} AND status = 'PROCESSED'", ids) == len(ids)


async def test_f19_who_meets_the_rows_of_an_idle_transaction_says_that_it_waits_and_goes_on(
    rig: Rig, http: httpx.AsyncClient
) -> None:
    (kind,) = faults.named(["postgres-blocker"])
    token, first = rig.environment["PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS"], a_photo(9_000_000)
    again = a_delivery(9_000_001, payload=json.loads(first)["payload"])
    assert (await push(http, rig.ingest_urls[0], token, first)).status_code == httpx.codes.OK
    await until(lambda: are_processed_once(rig, [first]), 60)

    heal = await kind.inject(rig, "postgres")
    try:
        answer = await push(http, rig.ingest_urls[0], token, again)
        await until(lambda: says(rig, LOCK_NOT_AVAILABLE), 60)
    finally:
        await heal()

    await at_rest(rig)
    assert answer.status_code == httpx.codes.OK
    await until(lambda: are_processed_once(rig, [first, again]), 60)


async def says(rig: Rig, text: str) -> bool:
    return text in await unready(rig)


async def test_sessions_that_are_still_being_authenticated_are_not_counted(rig: Rig) -> None:
    where, found = urlsplit(rig.superuser_dsn), Samples()
    asks = b"user\0postgres\0database\0postgres\0\0"
    startup = struct.pack("!II", 8 + len(asks), 196_608) + asks
    await sampling.last_look(rig.superuser_dsn, found)

    waiting = [await asyncio.open_connection(where.hostname, where.port) for _ in range(BEING_AUTHENTICATED)]
    try:
        for _, writer in waiting:
            writer.write(startup)
        assert {(await reader.readexactly(1)) for reader, _ in waiting} == {b"R"}  # it asks who that is
        await sampling.last_look(rig.superuser_dsn, found)
    finally:
        for _, writer in waiting:
            writer.close()

    assert abs(found.sessions[1].count - found.sessions[0].count) < BEING_AUTHENTICATED / 2
