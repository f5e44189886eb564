"""A process that stood still for longer than its session gives up what it has in hand: others went on without it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import uuid4

import pytest

from paintbox.databases import Database
from photo_sync.handlers.customers import on_customer_changes
from support.kafka import NewTopic
from support.people import customer
from support.postgres import NewDatabase
from support.samples import DOUGLAS
from support.services import PhotoSync, all_rows, photo_sync_on
from support.topics import committed, produce
from support.waiting import until, until_true
from synckit import postgres
from synckit.consumer import Alarms, Batch, Consumer, ConsumerGroup, pulse
from synckit.consumer.applying import GivenUpError
from synckit.consumer.pulse import PULSE, Pulse
from synckit.contracts.topics import Cleanup, Topic
from synckit.parking import compacted
from synckit.postgres import Pool

REFS = "SELECT source_version FROM projects.customer_refs"


@pytest.fixture
async def sync(new_database: NewDatabase) -> AsyncIterator[PhotoSync]:
    projects, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(projects, integrations) as service:
        yield service


@pytest.fixture
async def pool(new_database: NewDatabase) -> AsyncIterator[Pool]:
    async with postgres.create_pool(await new_database(Database.INTEGRATIONS), process="test") as pool:
        yield pool


@pytest.mark.database
async def test_f04_who_stood_still_with_a_record_in_hand_does_not_bring_back_what_was_erased_meanwhile(
    sync: PhotoSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    beating = Pulse()
    monkeypatch.setattr(compacted, "PULSE", beating)
    beating.beat(lambda: None)
    in_hand = Batch([customer(DOUGLAS, 1)])
    monkeypatch.setattr(pulse, "STILL_SECONDS", -1.0)  # any time is long

    with pytest.raises(GivenUpError):
        await on_customer_changes(in_hand, sync.resources)
    beating.beat(lambda: None)
    monkeypatch.undo()
    monkeypatch.setattr(compacted, "PULSE", beating)
    with pytest.raises(GivenUpError):
        await on_customer_changes(in_hand, sync.resources)
    before = await all_rows(sync.resources.projects, REFS)
    await on_customer_changes(Batch(in_hand.records), sync.resources)

    assert before == []
    assert await all_rows(sync.resources.projects, REFS) == [{"source_version": 1}]


@pytest.mark.database
async def test_what_outlived_its_partitions_is_not_written(sync: PhotoSync) -> None:
    in_hand = Batch([customer(DOUGLAS, 1)])
    in_hand.lapsed.set()

    with pytest.raises(GivenUpError):
        await on_customer_changes(in_hand, sync.resources)

    assert await all_rows(sync.resources.projects, REFS) == []


@pytest.mark.database
async def test_an_erasure_waits_for_whatever_is_written_and_not_committed(sync: PhotoSync) -> None:
    """As where a process is frozen between its look and its commit: that ends with its transaction, after 15 s."""
    waiting = "SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database WHERE datname = current_database()"
    erasures = f"{waiting} AND locktype = 'advisory' AND NOT granted"
    record = customer(DOUGLAS, 1)
    async with asyncio.TaskGroup() as tasks, sync.resources.projects.acquire() as frozen, frozen.transaction():
        await frozen.execute("LOCK TABLE projects.customer_refs IN SHARE MODE")
        tasks.create_task(on_customer_changes(Batch([record]), sync.resources))
        await until(partial(all_rows, sync.resources.projects, f"{waiting} AND locktype = 'relation' AND NOT granted"))
        tasks.create_task(on_customer_changes(Batch([replace(record, value=None)]), sync.resources))
        await until(partial(all_rows, sync.resources.projects, erasures))

    assert await all_rows(sync.resources.projects, REFS) == []


async def test_f04_a_consumer_that_stood_still_joins_its_group_again_and_reads_from_the_committed_offsets(
    kafka_servers: str, new_topic: NewTopic, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "STILL_SECONDS", 1.0)
    topic, group, applied = await new_topic(), f"group-{uuid4().hex}", list[bytes | None]()

    async def apply(batch: Batch) -> None:
        if not applied and batch.records[0].value == b"first":
            time.sleep(1.5)  # noqa: ASYNC251 - the whole process
            applied.append(b"stood still")
        if PULSE.stood_still(since=batch.taken_at):
            raise GivenUpError
        applied.extend(record.value for record in batch.records)

    alarms = Alarms(pool, group)
    consumer = Consumer(Topic(topic, "", "", Cleanup.DELETE, 1), apply, alarms)
    members = ConsumerGroup(group, kafka_servers, [consumer], alarms)
    tasks = [asyncio.create_task(members.run()), asyncio.create_task(members.watch())]

    async def is_committed() -> bool:
        return (await committed(kafka_servers, group)).get((topic, 0)) == 2

    await produce(kafka_servers, topic, [b"first"])
    await until_true(lambda: b"stood still" in applied)
    await produce(kafka_servers, topic, [b"second"])
    await until(is_committed)
    await members.stop()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert applied == [b"stood still", b"first", b"second"]
