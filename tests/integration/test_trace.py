"""`paintbox trace` in the databases: one record that nobody can read hides no story."""

import pytest

from paintbox.databases import Database
from paintbox.prove.trace import Names, seen_in_databases
from support.postgres import NewDatabase, OpenSession
from support.rows import insert

pytestmark = pytest.mark.database


async def test_a_parked_key_that_is_no_text_hides_none_that_is(new_database: NewDatabase, connect: OpenSession) -> None:
    sessions = {database.value: await connect(await new_database(database)) for database in Database}
    for offset, key in enumerate((b"\xff\x00", None, "Straße".encode())):
        await insert(
            sessions["integrations"],
            "integrations.parked_records",
            consumer="customer-sync",
            topic="paintbox.webhooks.salesforce.v1",
            partition=3,
            offset=offset,
            key=key,
            reason_code="key_mismatch",
            reason="the key is not the record's",
        )

    seen = [one async for one in seen_in_databases(sessions, Names((), ("Straße",), ()))]

    assert [(one.where, "@2:" in one.what) for one in seen] == [("parked_records", True)]
