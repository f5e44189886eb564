"""A database that was put back has forgotten versions that were published: none is used for another content."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import asyncpg
import pytest

from paintbox.databases import Database
from support.changes import change
from support.notifications import KafkaRecord
from support.people import NOW, customer, project
from support.postgres import NewDatabase
from support.samples import GERALDINE
from support.services import (
    CustomerSync,
    PhotoSync,
    all_rows,
    customer_sync_on,
    of_topic,
    one_row,
    photo_sync_on,
    value_of,
)
from synckit.contracts.headers import decode
from synckit.contracts.topics import FEDERATION_KEYS, PROJECTS_CHANGES
from synckit.postgres import Pool

pytestmark = pytest.mark.database

CREATED: Final = change(10, "CREATE", LastName="Hunting", Email="douglas@example.com")
LATE: Final = (
    change(5, FirstName="Doug"),
    change(6, Title="Dr", Description="x", Phone="+15035550100"),
    change(7, FirstName="Douglas", MobilePhone="+15035550101", Phone="+15035550199"),
)
"""Older than the creation; each fills what nothing has filled, or what an older one has."""
ROW: Final = "SELECT first_name || ' ' || last_name AS name, source_version FROM customers.customers"
REF: Final = "SELECT name, source_version FROM projects.customer_refs"
PROJECT: Final = "SELECT name, customer_id, deleted_at IS NULL AS is_alive, source_version FROM projects.projects"
FACT: Final = "SELECT name, customer_id, deleted_at IS NULL AS is_alive, source_version FROM customers.project_facts"
OWNED: Final = """
SELECT external_id AS customer_id, deleted_at IS NULL AS is_alive, source_version
  FROM projects.federation_keys ORDER BY 1
"""
COUNTERPARTS: Final = """
SELECT local_id::text AS customer_id, deleted_at IS NULL AS is_alive, source_version
  FROM customers.federation_keys ORDER BY 1
