import pytest

from paintbox.databases import Connection, Database, DatabaseError
from paintbox.migrations import migrate
from support.postgres import NewDatabase, OpenSession
from support.rows import insert

pytestmark = pytest.mark.database


async def test_where_there_is_no_estimates_table_one_is_made(estimates: Connection) -> None:
    customer_id = await estimates.fetchval("SELECT gen_random_uuid()")

    row = await insert(estimates, "estimates.estimates", customer_id=customer_id, selected_tier="GOOD", good_price=100)

    assert row["customer_id"] == customer_id


async def test_an_existing_table_with_the_columns_is_left_as_it_is(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    application = await connect(dsn)
    await application.execute(
        """
        CREATE SCHEMA estimates;
        CREATE TABLE estimates.estimates (
            customer_id uuid, selected_tier text, good_price money, better_price money, best_price money,
            created_at timestamp, color text
        );
        """
    )

    await migrate(dsn, Database.ESTIMATES)

    columns = await application.fetchval(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'estimates.estimates'::regclass AND attnum > 0"
    )
    assert columns == 7


async def test_an_existing_table_without_a_needed_column_fails_loudly(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    application = await connect(dsn)
    await application.execute(
        """
        CREATE SCHEMA estimates;
        CREATE TABLE estimates.estimates (
            id uuid PRIMARY KEY, customer_id uuid, good_price numeric, better_price numeric, best_price numeric,
            created_at timestamptz, selected_tier text
        );
        ALTER TABLE estimates.estimates DROP COLUMN selected_tier, DROP COLUMN created_at;
        """
    )

    with pytest.raises(DatabaseError, match="exists, but without: selected_tier, created_at"):
        await migrate(dsn, Database.ESTIMATES)
