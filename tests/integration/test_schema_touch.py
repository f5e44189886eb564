"""A new version is made by a change of any column, except those that a list here names: so no column is forgotten."""

import re

import pytest

from paintbox.databases import Database
from support.postgres import NewDatabase, OpenSession

pytestmark = pytest.mark.database

NOT_A_CHANGE = {
    "customers.customers": {
        *("updated_at", "version"),
        *("last_sync_at", "source_modified_at", "source_version", "search_vector", "salesforce_account_id"),
    },
    "projects.projects": {
        *("updated_at", "version"),
        *("photo_count", "last_photo_sync", "source_version", "search_vector"),
    },
    "projects.crew_members": {"updated_at"},
    "projects.project_permits": {"updated_at"},
    "integrations.integration_configs": {
        *("updated_at", "last_health_check", "consecutive_failures", "token_expires_at"),
    },
}


@pytest.mark.parametrize("table", NOT_A_CHANGE)
async def test_every_other_column_makes_a_version(new_database: NewDatabase, connect: OpenSession, table: str) -> None:
    schema, _, name = table.partition(".")
    connection = await connect(await new_database(Database(schema)))

    trigger = await connection.fetchval(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = $1::text::regclass AND tgname = $2",
        table,
        f"trigger_{name}_touch",
    )

    columns = {
        row["attname"]
        for row in await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
            table,
        )
    }
    compared = re.findall(r"old\.(\w+)\)?(?:::text)? IS DISTINCT FROM \(?new\.(\w+)", trigger)
    assert all(old == new for old, new in compared)
    assert {old for old, _ in compared} == columns - NOT_A_CHANGE[table]
