import asyncio
from datetime import UTC, date, datetime
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from paintbox.databases import Connection, Database
from support.postgres import NewDatabase, OpenSession
from support.rows import a_customer, insert

pytestmark = pytest.mark.database

LOGS: Final = (
    (Database.CUSTOMERS, "customer_sync_logs"),
    (Database.INTEGRATIONS, "sync_logs"),
    (Database.INTEGRATIONS, "webhook_events"),
)
JANUARY_2031: Final = date(2031, 1, 1)


async def bounds(connection: Connection, table: str) -> dict[str, str]:
    """The partitions of a log table by name, with their bounds as a session in UTC shows them."""
    await connection.execute("SET timezone = 'UTC'")
    rows = await connection.fetch(
        """
        SELECT child.relname AS name, pg_get_expr(child.relpartbound, child.oid) AS bound
          FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
         WHERE inhparent = $1::text::regclass
        """,
        table,
    )
    return {row["name"]: row["bound"] for row in rows}


async def a_log(connection: Connection, started_at: datetime, **changes: object) -> asyncpg.Record:
    values = {"service": "SALESFORCE", "operation": "WEBHOOK", "entity_type": "Contact", "started_at": started_at}
    return await insert(connection, "integrations.sync_logs", **values | changes)


async def partition_of(connection: Connection, log: asyncpg.Record) -> str:
    name: str = await connection.fetchval(
        "SELECT tableoid::regclass::text FROM integrations.sync_logs WHERE id = $1", log["id"]
    )
    return name.removeprefix("integrations.")


@pytest.mark.parametrize(("database", "table"), LOGS)
async def test_a_migrated_log_has_its_samples_the_months_ahead_and_a_default(
    new_database: NewDatabase, connect: OpenSession, database: Database, table: str
) -> None:
    connection = await connect(await new_database(database))

    partitions = await bounds(connection, f"{database}.{table}")

    ahead = await connection.fetch(
        """
        SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => month), '"y"YYYY"m"MM')
                   AS suffix
          FROM generate_series(0, 3) AS month
        """
    )
    expected = {"y2024m01", "y2024m02", "default"} | {row["suffix"] for row in ahead}
    assert partitions.keys() == {f"{table}_{suffix}" for suffix in expected}


async def test_months_are_utc_whatever_the_callers_time_zone(integrations: Connection) -> None:
    await integrations.execute("SET timezone = 'America/Los_Angeles'; SET datestyle = 'German'")
    await integrations.execute("SELECT integrations.create_monthly_partitions('sync_logs', $1, 0)", JANUARY_2031)
    await integrations.execute("SET timezone = 'Asia/Tokyo'")

    await integrations.execute("SELECT integrations.create_monthly_partitions('sync_logs', $1, 1)", JANUARY_2031)

    await integrations.execute("SET datestyle = 'ISO'")
    partitions = await bounds(integrations, "integrations.sync_logs")
    assert (
        partitions["sync_logs_y2031m01"] == "FOR VALUES FROM ('2031-01-01 00:00:00+00') TO ('2031-02-01 00:00:00+00')"
    )
    assert (
        partitions["sync_logs_y2031m02"] == "FOR VALUES FROM ('2031-02-01 00:00:00+00') TO ('2031-03-01 00:00:00+00')"
    )


async def test_any_day_of_a_month_stands_for_the_month(integrations: Connection) -> None:
    await integrations.execute("SELECT integrations.create_monthly_partitions('sync_logs', '2031-01-31', 1)")

    partitions = await bounds(integrations, "integrations.sync_logs")

    assert {"sync_logs_y2031m01", "sync_logs_y2031m02"} <= partitions.keys()


async def test_rows_that_waited_in_the_default_partition_move_to_their_month(integrations: Connection) -> None:
    inside = await a_log(integrations, datetime(2031, 1, 31, 23, 59, 59, tzinfo=UTC))
    outside = await a_log(integrations, datetime(2031, 2, 1, tzinfo=UTC))

    await integrations.execute("SELECT integrations.create_monthly_partitions('sync_logs', $1, 0)", JANUARY_2031)

    assert await partition_of(integrations, inside) == "sync_logs_y2031m01"
    assert await partition_of(integrations, outside) == "sync_logs_default"


async def test_a_new_month_has_the_parents_indexes_and_constraints(customers: Connection) -> None:
    customer = await a_customer(customers)
    log = {"sync_type": "WEBHOOK", "status": "COMPLETED", "started_at": datetime(2031, 1, 1, tzinfo=UTC)}
    await insert(customers, "customers.customer_sync_logs", **log, customer_id=customer["id"])

    await customers.execute("SELECT customers.create_monthly_partitions('customer_sync_logs', $1, 0)", JANUARY_2031)

    described = await customers.fetchrow(
        """
        SELECT (SELECT count(*) FROM pg_index WHERE indrelid = child AND indisvalid) AS indexes,
               (SELECT count(*) FROM pg_index WHERE indrelid = parent) AS parents_indexes,
               (SELECT count(*) FROM pg_constraint WHERE conrelid = child AND contype <> 'n') AS constraints,
               (SELECT count(*) FROM pg_constraint WHERE conrelid = parent AND contype <> 'n') AS parents_constraints
          FROM CAST('customers.customer_sync_logs_y2031m01' AS regclass) AS child,
               CAST('customers.customer_sync_logs' AS regclass) AS parent
        """
    )
    assert described is not None
    assert described["indexes"] == described["parents_indexes"] == 4
    assert described["constraints"] == described["parents_constraints"] == 4
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await insert(customers, "customers.customer_sync_logs", **log, customer_id=uuid4())


