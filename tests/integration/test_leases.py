"""A consumer that its group has passed over writes nothing more of what it has in hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from paintbox.databases import Database
from photo_sync.handlers.customers import on_customer_changes
from support.kafka import NewTopic
from support.notifications import KafkaRecord
from support.people import customer
from support.postgres import NewDatabase
from support.samples import DOUGLAS
from support.services import PhotoSync, all_rows, photo_sync_on
from support.topics import miss_members
from support.waiting import until, until_true
from synckit.consumer import Alarms, Batch, Consumer, ConsumerGroup
from synckit.consumer.applying import Apply
from synckit.consumer.lease import GivenUpError, Lease, LeaseError
from synckit.contracts.topics import Cleanup, Topic

REFS = "SELECT source_version FROM projects.customer_refs"
WAITING = """
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
     WHERE datname = current_database() AND NOT granted
    """
PUT = customer(DOUGLAS, 1)
ERASURE = replace(PUT, value=None)


@pytest.fixture
async def sync(new_database: NewDatabase) -> AsyncIterator[PhotoSync]:
    projects, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(projects, integrations) as service:
        yield service


class Members:
    """Copies of photo-sync that read one topic."""

    def __init__(self, stack: AsyncExitStack, servers: str, topic: str, sync: PhotoSync) -> None:
        self._stack, self.servers, self.topic, self.sync = stack, servers, topic, sync
        self.group = f"group-{uuid4().hex}"
        self._alarms = Alarms(sync.resources.integrations, self.group)

    async def join(self, apply: Apply) -> Any:
        """One more; its aiokafka client, once it has one."""
        consumer = Consumer(Topic(self.topic, "", "", Cleanup.DELETE, 1), apply, self._alarms)
        members = ConsumerGroup(self.group, self.servers, [consumer], self._alarms)
        self._stack.push_async_callback(_stop, members, asyncio.create_task(members.run()))
        await until_true(lambda: members._subscribers[0].consumer is not None)
        return members._subscribers[0].consumer

    async def send(self, record: KafkaRecord) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.servers, acks="all") as producer:
            await producer.send_and_wait(self.topic, record.value, record.key, headers=list(record.headers))

    async def rows(self) -> list[dict[str, Any]]:
        return await all_rows(self.sync.resources.projects, REFS)

    async def until_rows(self, many: int) -> None:
        async def are_there() -> bool:
            return len(await self.rows()) == many

        await until(are_there, 60)


async def _stop(members: ConsumerGroup, task: "asyncio.Task[None]") -> None:
    await members.stop()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def members(kafka_servers: str, new_topic: NewTopic, sync: PhotoSync) -> AsyncIterator[Members]:
    async with AsyncExitStack() as stack:
        yield Members(stack, kafka_servers, await new_topic(), sync)


@pytest.mark.database
async def test_what_outlived_its_partitions_is_not_written(sync: PhotoSync) -> None:
    lease = Lease()
    lease.lapse()

    with pytest.raises(GivenUpError):
        await on_customer_changes(Batch([PUT], lease=lease), sync.resources)

    assert await all_rows(sync.resources.projects, REFS) == []


@pytest.mark.database
async def test_who_is_missed_while_it_waits_for_its_turn_writes_nothing(sync: PhotoSync) -> None:
    """Whoever had the turn may have erased it."""
    is_missed = asyncio.Event()

    async def ask() -> None:
        if is_missed.is_set():
            raise LeaseError

    async with sync.resources.projects.acquire() as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(hashtextextended('erasures of ' || $1, 0))", PUT.topic)
        late = asyncio.create_task(on_customer_changes(Batch([PUT], lease=Lease(ask)), sync.resources))
        await until(partial(all_rows, sync.resources.projects, f"{WAITING} AND locktype = 'advisory'"))
        is_missed.set()

    with pytest.raises(LeaseError):
        await late
    assert await all_rows(sync.resources.projects, REFS) == []


@pytest.mark.database
async def test_nobody_erases_from_the_moment_in_which_kafka_is_asked(sync: PhotoSync) -> None:
    """However long the answer takes, and the work after it."""

    async def ask() -> None:
        tasks.create_task(on_customer_changes(Batch([ERASURE]), sync.resources))
        await until(partial(all_rows, sync.resources.projects, f"{WAITING} AND locktype = 'advisory'"))

    async with asyncio.TaskGroup() as tasks:
        await on_customer_changes(Batch([PUT], lease=Lease(ask)), sync.resources)

    assert await all_rows(sync.resources.projects, REFS) == []


@pytest.mark.database
async def test_an_erasure_waits_for_whatever_is_written_and_not_committed(sync: PhotoSync) -> None:
    """As where a process is frozen between its look and its commit: that ends with its transaction, after 15 s."""
    erasures = f"{WAITING} AND locktype = 'advisory'"
    async with asyncio.TaskGroup() as tasks, sync.resources.projects.acquire() as frozen, frozen.transaction():
        await frozen.execute("LOCK TABLE projects.customer_refs IN SHARE MODE")
        tasks.create_task(on_customer_changes(Batch([PUT]), sync.resources))
        await until(partial(all_rows, sync.resources.projects, f"{WAITING} AND locktype = 'relation'"))
        tasks.create_task(on_customer_changes(Batch([ERASURE]), sync.resources))
        await until(partial(all_rows, sync.resources.projects, erasures))

    assert await all_rows(sync.resources.projects, REFS) == []


async def test_f04_who_was_expelled_with_a_record_in_hand_does_not_bring_back_what_was_erased(members: Members) -> None:
    """As after a time for which its broker was frozen. It has not heard of it when it goes on."""
    began, goes_on, wrote = asyncio.Event(), asyncio.Event(), list[str]()

    async def slowly(batch: Batch) -> None:
        began.set()
        await goes_on.wait()
        await on_customer_changes(batch, members.sync.resources)
        wrote.append("slowly")

    await members.join(slowly)
    await members.send(PUT)
    await began.wait()
    await miss_members(members.servers, members.group)
    await members.join(partial(on_customer_changes, resources=members.sync.resources))
    await members.until_rows(1)
    await members.send(ERASURE)
    await members.until_rows(0)
    goes_on.set()
    await asyncio.sleep(4)  # what must not happen

    assert (await members.rows(), wrote) == ([], [])


async def test_f04_who_is_cut_off_from_kafka_alone_does_not_bring_back_what_was_erased(members: Members) -> None:
    """Its database comes back before Kafka does."""
    is_away, is_healed, tries, wrote = asyncio.Event(), asyncio.Event(), list[Batch](), list[str]()

    async def cut_off(batch: Batch) -> None:
        tries.append(batch)
        if not is_away.is_set():
            raise ConnectionRefusedError
        await on_customer_changes(batch, members.sync.resources)
        wrote.append("cut off")

    client = await members.join(cut_off)
    await members.send(PUT)
    await until_true(lambda: bool(tries))
    ask = client._coordinator._send_req

    async def black_hole(request: object) -> object:
        await is_healed.wait()
        return await ask(request)

    client._coordinator._send_req = black_hole
    await members.join(partial(on_customer_changes, resources=members.sync.resources))
    await members.until_rows(1)
    await members.send(ERASURE)
    await members.until_rows(0)
    is_away.set()
    so_far = len(tries)
    await until_true(lambda: len(tries) > so_far + 1, 60)
    is_healed.set()
    await asyncio.sleep(4)  # what must not happen

    assert (await members.rows(), wrote) == ([], [])


async def test_f04_who_was_missed_with_a_record_in_hand_commits_nothing_though_its_group_is_empty(
    members: Members,
) -> None:
    """As where a host comes back that was taken for stopped, once the offsets were set back for a restore."""
    began, goes_on, applied = asyncio.Event(), asyncio.Event(), list[int]()

    async def slowly(batch: Batch) -> None:
        applied.extend(record.offset for record in batch.records)
        began.set()
        await goes_on.wait()

    client = await members.join(slowly)
    await members.send(PUT)
    await began.wait()
    await miss_members(members.servers, members.group)
    await until_true(lambda: client._coordinator.generation < 1)
    goes_on.set()

    await until_true(lambda: applied == [0, 0], 30)
