"""Relationships said by one service and mirrored by the other, in any order, as often as they come."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from paintbox.databases import Database
from support.postgres import NewDatabase
from support.relationships import CUSTOMER, MADE, PROJECT, a_key, a_project
from support.services import CustomerSync, all_rows, customer_sync_on
from synckit import versions

pytestmark = pytest.mark.database


@pytest.fixture
async def sync(new_database: NewDatabase) -> AsyncIterator[CustomerSync]:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    async with customer_sync_on(customers, integrations) as service:
        yield service


async def keys(sync: CustomerSync) -> list[dict[str, Any]]:
    return await all_rows(sync.resources.customers, "SELECT * FROM customers.federation_keys ORDER BY external_id")


async def test_a_key_is_mirrored_with_both_sides_swapped(sync: CustomerSync) -> None:
    await sync.federation([a_key()])

    (row,) = await keys(sync)
    assert (row["local_id"], row["local_table"]) == (CUSTOMER, "customers")
    assert (row["external_service"], row["external_table"], row["external_id"]) == (
        "projects",
        "projects",
        str(PROJECT),
    )
    assert (row["is_owner"], row["created_at"], row["relationship_type"]) == (False, MADE, "one_to_many")
    assert await sync.published() == []


async def test_only_a_greater_version_changes_a_key(sync: CustomerSync) -> None:
    await sync.federation([a_key(2, deleted_at=MADE)])

    await sync.federation([a_key(1), a_key(2)])
    kept = await keys(sync)
    await sync.federation([a_key(3)])
    revived = await keys(sync)

    assert [row["deleted_at"] for row in kept] == [MADE]
    assert [row["deleted_at"] for row in revived] == [None]


async def test_what_is_between_others_is_not_ours(sync: CustomerSync) -> None:
    await sync.federation([a_key(external_service="estimates", external_table="estimates")])

    assert await keys(sync) == []


async def test_a_null_value_erases_and_what_follows_counts_again(sync: CustomerSync) -> None:
    await sync.federation([a_key(7)])

    await sync.federation([replace(a_key(), value=None)])
    erased = await keys(sync)
    await sync.federation([a_key(8), replace(a_key(), value=None), a_key(2)])
    again = await keys(sync)

    assert erased == []
    assert [row["source_version"] for row in again] == [2]


async def test_what_was_parked_before_an_erasure_is_dropped_with_its_bytes(sync: CustomerSync) -> None:
    unreadable, other = replace(a_key(7), value=b"{}"), replace(a_key(7), key=b"x")

    await sync.federation([unreadable, other, replace(a_key(), value=None), unreadable])

    parked = await all_rows(
        sync.resources.integrations, 'SELECT value, dropped_at FROM integrations.parked_records ORDER BY "offset"'
    )
    assert [(row["value"] is None, row["dropped_at"] is None) for row in parked] == [
        (True, False),
        (False, True),
        (False, True),
    ]


async def test_b74_records_whose_key_is_not_their_own_are_parked(sync: CustomerSync) -> None:
    strangers = [
        replace(a_key(), key=b"x"),
        replace(a_key(), key=None),
        replace(a_key(), key=b"\xff", value=None),
        a_key(external_id="no uuid"),
        replace(a_key(), value=b"{}"),
    ]

    await sync.federation([*strangers, a_key()])

    parked = await all_rows(
        sync.resources.integrations, 'SELECT reason_code, consumer FROM integrations.parked_records ORDER BY "offset"'
    )
    assert [row["reason_code"] for row in parked] == ["key_mismatch"] * 4 + ["malformed_value"]
    assert {row["consumer"] for row in parked} == {"customer-sync"}
    assert len(await keys(sync)) == 1


@pytest.mark.parametrize("greatest", [2**63 - 1, versions.pushed(4_000_000_000_000)], ids=["bigint", "2096"])
async def test_b76_a_version_of_a_time_that_is_yet_to_come_is_parked_and_what_follows_counts(
    sync: CustomerSync, greatest: int
) -> None:
    await sync.federation([a_key(greatest), a_key(5)])
    await sync.projects([a_project(greatest), a_project(5)])

    (key,) = await keys(sync)
    (fact,) = await all_rows(sync.resources.customers, "SELECT source_version FROM customers.project_facts")
    parked = await all_rows(sync.resources.integrations, "SELECT reason_code FROM integrations.parked_records")
    assert (key["source_version"], fact["source_version"]) == (5, 5)
    assert [row["reason_code"] for row in parked] == ["implausible_version"] * 2


async def test_another_spelling_of_an_id_is_parked_and_no_second_key_of_one_row(sync: CustomerSync) -> None:
    spelled = "0000000a-0000-0000-0000-00000000000b"

    batch = await sync.federation([a_key(1, external_id=spelled), a_key(2, external_id=spelled.upper())])

    assert sorted(batch.condemned) == [1]
    assert [row["source_version"] for row in await keys(sync)] == [1]


async def test_projects_become_facts_and_only_greater_versions_count(sync: CustomerSync) -> None:
    await sync.projects([a_project(5, status="SCHEDULED"), a_project(4)])

    await sync.projects([a_project(5, status="REVIEW")])

    (fact,) = await all_rows(sync.resources.customers, "SELECT * FROM customers.project_facts")
    assert (fact["project_id"], fact["customer_id"], fact["status"]) == (PROJECT, CUSTOMER, "SCHEDULED")


async def test_an_erased_project_is_forgotten_and_a_key_that_is_no_uuid_parked(sync: CustomerSync) -> None:
    await sync.projects([a_project()])

    batch = await sync.projects([replace(a_project(), value=None), replace(a_project(), key=b"x", value=None)])

    assert await all_rows(sync.resources.customers, "SELECT 1 FROM customers.project_facts") == []
    assert sorted(batch.condemned) == [1]


@pytest.mark.parametrize("spelled", [f"urn:uuid:{PROJECT}", f"{{{PROJECT}}}", PROJECT.hex])
async def test_an_erasure_under_another_spelling_of_a_key_forgets_nothing_and_is_parked(
    sync: CustomerSync, spelled: str
) -> None:
    await sync.projects([a_project()])

    batch = await sync.projects([replace(a_project(), key=spelled.encode(), value=None)])

    assert len(await all_rows(sync.resources.customers, "SELECT 1 FROM customers.project_facts")) == 1
    assert sorted(batch.condemned) == [0]
