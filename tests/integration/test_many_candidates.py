"""What is read and kept of who matches a project is bounded, however many do; whose it is, is not decided otherwise."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import pytest

from paintbox.databases import Database
from photo_sync.handlers import held
from photo_sync.models.matching import MOST_CANDIDATES, Candidate
from photo_sync.store.candidates import list_candidates, list_projects_of
from support.people import customer, project
from support.postgres import NewDatabase
from support.samples import ACME, DOUGLAS
from support.services import PhotoSync, all_rows, photo_sync_on
from synckit.identity import customer_id

pytestmark = pytest.mark.database

NOBODYS: Final = "+15035550199"
"""A number that is entered where there is none."""
TYPED: Final = {"name": "D", "phone_number": "(503) 555-0199"}


@pytest.fixture
async def sync(new_database: NewDatabase) -> AsyncIterator[PhotoSync]:
    projects, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(projects, integrations) as service:
        yield service


async def know(sync: PhotoSync, many: int, phone: str | None = None, account: str | None = None) -> None:
    """So many customers more, as customer_sync would tell of them."""
    await sync.resources.projects.execute(
        """
        INSERT INTO projects.customer_refs (customer_id, salesforce_ids, phone, name, source_version)
        SELECT gen_random_uuid(), array_remove(ARRAY['003' || number, $3::text], NULL), $2, 'Somebody', 1
          FROM generate_series(1, $1::int) AS number
        """,
        many,
        phone,
        account,
    )


async def found(sync: PhotoSync, project_ids: Sequence[str]) -> dict[str, list[Candidate]]:
    async with sync.resources.projects.acquire() as connection:
        return await list_candidates(connection, project_ids)


async def matches(sync: PhotoSync) -> list[dict[str, Any]]:
    return await all_rows(sync.resources.projects, "SELECT * FROM projects.customer_matches ORDER BY project_id")


async def test_of_many_who_share_a_placeholder_a_few_are_read_and_kept_for_each_of_many_projects(
    sync: PhotoSync,
) -> None:
    await know(sync, 1_000, phone=NOBODYS)
    ids = [str(94_200_000 + number) for number in range(200)]

    await sync.events(*(project(id=one, primary_contact=TYPED) for one in ids))
    await held.Net(sync.resources).look_again()

    candidates = await found(sync, ids)
    assert {row["state"] for row in await matches(sync)} == {"ambiguous"}
    assert {len(row["candidates"]) for row in await matches(sync)} == {MOST_CANDIDATES}
    assert {len(some) for some in candidates.values()} == {MOST_CANDIDATES}
    assert len({id(one) for some in candidates.values() for one in some}) == MOST_CANDIDATES, "looked up once for all"


async def test_a_project_stays_whose_it_is_however_many_match_before_its_customer(sync: PhotoSync) -> None:
    await know(sync, 5 * MOST_CANDIDATES, phone=NOBODYS)
    await sync.customers([customer(phone=NOBODYS)])
    await sync.events(project(primary_contact=TYPED))
    owner = customer_id(DOUGLAS)
    await sync.resources.projects.execute(
        "UPDATE projects.customer_matches SET customer_id = $1, basis = 'published', state = 'matched'", owner
    )

    await sync.customers([customer(DOUGLAS, 2, phone=NOBODYS)])

    (match,) = await matches(sync)
    (row,) = await all_rows(sync.resources.projects, "SELECT customer_id FROM projects.projects")
    assert (match["state"], match["customer_id"], match["basis"]) == ("contested", owner, "phone")
    assert (len(match["candidates"]), owner in match["candidates"]) == (MOST_CANDIDATES, False)
    assert row["customer_id"] == owner


async def test_an_account_of_fifty_thousand_contacts_says_nothing_and_costs_each_project_nothing(
    sync: PhotoSync,
) -> None:
    await know(sync, 50_000, account=ACME)
    await sync.customers([customer()])
    ids = [str(94_200_000 + number) for number in range(30)]
    relation = [{"type": "Salesforce", "relation_id": ACME}]

    await sync.events(*(project(id=one, integrations=relation) for one in ids))

    candidates = await found(sync, ids)
    some = await all_rows(sync.resources.projects, "SELECT customer_id FROM projects.customer_refs LIMIT 1000")
    async with sync.resources.projects.acquire() as connection:
        asked = await list_projects_of(connection, [row["customer_id"] for row in some], "", 1_000)
    assert {(row["state"], row["customer_id"], row["basis"]) for row in await matches(sync)} == {
        ("matched", customer_id(DOUGLAS), "email")
    }
    assert max(map(len, candidates.values())) <= MOST_CANDIDATES + 3, "and its customer, by both"
    assert asked == ids
