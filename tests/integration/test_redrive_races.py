"""Redrives beside what happens meanwhile: erasures, newer records, and an operator who changes their mind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import permutations
from typing import Any, Final

import pytest

from customer_sync.handlers.federation import on_federation_keys, on_project_changes
from customer_sync.handlers.webhooks import on_salesforce_webhooks
from paintbox.databases import Database
from photo_sync.handlers.customers import on_customer_changes
from photo_sync.handlers.webhooks import on_companycam_webhooks
from support import people, samples
from support.notifications import KafkaRecord, companycam_record, salesforce_messages
from support.people import customer
from support.postgres import NewDatabase
from support.relationships import a_key, a_project
from support.services import CustomerSync, PhotoSync, all_rows, customer_sync_on, photo_sync_on
from support.waiting import until
from synckit import failpoints
from synckit.consumer import Alarms, Batch, Consumer
from synckit.consumer.lease import GivenUpError, Lease, LeaseError
from synckit.contracts.topics import (
    CUSTOMERS_CHANGES,
    FEDERATION_KEYS,
    PROJECTS_CHANGES,
    WEBHOOKS_COMPANYCAM,
    WEBHOOKS_SALESFORCE,
    Topic,
)
from synckit.errors import PoisonError, TransientError
from synckit.parking import Redrive, records, redrive
from synckit.postgres import Pool

pytestmark = pytest.mark.database

Handler = Callable[[Batch], Awaitable[None]]
MISTAKE: Final = PoisonError("malformed_value", "a mistake of ours")


@dataclass
class Service:
    """A consumer of one topic, its two databases, and what it says of the rows that the topic becomes."""

    name: str
    topic: Topic
    handler: Handler
    own: Pool
    integrations: Pool
    table: str
    given: Callable[[int], KafkaRecord]
    """The record of one and the same key, in a version."""
    meanwhile: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What happens just before the first, second, … attempt of a redrive."""

    def record(self, version: int, offset: int) -> KafkaRecord:
        return replace(self.given(version), topic=self.topic.name, offset=offset)

    def erasure(self, offset: int) -> KafkaRecord:
        return replace(self.record(1, offset), value=None)

    async def consume(self, *records: KafkaRecord) -> None:
        await self.handler(Batch(list(records)))

    async def refuse(self, *records: KafkaRecord, lease: Lease | None = None) -> None:
        """As a bad release does."""
        await self.handler(Batch(list(records), dict.fromkeys(range(len(records)), MISTAKE), lease or Lease()))

    async def redrive(self) -> None:
        """What is asked for, until there is nothing left."""
        copy = self.copy(self.apply)
        while await copy.once():
            pass

    def copy(self, apply: Handler) -> Redrive:
        """One copy of the process."""
        return Redrive(self.integrations, self.name, Consumer(self.topic, apply, Alarms(self.integrations, self.name)))

    async def apply(self, batch: Batch) -> None:
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        await self.handler(batch)

    async def ask(self) -> None:
        await self.change("redrive_asked_at = now() WHERE redriven_at IS NULL AND dropped_at IS NULL")

    async def drop(self) -> None:
        """As `paintbox parked drop` does."""
        await self.change("dropped_at = now(), redrive_asked_at = NULL WHERE redriven_at IS NULL")

    async def change(self, assignments: str) -> None:
        async with self.integrations.acquire() as connection:
            await connection.execute(f"UPDATE integrations.parked_records SET {assignments}")

    async def rows(self) -> list[dict[str, Any]]:
        return await all_rows(self.own, f"SELECT * FROM {self.table}")

    async def parked(self) -> list[tuple[bool, bool]]:
        """Of what was parked, in the order of its places: redriven, dropped."""
        rows = await all_rows(
            self.integrations, 'SELECT redriven_at, dropped_at FROM integrations.parked_records ORDER BY "offset"'
        )
        return [(row["redriven_at"] is not None, row["dropped_at"] is not None) for row in rows]


async def away() -> None:
    raise TransientError("away")


COMPACTED = ["customers", "federation", "projects"]
WEBHOOKS = ["salesforce", "companycam"]


def of_customer_sync(sync: CustomerSync, kind: str) -> Service:
    resources = sync.resources
    topic, handler, table, given = {
        "federation": (FEDERATION_KEYS, on_federation_keys, "customers.federation_keys", a_key),
        "projects": (PROJECTS_CHANGES, on_project_changes, "customers.project_facts", a_project),
        "salesforce": (WEBHOOKS_SALESFORCE, on_salesforce_webhooks, "customers.customers", a_message),
    }[kind]
    apply = partial(handler, resources=resources)
    return Service("customer-sync", topic, apply, resources.customers, resources.integrations, table, given)


