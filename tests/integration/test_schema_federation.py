from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from paintbox.databases import Connection, Database
from support.postgres import NewDatabase, OpenSession
from support.rows import insert

pytestmark = pytest.mark.database


async def a_key(connection: Connection, database: Database, **changes: object) -> asyncpg.Record:
    values = {
        "local_id": uuid4(),
        "local_table": "customers",
        "external_service": "projects",
        "external_id": str(uuid4()),
        "external_table": "projects",
        "relationship_type": "one_to_many",
    }
    return await insert(connection, f"{database}.federation_keys", **values | changes)


@pytest.mark.parametrize("database", list(Database))
async def test_each_database_lists_its_own_keys_that_wait_for_a_validation(
    new_database: NewDatabase, connect: OpenSession, database: Database
) -> None:
    connection = await connect(await new_database(database))
    now = datetime.now(UTC)
    never = await a_key(connection, database)
    long_ago = await a_key(connection, database, last_validated_at=now - timedelta(hours=2), is_valid=False)
    await a_key(connection, database, last_validated_at=now)
    await a_key(connection, database, deleted_at=now)

    rows = await connection.fetch(f"SELECT * FROM {database}.validate_federation_references()")

    assert {(row["service"], row["local_id"], row["error_message"]) for row in rows} == {
        (database, never["local_id"], None),
        (database, long_ago["local_id"], "Reference validation failed"),
    }


async def test_a_vendors_id_is_an_external_id(customers: Connection) -> None:
    row = await a_key(customers, Database.CUSTOMERS, external_service="salesforce", external_id="003000000000001AAA")

    assert row["external_id"] == "003000000000001AAA"


async def test_one_external_id_in_two_tables_is_two_relations(customers: Connection) -> None:
    key = {"local_id": uuid4(), "external_id": "7"}
    await a_key(customers, Database.CUSTOMERS, **key, external_table="projects")

    await a_key(customers, Database.CUSTOMERS, **key, external_table="project_photos")

    with pytest.raises(asyncpg.UniqueViolationError, match="federation_keys_pkey"):
        await a_key(customers, Database.CUSTOMERS, **key, external_table="projects")
