"""Whose projects are stays as it was published, in a database that was put back: it takes that over from the topics."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

import pytest

from paintbox import relationships
from paintbox.databases import Database
from paintbox.relationships import Lacking
from paintbox.restored import Published
from support.notifications import KafkaRecord
from support.people import NOW, customer, project
from support.postgres import NewDatabase
from support.restores import (
    OWNED,
    PROJECT,
    Services,
    raise_floor,
    read_by_customer_sync,
    stand_for_one_content_each,
)
from support.samples import DOUGLAS, GERALDINE
from support.services import PhotoSync, all_rows, of_topic, one_row, value_of
from synckit.contracts.topics import FEDERATION_KEYS, PROJECTS_CHANGES
from synckit.identity import customer_id
from synckit.postgres import Connection

pytestmark = pytest.mark.database

MATCH: Final = "SELECT customer_id, basis, state FROM projects.customer_matches"
BY_RELATION: Final[Any] = [{"type": "Salesforce", "relation_id": GERALDINE}]


@pytest.fixture
async def services(new_database: NewDatabase) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        yield Services(new_database, stack)


async def take_over(restored: PhotoSync, topic: Sequence[KafkaRecord]) -> Lacking:
    """As `paintbox restored projects` does it; what it takes over, which it does not take over a second time."""
    await raise_floor(restored.resources.projects, "projects", topic)
    published = Published(Database.PROJECTS, NOW * 1000, [])
    published.take(topic)
    async with restored.resources.projects.acquire() as connection:
        lacking, again = [await _restored(connection, published) for _ in range(2)]
    assert again == Lacking()
    return lacking


async def _restored(connection: Connection, published: Published) -> Lacking:
    lacking = await published.relationships.find_lacking(connection)
    async with connection.transaction():
        await relationships.restore(connection, lacking)
    return lacking


async def projects_and_keys(sync: PhotoSync) -> list[KafkaRecord]:
    records = await sync.published()
    return [one for name in (PROJECTS_CHANGES.name, FEDERATION_KEYS.name) for one in of_topic(records, name)]


async def test_f14_f28_a_project_stays_its_customers_where_another_matches_it_as_well_when_it_is_read_again(
    services: Services,
) -> None:
    before, restored = await services.photos(), await services.photos()
    douglas, geraldine, event = customer(), customer(GERALDINE), project(updated_at=NOW)  # one e-mail address
    await before.customers([douglas])
    await before.events(event)
    await before.customers([geraldine])
    topic = await projects_and_keys(before)

    lacking = await take_over(restored, topic)
    unread = await all_rows(restored.resources.projects, PROJECT)
    await restored.customers([douglas, geraldine])
    await restored.events(event)
    topic += await projects_and_keys(restored)

    pool = restored.resources.projects
    assert (len(lacking.keys), list(lacking.matches.values())) == (1, [customer_id(DOUGLAS)])
    assert unread == []
    assert await one_row(pool, MATCH) == await one_row(before.resources.projects, MATCH)
    assert await read_by_customer_sync(services, topic) == (await one_row(pool, PROJECT), await all_rows(pool, OWNED))


async def test_f14_f28_a_project_stays_its_customers_who_no_longer_matches_when_it_is_read_again(
    services: Services,
) -> None:
    before, restored = await services.photos(), await services.photos()
    moved, geraldine, event = customer(DOUGLAS, 9, email="other@example.com"), customer(GERALDINE), project()
    await before.customers([customer()])
    await before.events(event)
    await before.customers([moved, geraldine])
    topic = await projects_and_keys(before)

    await take_over(restored, topic)
    await restored.customers([moved, geraldine])
    await restored.events(event)
    topic += await projects_and_keys(restored)

    pool = restored.resources.projects
    row = await one_row(pool, PROJECT)
    assert row["customer_id"] == customer_id(DOUGLAS)
    assert await read_by_customer_sync(services, topic) == (row, await all_rows(pool, OWNED))
    assert stand_for_one_content_each(topic)


async def test_f14_f28_a_newer_match_of_the_topic_replaces_the_one_that_the_backup_has(services: Services) -> None:
    before, restored = await services.photos(), await services.photos()
    douglas, geraldine = customer(), customer(GERALDINE, email=None)
    event = project(updated_at=NOW, integrations=BY_RELATION)
    for sync in (before, restored):
        await sync.customers([douglas])
        await sync.events(event)
    await restored.published()
    await before.customers([geraldine])
    topic = await projects_and_keys(before)

    lacking = await take_over(restored, topic)
    await restored.customers([geraldine])
    topic += await projects_and_keys(restored)

    pool = restored.resources.projects
    row, owned = await one_row(pool, PROJECT), await all_rows(pool, OWNED)
    living = [one["customer_id"] for one in owned if one["is_alive"]]
    assert list(lacking.matches.values()) == [customer_id(GERALDINE)]
    assert (row["customer_id"], living) == (customer_id(GERALDINE), [str(customer_id(GERALDINE))])
    assert await one_row(pool, MATCH) == await one_row(before.resources.projects, MATCH)
    assert await read_by_customer_sync(services, topic) == (row, owned)


async def test_f14_f28_a_relationship_that_the_database_has_forgotten_ends_where_it_no_longer_holds(
    services: Services,
) -> None:
    before, restored = await services.photos(), await services.photos()
    created, deleted = project(updated_at=NOW), project("project.deleted", NOW + 10, updated_at=NOW)
    await before.customers([customer()])
    await before.events(created)
    topic = await projects_and_keys(before)

    await take_over(restored, topic)
    await restored.events(created, deleted)  # and of his customer nothing is known yet
    topic += await projects_and_keys(restored)

    pool = restored.resources.projects
    row, owned = await one_row(pool, PROJECT), await all_rows(pool, OWNED)
    assert (row["is_alive"], [one["is_alive"] for one in owned]) == (False, [False])
    assert await read_by_customer_sync(services, topic) == (row, owned)
    assert stand_for_one_content_each(topic)


async def test_of_two_living_relationships_of_a_project_the_newest_counts_and_the_other_ends(
    services: Services,
) -> None:
    before, restored = await services.photos(), await services.photos()
    event = project(updated_at=NOW)
    await before.customers([customer()])
    await before.events(event)
    changed, key = await projects_and_keys(before)
    topic = [changed, key, of_another(key, str(customer_id(GERALDINE)), older_by=1)]

    lacking = await take_over(restored, topic)
    await restored.customers([customer(), customer(GERALDINE)])
    await restored.events(event)
    topic += await projects_and_keys(restored)

    pool = restored.resources.projects
    row, owned = await one_row(pool, PROJECT), await all_rows(pool, OWNED)
    assert (len(lacking.keys), list(lacking.matches.values())) == (2, [customer_id(DOUGLAS)])
    assert [one["customer_id"] for one in owned if one["is_alive"]] == [str(customer_id(DOUGLAS))]
    assert await read_by_customer_sync(services, topic) == (row, owned)


def of_another(key: KafkaRecord, customer: str, older_by: int) -> KafkaRecord:
    """The same project's relationship with another customer."""
    value = value_of(key)
    changes = {"external_id": customer, "source_version": value["source_version"] - older_by}
    name = (key.key or b"").replace(value["external_id"].encode(), customer.encode())
    return replace(key, key=name, value=json.dumps(value | changes).encode())


async def test_what_is_no_projects_relationship_or_is_erased_is_not_taken_over(services: Services) -> None:
    before, restored = await services.photos(), await services.photos()
    await before.customers([customer()])
    await before.events(project(updated_at=NOW))
    changed, key = await projects_and_keys(before)
    erased = replace(key, value=None)
    topic = [changed, key, erased, of_another(key, "no UUID", older_by=0)]
    published = Published(Database.PROJECTS, NOW * 1000, [])
    published.take(topic)

    async with restored.resources.projects.acquire() as connection:
        lacking = await published.relationships.find_lacking(connection)

    assert lacking == Lacking()