def of_photo_sync(sync: PhotoSync, kind: str) -> Service:
    resources = sync.resources
    topic, handler, table, given = {
        "customers": (CUSTOMERS_CHANGES, on_customer_changes, "projects.customer_refs", a_customer),
        "companycam": (WEBHOOKS_COMPANYCAM, on_companycam_webhooks, "projects.companycam_records", a_webhook),
    }[kind]
    apply = partial(handler, resources=resources)
    return Service("photo-sync", topic, apply, resources.projects, resources.integrations, table, given)


def a_customer(version: int) -> KafkaRecord:
    return customer(samples.DOUGLAS, version)


def a_message(_: int) -> KafkaRecord:
    return salesforce_messages(samples.body("outbound_message_contacts.xml"))[0]


def a_webhook(_: int) -> KafkaRecord:
    return companycam_record(people.project())


@asynccontextmanager
async def service_of(kind: str, new_database: NewDatabase) -> AsyncIterator[Service]:
    integrations = await new_database(Database.INTEGRATIONS)
    if kind in {"customers", "companycam"}:
        async with photo_sync_on(await new_database(Database.PROJECTS), integrations) as photo:
            yield of_photo_sync(photo, kind)
    else:
        async with customer_sync_on(await new_database(Database.CUSTOMERS), integrations) as customers:
            yield of_customer_sync(customers, kind)


@pytest.fixture(params=COMPACTED)
async def service(request: pytest.FixtureRequest, new_database: NewDatabase) -> AsyncIterator[Service]:
    async with service_of(request.param, new_database) as made:
        yield made


@pytest.fixture(params=[*COMPACTED, *WEBHOOKS])
async def any_service(request: pytest.FixtureRequest, new_database: NewDatabase) -> AsyncIterator[Service]:
    async with service_of(request.param, new_database) as made:
        yield made


@pytest.mark.parametrize("attempts", [1, 2])
async def test_what_is_erased_while_its_redrive_is_in_hand_does_not_come_back(service: Service, attempts: int) -> None:
    await service.refuse(service.record(1, 5))
    service.meanwhile = [*[away] * (attempts - 1), partial(service.consume, service.erasure(9))]
    await service.ask()

    await service.redrive()

    assert await service.rows() == []
    assert await service.parked() == [(False, True)]


async def test_an_erasure_waits_for_a_redrive_that_has_written_and_not_committed(service: Service) -> None:
    await service.consume(service.record(1, 3))
    await service.refuse(service.record(2, 5))
    await service.ask()

    async with asyncio.TaskGroup() as tasks, service.own.acquire() as connection, connection.transaction():
        await connection.execute(f"SELECT FROM {service.table} FOR UPDATE")
        tasks.create_task(service.redrive())
        await waits(service.own, "transactionid")
        tasks.create_task(service.consume(service.erasure(9)))
        await waits(service.own, "advisory")

    assert await service.rows() == []


async def waits(pool: Pool, locktype: str) -> None:
    """Until a session waits for such a lock in this database."""
    waiting = """
        SELECT 1
          FROM pg_locks
          JOIN pg_stat_activity USING (pid)
         WHERE locktype = $1 AND NOT granted AND datname = current_database()
        """
    await until(partial(all_rows, pool, waiting, locktype), 4)


async def test_an_erasure_that_is_redriven_after_a_newer_record_changes_nothing(service: Service) -> None:
    await service.consume(service.record(1, 3))
    await service.refuse(service.erasure(5))
    await service.consume(service.record(2, 9))
    before = await service.rows()
    await service.ask()

    await service.redrive()

    assert [row["source_version"] for row in before] == [2]
    assert await service.rows() == before
    assert await service.parked() == [(False, True)]


@pytest.mark.parametrize("attempts", [1, 2])
async def test_a_newer_record_outlives_an_erasure_whose_redrive_is_in_hand(service: Service, attempts: int) -> None:
    await service.refuse(service.erasure(5))
    service.meanwhile = [*[away] * (attempts - 1), partial(service.consume, service.record(2, 9))]
    await service.ask()

    await service.redrive()

    assert [row["source_version"] for row in await service.rows()] == [2]


async def test_an_erasure_that_nothing_came_after_is_redriven(service: Service) -> None:
    other = replace(service.record(1, 9), partition=1)
    await service.consume(service.record(1, 3))
    await service.refuse(service.erasure(5))
    await service.consume(service.record(1, 3))  # as after the offsets were set back
    await service.consume(other)  # a partition has places of its own
    await service.ask()

    await service.redrive()

    assert await service.rows() == []
    assert await service.parked() == [(True, False)]


