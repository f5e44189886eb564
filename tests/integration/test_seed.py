from datetime import date
from decimal import Decimal

import pytest

from paintbox.databases import Database, DatabaseError
from paintbox.seed import Seeded, seed
from support.postgres import NewDatabase, OpenSession

pytestmark = pytest.mark.database


async def test_the_sample_customers_are_those_of_the_design(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(Database.CUSTOMERS)

    seeded = await seed(dsn, Database.CUSTOMERS)

    rows = await (await connect(dsn)).fetch(
        """
        SELECT id::text, first_name, last_name, email, company, account_type, mailing_street, mailing_city,
               mailing_state, mailing_postal_code, created_by::text
          FROM customers.customers ORDER BY id
        """
    )
    assert seeded == [Seeded("customers.customers", inserted=2, present=0)]
    assert [tuple(row) for row in rows] == [
        (
            "550e8400-e29b-41d4-a716-446655440001",
            *("John", "Smith", "john.smith@example.com", "Smith Enterprises", "COMMERCIAL"),
            *("123 Business Ave", "Portland", "OR", "97201", "550e8400-e29b-41d4-a716-446655440000"),
        ),
        (
            "550e8400-e29b-41d4-a716-446655440002",
            *("Jane", "Doe", "jane.doe@homeowner.com", None, "RESIDENTIAL"),
            *("456 Residential St", "Portland", "OR", "97202", "550e8400-e29b-41d4-a716-446655440000"),
        ),
    ]


async def test_the_sample_projects_and_crew_are_those_of_the_design(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.PROJECTS)

    seeded = await seed(dsn, Database.PROJECTS)

    connection = await connect(dsn)
    rows = await connection.fetch(
        """
        SELECT id::text, customer_id::text, name, type, priority, status, service_street, service_postal_code,
               scheduled_start_date, scheduled_end_date, budget_amount
          FROM projects.projects ORDER BY id
        """
    )
    crew = await connection.fetch(
        "SELECT id::text, name, email, skill_level, default_hourly_rate FROM projects.crew_members ORDER BY id"
    )
    assert seeded == [Seeded("projects.projects", 2, 0), Seeded("projects.crew_members", 2, 0)]
    assert [tuple(row) for row in rows] == [
        (
            *("660e8400-e29b-41d4-a716-446655440001", "550e8400-e29b-41d4-a716-446655440001"),
            *("Office Building Exterior Painting", "EXTERIOR_PAINTING", "HIGH", "SCHEDULED"),
            *("123 Business Ave", "97201", date(2024, 3, 1), date(2024, 3, 15), Decimal("25000.00")),
        ),
        (
            *("660e8400-e29b-41d4-a716-446655440002", "550e8400-e29b-41d4-a716-446655440002"),
            *("Living Room Interior Paint", "INTERIOR_PAINTING", "NORMAL", "PLANNING"),
            *("456 Residential St", "97202", date(2024, 3, 10), date(2024, 3, 12), Decimal("3500.00")),
        ),
    ]
    assert [tuple(row) for row in crew] == [
        (
            *("770e8400-e29b-41d4-a716-446655440001", "Mike Johnson", "mike.johnson@paintbox.com", "EXPERT"),
            Decimal("35.00"),
        ),
        (
            *("770e8400-e29b-41d4-a716-446655440002", "Sarah Wilson", "sarah.wilson@paintbox.com", "JOURNEYMAN"),
            Decimal("28.00"),
        ),
    ]


@pytest.mark.parametrize("database", [Database.CUSTOMERS, Database.PROJECTS])
async def test_seeding_twice_is_harmless(new_database: NewDatabase, database: Database) -> None:
    dsn = await new_database(database)
    first = await seed(dsn, database)

    second = await seed(dsn, database)

    assert second == [Seeded(table.table, inserted=0, present=2) for table in first]


async def test_what_somebody_changed_in_a_sample_row_stays(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    connection = await connect(dsn)
    await seed(dsn, Database.CUSTOMERS)
    await connection.execute("UPDATE customers.customers SET company = 'Smith & Sons' WHERE last_name = 'Smith'")
    await connection.execute("DELETE FROM customers.customers WHERE last_name = 'Doe'")

    seeded = await seed(dsn, Database.CUSTOMERS)

    assert seeded == [Seeded("customers.customers", inserted=1, present=1)]
    assert (
        await connection.fetchval("SELECT company FROM customers.customers WHERE last_name = 'Smith'") == "Smith & Sons"
    )


async def test_a_database_that_is_not_migrated_cannot_be_seeded(new_database: NewDatabase) -> None:
    dsn = await new_database(None)

    with pytest.raises(DatabaseError, match="run `paintbox migrate` first"):
        await seed(dsn, Database.PROJECTS)