"""


class Services:
    """Services on databases of their own, whenever a test asks for one."""

    def __init__(self, new_database: NewDatabase, stack: AsyncExitStack) -> None:
        self._new_database = new_database
        self._stack = stack

    async def customers(self) -> CustomerSync:
        """customer_sync; an empty paintbox_customers."""
        dsns = [await self._new_database(one) for one in (Database.CUSTOMERS, Database.INTEGRATIONS)]
        return await self._stack.enter_async_context(customer_sync_on(*dsns))

    async def photos(self) -> PhotoSync:
        """photo_sync; an empty paintbox_projects."""
        dsns = [await self._new_database(one) for one in (Database.PROJECTS, Database.INTEGRATIONS)]
        return await self._stack.enter_async_context(photo_sync_on(*dsns))


@pytest.fixture
async def services(new_database: NewDatabase) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        yield Services(new_database, stack)


def version_of(record: KafkaRecord) -> int:
    version: int = value_of(record)["source_version"]
    return version


async def raise_floor(pool: Pool, schema: str, records: Sequence[KafkaRecord]) -> int:
    """Above all that was published, as `paintbox restored` does it."""
    floor = max(map(version_of, records)) + 1
    async with pool.acquire() as connection:
        await connection.execute(f"INSERT INTO {schema}.version_floor (version) VALUES ($1)", floor)
    return floor


def stand_for_one_content_each(records: Sequence[KafkaRecord]) -> bool:
    """Whether, key by key, versions rise, and no id of an event stands for two records."""
    by_key: dict[Any, list[int]] = {}
    for record in records:
        by_key.setdefault(record.key, []).append(version_of(record))
    ids = {decode(record.headers).id for record in records}
    return all(found == sorted(set(found)) for found in by_key.values()) and len(ids) == len(records)


async def read_by_photo_sync(services: Services, topic: Sequence[KafkaRecord]) -> dict[str, Any]:
    reader = await services.photos()
    for record in topic:
        await reader.customers([record])
    return await one_row(reader.resources.projects, REF)


async def read_by_customer_sync(services: Services, topic: Sequence[KafkaRecord]) -> tuple[dict[str, Any], Any]:
    reader = await services.customers()
    for record in topic:
        await reader.projects(of_topic([record], PROJECTS_CHANGES.name))
        await reader.federation(of_topic([record], FEDERATION_KEYS.name))
    pool = reader.resources.customers
    return await one_row(pool, FACT), await all_rows(pool, COUNTERPARTS)


async def test_f14_f28_a_customer_that_is_read_again_after_a_restore_is_newer_than_what_was_published(
    services: Services,
) -> None:
    before, restored = await services.customers(), await services.customers()
    for event in (CREATED, *LATE[:2]):
        await before.events(event)
    topic = await before.published()
    await restored.events(CREATED)  # what the backup holds
    await restored.published()
    await raise_floor(restored.resources.customers, "customers", topic)

    await restored.events(CREATED, *LATE[:2])  # the offsets were set back: one batch, as a backlog is
    await restored.events(LATE[2])
    topic += await restored.published()

    row = await one_row(restored.resources.customers, ROW)
    assert row["name"] == "Douglas Hunting"
    assert await read_by_photo_sync(services, topic) == row
    assert await read_by_photo_sync(services, topic[-1:]) == row
    assert stand_for_one_content_each(topic)


async def test_f14_f28_a_customer_that_the_database_has_forgotten_is_inserted_above_what_was_published(
    services: Services,
) -> None:
    before, restored = await services.customers(), await services.customers()
    for event in (CREATED, *LATE[:2]):
        await before.events(event)
    topic = await before.published()
    await raise_floor(restored.resources.customers, "customers", topic)

    await restored.events(CREATED, *LATE)
    topic += await restored.published()

    row = await one_row(restored.resources.customers, ROW)
    assert await read_by_photo_sync(services, topic) == row
    assert stand_for_one_content_each(topic)


async def test_f14_f28_a_project_that_is_read_again_after_a_restore_is_newer_than_what_was_published(
    services: Services,
) -> None:
    before, restored = await services.photos(), await services.photos()
    douglas, geraldine = customer(), customer(GERALDINE, email=None)
    event = project(updated_at=NOW, integrations=[{"type": "Salesforce", "relation_id": GERALDINE}])
    await before.customers([douglas])
    await before.events(event)  # his, by the e-mail address
    await before.customers([geraldine])  # hers, by the Salesforce record: one version more, and no fact of the project
    topic = await before.published()
    await raise_floor(restored.resources.projects, "projects", topic)

    await restored.customers([douglas, geraldine])
    await restored.events(event)
    topic += await restored.published()

    pool = restored.resources.projects
    fact, counterparts = await read_by_customer_sync(services, topic)
    assert fact == await one_row(pool, PROJECT)
    assert [one for one in counterparts if one["is_alive"]] == await all_rows(pool, OWNED)
    assert stand_for_one_content_each(topic)


async def test_f14_f28_what_is_the_same_again_after_a_restore_is_told_to_readers_who_know_what_was_in_between(
    services: Services,
) -> None:
    before, restored = await services.photos(), await services.photos()
    states = ("active", "deleted", "active")
    events = [project(updated_at=NOW + 10 * at, status=status) for at, status in enumerate(states)]
    for sync in (before, restored):
        await sync.customers([customer()])
        await sync.events(events[0])
    await before.events(events[1])
    topic = await before.published()  # what the last event made was committed, and lost before it was published
    await restored.published()
    floor = await raise_floor(restored.resources.projects, "projects", topic)

    await restored.events(*events)
    topic += await restored.published()

    pool = restored.resources.projects
    row = await one_row(pool, PROJECT)
    assert (row["is_alive"], row["source_version"] >= floor) == (True, True)
    assert await read_by_customer_sync(services, topic) == (row, await all_rows(pool, OWNED))
    assert stand_for_one_content_each(topic)


async def test_f14_f28_a_project_that_the_database_has_forgotten_and_reads_again_as_deleted_is_retired_at_readers(
    services: Services,
) -> None:
    before, restored = await services.photos(), await services.photos()
    created, deleted = project(updated_at=NOW), project("project.deleted", NOW + 10, updated_at=NOW)
    for sync in (before, restored):
        await sync.customers([customer()])
    await before.events(created)
    topic = await before.published()
    await raise_floor(restored.resources.projects, "projects", topic)

    await restored.events(created, deleted)
    again = await restored.published()  # with a request to read the project, which a deletion makes
    topic += [one for name in (PROJECTS_CHANGES.name, FEDERATION_KEYS.name) for one in of_topic(again, name)]

    pool = restored.resources.projects
    row, owned = await one_row(pool, PROJECT), await all_rows(pool, OWNED)
    assert (row["is_alive"], [one["is_alive"] for one in owned]) == (False, [False])
    assert await read_by_customer_sync(services, topic) == (row, owned)
    assert stand_for_one_content_each(topic)


async def test_a_row_below_the_floor_is_announced_once_and_is_no_change_to_a_person(services: Services) -> None:
    sync = await services.customers()
    await sync.events(CREATED)
    floor = await raise_floor(sync.resources.customers, "customers", await sync.published())
    query = "SELECT version, updated_at FROM customers.customers"
    before = await one_row(sync.resources.customers, query)

    for second in (11, 12):
        await sync.events(change(second, LastName="Hunting"))
    again = await sync.published()

    assert [version_of(one) >= floor for one in again] == [True]
    assert await one_row(sync.resources.customers, query) == before


@pytest.mark.parametrize(
    ("version", "constraint"), [(0, "version_floor_is_a_version"), (6, "version_floor_pkey")], ids=["none", "second"]
)
async def test_there_is_one_floor_and_it_is_a_version(services: Services, version: int, constraint: str) -> None:
    pool = (await services.customers()).resources.customers
    await pool.execute("INSERT INTO customers.version_floor (version) VALUES (5)")

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=constraint):
        await pool.execute("INSERT INTO customers.version_floor (version) VALUES ($1)", version)
