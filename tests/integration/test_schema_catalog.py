"""What the migrations make is written down beside this, so that every change of a schema is a visible diff.

`PAINTBOX_UPDATE_CATALOG=1 .venv/bin/pytest tests/integration/test_schema_catalog.py` writes it down anew.
"""

import os
from pathlib import Path

import pytest

from paintbox.databases import Database
from paintbox.migrations import migrate
from support.postgres import NewDatabase, OpenSession

pytestmark = pytest.mark.database

CATALOG = Path(__file__).parent / "catalog"


@pytest.mark.parametrize("database", list(Database))
async def test_the_live_catalog_equals_the_checked_in_list(
    database: Database, new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, database)
    connection = await connect(dsn, search_path="pg_catalog", timezone="UTC", datestyle="ISO, YMD")

    rows = await connection.fetch((CATALOG / "facts.sql").read_text())

    facts = [row["fact"] for row in rows]
    written = CATALOG / f"{database}.txt"
    if os.environ.get("PAINTBOX_UPDATE_CATALOG"):
        written.write_text("".join(f"{fact}\n" for fact in facts))
    assert facts == written.read_text().splitlines()