async def test_what_is_redriven_together_is_applied_in_its_order(service: Service) -> None:
    await service.consume(service.record(1, 2))
    await service.refuse(service.record(7, 3), service.erasure(5), service.record(2, 7))
    await service.ask()

    await service.redrive()

    assert [row["source_version"] for row in await service.rows()] == [2]
    assert await service.parked() == [(False, True), (True, False), (True, False)]


def _erased(service: Service) -> tuple[KafkaRecord, KafkaRecord]:
    return service.record(1, 5), service.erasure(9)


def _outlived(service: Service) -> tuple[KafkaRecord, KafkaRecord]:
    return service.erasure(5), service.record(2, 9)


OLD_AND_NEW: Final = pytest.mark.parametrize("old_and_new", [_erased, _outlived])
"""A record that is parked late, and the one that came after it in the topic."""
Pair = Callable[[Service], tuple[KafkaRecord, KafkaRecord]]


PARTS: Final = pytest.mark.parametrize(
    ("order", "at_most"), [(order, many) for order in permutations(range(3)) for many in (1, 2, 3)], ids=str
)
"""In which order three records were parked, and how many of them are redriven at once."""
ONE_SERVICE: Final = pytest.mark.parametrize("service", ["projects"], indirect=True)


@ONE_SERVICE
@PARTS
async def test_however_it_was_parked_a_record_outlives_an_erasure_that_came_before_it_in_the_topic(
    service: Service, order: tuple[int, ...], at_most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the offsets were set back, and a record of long ago was parked last."""
    monkeypatch.setattr(redrive, "MOST_RECORDS", at_most)
    said = service.record(1, 3), service.erasure(5), service.record(2, 9)
    for at in order:
        await service.refuse(said[at])
    await service.ask()

    await service.redrive()

    assert [row["source_version"] for row in await service.rows()] == [2]
    assert all(map(any, await service.parked()))


@ONE_SERVICE
@PARTS
async def test_however_it_was_parked_what_came_before_an_erasure_in_the_topic_stays_erased(
    service: Service, order: tuple[int, ...], at_most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "MOST_RECORDS", at_most)
    said = service.record(1, 3), service.record(2, 5), service.erasure(9)
    for at in order:
        await service.refuse(said[at])
    await service.ask()

    await service.redrive()

    assert await service.rows() == []
    assert [dropped for _, dropped in await service.parked()] == [True, True, False]


async def test_an_erasure_that_is_refused_beside_a_newer_record_is_not_to_be_redriven(service: Service) -> None:
    batch = Batch([service.erasure(5), service.record(2, 9)], {0: MISTAKE})

    await service.handler(batch)

    assert [row["source_version"] for row in await service.rows()] == [2]
    assert await service.parked() == [(False, True)]


@OLD_AND_NEW
async def test_what_is_refused_beside_what_came_after_it_is_never_there_to_be_redriven(
    service: Service, old_and_new: Pair
) -> None:
    """Not for a moment either: what came after it is applied by then."""
    failpoints.arm(["parking.park:after_commit=fail"])
    try:
        with pytest.raises(TransientError):
            await service.handler(Batch(old_and_new(service), {0: MISTAKE}))
    finally:
        failpoints.arm([])

    assert await service.parked() == [(False, True)]
    assert await all_rows(service.integrations, "SELECT FROM integrations.parked_records WHERE value IS NULL") != []


@OLD_AND_NEW
async def test_nor_is_it_where_it_was_redriven_before(service: Service, old_and_new: Pair) -> None:
    old, new = old_and_new(service)
    await service.refuse(old)
    await service.ask()
    await service.redrive()

    await service.handler(Batch([old, new], {0: MISTAKE}))

    assert [dropped for _, dropped in await service.parked()] == [True]


@pytest.mark.parametrize("attempts", [1, 3])
async def test_what_is_dropped_while_its_redrive_is_in_hand_is_not_applied(any_service: Service, attempts: int) -> None:
    service = any_service
    await service.refuse(service.record(1, 5))

    async def drop_it() -> None:
        await service.drop()
        if attempts > 1:
            await away()

    service.meanwhile = [*[away] * (attempts - 2), drop_it]
    await service.ask()

    await service.redrive()

    assert await service.rows() == []
    assert await service.parked() == [(False, True)]


async def test_the_others_of_its_slice_are_applied(any_service: Service) -> None:
    service = any_service
    await service.refuse(service.record(1, 5), replace(service.record(1, 6), partition=1))
    await service.ask()
    service.meanwhile = [partial(service.change, 'dropped_at = now(), redrive_asked_at = NULL WHERE "offset" = 5')]

    await service.redrive()

    assert len(await service.rows()) > 0
    assert await service.parked() == [(False, True), (True, False)]


async def test_what_is_dropped_after_it_was_applied_says_that_it_was(any_service: Service) -> None:
    service = any_service
    await service.refuse(service.record(1, 5))
    await service.ask()
    handler = service.handler

    async def apply_then_drop(batch: Batch) -> None:
        await handler(batch)
        await service.drop()

    service.handler = apply_then_drop
    await service.redrive()

    assert len(await service.rows()) > 0
    assert await service.parked() == [(True, True)]


@OLD_AND_NEW
async def test_f04_who_lost_its_partitions_parks_nothing(service: Service, old_and_new: Pair) -> None:
    """As a copy of the former release that wakes after its partitions went to one that reads what it cannot."""
    old, new = old_and_new(service)
    await service.consume(old)
    await service.consume(new)
    before = await service.rows()
    lease = Lease()
    lease.lapse()

    with pytest.raises(GivenUpError):
        await service.refuse(old, lease=lease)
    await service.ask()
    await service.redrive()

    assert await service.parked() == []
    assert await service.rows() == before


@OLD_AND_NEW
async def test_f04_who_is_missed_while_it_waits_for_the_park_parks_nothing(service: Service, old_and_new: Pair) -> None:
    """Whoever looked into the park before has not seen it, and may have been its next owner."""
    is_missed = asyncio.Event()

    async def ask() -> None:
        if is_missed.is_set():
            raise LeaseError

    park = "SELECT pg_advisory_xact_lock(hashtextextended('parked of ' || $1 || ' by ' || $2, 0))"
    async with service.integrations.acquire() as other, other.transaction():
        await other.execute(park, service.topic.name, service.name)
        late = asyncio.create_task(service.refuse(old_and_new(service)[0], lease=Lease(ask)))
        await waits(service.integrations, "advisory")
        is_missed.set()

    with pytest.raises(LeaseError):
        await late
    assert await service.parked() == []


@OLD_AND_NEW
async def test_f04_what_is_being_parked_is_seen_by_what_came_after_it(service: Service, old_and_new: Pair) -> None:
    """As where a process is frozen between its look and its commit: that ends with its transaction, after 15 s."""
    old, new = old_and_new(service)
    async with asyncio.TaskGroup() as tasks, service.integrations.acquire() as frozen, frozen.transaction():
        await frozen.execute("LOCK TABLE integrations.parked_records IN SHARE MODE")
        tasks.create_task(service.refuse(old))
        await waits(service.integrations, "relation")
        tasks.create_task(service.consume(new))
        await waits(service.integrations, "advisory")

    assert await service.parked() == [(False, True)]


async def test_f04_what_another_copy_redrove_is_not_open_again_where_a_frozen_one_refuses_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure that was done with, and so was not dropped by the record that came after it."""
    monkeypatch.setattr(redrive, "SESSION_IDLE_LIMIT", "1s")  # a busy machine takes long for the rest
    await service.consume(service.record(1, 3))
    await service.refuse(service.erasure(5))
    await service.ask()

    async def frozen(batch: Batch) -> None:
        await until(service.copy(service.handler).once)
        await service.consume(service.record(2, 9))
        await service.handler(Batch(batch.records, {0: MISTAKE}))

    await service.copy(frozen).once()
    await service.ask()
    await service.redrive()

    assert await service.parked() == [(True, False)]
    assert [row["source_version"] for row in await service.rows()] == [2]


async def test_f25_parking_redriving_and_deciding_at_once_do_not_deadlock(service: Service) -> None:
    said = [service.record(1, 3), service.erasure(5), service.record(2, 9), service.erasure(11)]
    decisions = "redrive_asked_at = now()", "dropped_at = now(), redrive_asked_at = NULL"

    async def decide(assignments: str) -> None:
        async with service.integrations.acquire() as connection:
            await records.change(connection, assignments, f"WHERE {records.OPEN}")

    for _ in range(10):
        await service.change("dropped_at = NULL, redriven_at = NULL, redrive_asked_at = now()")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(service.refuse(*said))
            tasks.create_task(service.consume(*said[:2]))
            tasks.create_task(service.consume(*said[2:]))
            tasks.create_task(service.redrive())
            tasks.create_task(service.apply(Batch(said, {1: MISTAKE, 2: MISTAKE})))
            for one in decisions:
                tasks.create_task(decide(one))
