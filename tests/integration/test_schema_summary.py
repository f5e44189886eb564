from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from paintbox.databases import Connection
from support.rows import a_customer, insert

pytestmark = pytest.mark.database

TIERS = {"good_price": Decimal(100), "better_price": Decimal(200), "best_price": Decimal(300)}


async def an_estimate(connection: Connection, customer_id: UUID, **changes: object) -> None:
    values: dict[str, Any] = {"estimate_id": uuid4(), "customer_id": customer_id, **TIERS}
    await insert(connection, "customers.estimate_facts", **values | changes)


async def a_project_fact(connection: Connection, customer_id: UUID, **changes: object) -> None:
    values: dict[str, Any] = {"project_id": uuid4(), "customer_id": customer_id, "status": "PLANNING"}
    await insert(connection, "customers.project_facts", **values | changes)


async def summary(connection: Connection, customer_id: UUID) -> asyncpg.Record | None:
    await connection.execute("SELECT customers.refresh_customer_summary()")
    row: asyncpg.Record | None = await connection.fetchrow(
        "SELECT * FROM customers.customer_summary WHERE id = $1", customer_id
    )
    return row


async def test_a_customer_without_anything_has_zeros(customers: Connection) -> None:
    customer = await a_customer(customers)

    row = await summary(customers, customer["id"])

    assert row is not None
    assert (row["estimate_count"], row["total_estimate_value"]) == (0, 0)
    assert (row["project_count"], row["active_project_count"]) == (0, 0)
    assert row["last_activity_date"] == customer["updated_at"]


async def test_an_estimate_counts_for_the_chosen_tier_and_for_nothing_before_the_choice(customers: Connection) -> None:
    customer = await a_customer(customers)
    for tier in ("GOOD", "BETTER", "BEST", None):
        await an_estimate(customers, customer["id"], selected_tier=tier)

    row = await summary(customers, customer["id"])

    assert row is not None
    assert (row["estimate_count"], row["total_estimate_value"]) == (4, Decimal(600))


async def test_estimates_without_a_choice_are_worth_zero(customers: Connection) -> None:
    customer = await a_customer(customers)
    await an_estimate(customers, customer["id"], selected_tier=None)

    row = await summary(customers, customer["id"])

    assert row is not None
    assert (row["estimate_count"], row["total_estimate_value"]) == (1, 0)


async def test_projects_are_counted_and_the_active_ones_apart_also_in_a_state_that_we_do_not_know(
    customers: Connection,
) -> None:
    customer = await a_customer(customers)
    for status in ("SCHEDULED", "IN_PROGRESS", "COMPLETED", "INVENTED_LATER"):
        await a_project_fact(customers, customer["id"], status=status)

    row = await summary(customers, customer["id"])

    assert row is not None
    assert (row["project_count"], row["active_project_count"]) == (4, 2)


async def test_what_is_deleted_counts_nowhere(customers: Connection) -> None:
    now = datetime.now(UTC)
    customer, gone = await a_customer(customers), await a_customer(customers, deleted_at=now)
    await an_estimate(customers, customer["id"], selected_tier="BEST", deleted_at=now)
    await a_project_fact(customers, customer["id"], deleted_at=now)

    row = await summary(customers, customer["id"])

    assert row is not None
    assert (row["estimate_count"], row["project_count"]) == (0, 0)
    assert await summary(customers, gone["id"]) is None


async def test_the_last_activity_is_the_latest_of_customer_estimates_and_projects(customers: Connection) -> None:
    later = datetime(2031, 1, 1, tzinfo=UTC)
    customer = await a_customer(customers)
    await an_estimate(customers, customer["id"], created_at=datetime(2020, 1, 1, tzinfo=UTC))
    await a_project_fact(customers, customer["id"], created_at=later)

    row = await summary(customers, customer["id"])

    assert row is not None
    assert row["last_activity_date"] == later


async def test_a_view_that_was_never_populated_is_refreshed_too(customers: Connection) -> None:
    customer = await a_customer(customers)
    await customers.execute("REFRESH MATERIALIZED VIEW customers.customer_summary WITH NO DATA")

    row = await summary(customers, customer["id"])

    assert row is not None