async def test_a_relation_of_a_partitions_name_that_is_none_is_an_error(integrations: Connection) -> None:
    await integrations.execute("CREATE TABLE integrations.sync_logs_y2031m01 (LIKE integrations.sync_logs)")

    with pytest.raises(asyncpg.DuplicateTableError, match="exists, but not as the partition"):
        await integrations.execute("SELECT integrations.create_monthly_partitions('sync_logs', $1, 0)", JANUARY_2031)


async def test_a_partition_of_other_bounds_is_an_error(integrations: Connection) -> None:
    await integrations.execute(
        """
        CREATE TABLE integrations.sync_logs_y2031m01 PARTITION OF integrations.sync_logs
            FOR VALUES FROM ('2031-01-01 08:00+00') TO ('2031-02-01 08:00+00')
        """
    )

    with pytest.raises(asyncpg.DuplicateTableError, match="exists, but not as the partition"):
        await integrations.execute("SELECT integrations.create_monthly_partitions('sync_logs', $1, 0)", JANUARY_2031)


@pytest.mark.parametrize("months", [None, -1, 121])
async def test_months_ahead_have_limits(integrations: Connection, months: int | None) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match="months_ahead must be 0 to 120"):
        await integrations.execute(
            "SELECT integrations.create_monthly_partitions('sync_logs', $1, $2)", JANUARY_2031, months
        )


@pytest.mark.parametrize("day", ["NULL", "'infinity'", "'-infinity'"])
async def test_a_start_is_a_day(integrations: Connection, day: str) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match="start_date must be a day"):
        await integrations.execute(f"SELECT integrations.create_monthly_partitions('sync_logs', {day}, 0)")


@pytest.mark.parametrize("table", ["external_entity_cache", "nothing", 'x"; DROP TABLE integrations.sync_logs; --'])
async def test_what_is_no_log_table_is_refused(integrations: Connection, table: str) -> None:
    for call in ("create_monthly_partitions($1, $2, 0)", "drop_partitions_before($1, $2)"):
        with pytest.raises(asyncpg.WrongObjectTypeError, match="is not a table that is partitioned by a range of time"):
            await integrations.execute(f"SELECT integrations.{call}", table, JANUARY_2031)


async def test_a_name_that_postgresql_would_cut_is_refused(integrations: Connection) -> None:
    name = "log_" + "x" * 52
    await integrations.execute(f"CREATE TABLE integrations.{name} (at timestamptz) PARTITION BY RANGE (at)")

    with pytest.raises(asyncpg.NameTooLongError):
        await integrations.execute("SELECT integrations.create_monthly_partitions($1, $2, 0)", name, JANUARY_2031)


async def test_partitions_that_end_by_a_day_are_dropped_with_the_defaults_older_rows(integrations: Connection) -> None:
    older = await a_log(integrations, datetime(2023, 12, 31, 23, 59, tzinfo=UTC))
    old = await a_log(integrations, datetime(2024, 1, 15, tzinfo=UTC))
    kept = await a_log(integrations, datetime(2024, 2, 1, tzinfo=UTC))
    stray = await a_log(integrations, datetime(2031, 1, 1, tzinfo=UTC))
    await integrations.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'SQL, DMY'")

    dropped = await integrations.fetch("SELECT integrations.drop_partitions_before('sync_logs', '2024-02-15') AS name")

    assert [row["name"] for row in dropped] == ["integrations.sync_logs_y2024m01"]
    left = {row["id"] for row in await integrations.fetch("SELECT id FROM integrations.sync_logs")}
    assert left == {kept["id"], stray["id"]}
    assert not left & {older["id"], old["id"]}


async def test_two_callers_at_once_make_each_month_once(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    sessions = [await connect(dsn) for _ in range(4)]

    await asyncio.gather(
        *(
            session.execute("SELECT customers.create_monthly_partitions('customer_sync_logs', $1, 11)", JANUARY_2031)
            for session in sessions
        )
    )

    partitions = await bounds(sessions[0], "customers.customer_sync_logs")
    assert sum("_y2031m" in name for name in partitions) == 12


async def test_writers_go_on_while_months_are_made(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    keeper, writer = await connect(dsn), await connect(dsn)

    async def write() -> None:
        for number in range(60):
            async with writer.transaction():
                customer = await a_customer(writer)
                started_at = datetime(2031, 1 + number % 12, 1, tzinfo=UTC)
                log = {"sync_type": "WEBHOOK", "status": "COMPLETED", "started_at": started_at}
                await insert(writer, "customers.customer_sync_logs", **log, customer_id=customer["id"])

    async def keep() -> None:
        for month in range(12):
            await keeper.execute(
                "SELECT customers.create_monthly_partitions('customer_sync_logs', $1, 0)", date(2031, 1 + month, 1)
            )

    await asyncio.gather(write(), keep())

    assert await keeper.fetchval("SELECT count(*) FROM customers.customer_sync_logs") == 60
    assert await keeper.fetchval("SELECT count(*) FROM customers.customer_sync_logs_default") == 0
