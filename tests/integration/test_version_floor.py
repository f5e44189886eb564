"""A database that was put back has forgotten versions that were published: none is used for another content."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import asyncpg
import pytest

from support.changes import change
from support.people import NOW, customer, project
from support.postgres import NewDatabase
from support.restores import (
    OWNED,
    PROJECT,
    Services,
    raise_floor,
    read_by_customer_sync,
    read_by_photo_sync,
    stand_for_one_content_each,
    version_of,
)
from support.samples import GERALDINE
from support.services import all_rows, of_topic, one_row
from synckit.contracts.topics import FEDERATION_KEYS, PROJECTS_CHANGES

pytestmark = pytest.mark.database

CREATED: Final = change(10, "CREATE", LastName="Hunting", Email="douglas@example.com")
LATE: Final = (
    change(5, FirstName="Doug"),
    change(6, Title="Dr", Description="x", Phone="+15035550100"),
    change(7, FirstName="Douglas", MobilePhone="+15035550101", Phone="+15035550199"),
)
"""Older than the creation; each fills what nothing has filled, or what an older one has."""
ROW: Final = "SELECT first_name || ' ' || last_name AS name, source_version FROM customers.customers"


@pytest.fixture
async def services(new_database: NewDatabase) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        yield Services(new_database, stack)


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
