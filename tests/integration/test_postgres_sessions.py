"""What each session of ours has told the server, as the server has it: a frozen worker frees its locks."""

from typing import Final

import pytest

from paintbox.databases import Database
from support.postgres import NewDatabase
from synckit import postgres

pytestmark = pytest.mark.database

TIMEOUTS: Final = {
    "idle_in_transaction_session_timeout": 15_000,
    "lock_timeout": 5_000,
    "statement_timeout": 30_000,
    "tcp_user_timeout": 10_000,
}
"""In milliseconds."""
ASKED: Final = "SELECT name, setting::bigint FROM pg_catalog.pg_settings WHERE name = ANY($1) AND unit = 'ms'"


async def test_a_session_of_a_pool_frees_its_locks_in_time(new_database: NewDatabase) -> None:
    async with (
        postgres.create_pool(await new_database(Database.CUSTOMERS), process="test") as pool,
        pool.acquire() as connection,
    ):
        found = await connection.fetch(ASKED, list(TIMEOUTS))

    assert {row["name"]: row["setting"] for row in found} == TIMEOUTS


async def test_so_does_a_session_of_its_own(new_database: NewDatabase) -> None:
    connection = await postgres.connect(await new_database(Database.CUSTOMERS), process="test")
    try:
        found = await connection.fetch(ASKED, list(TIMEOUTS))
    finally:
        await connection.close()

    assert {row["name"]: row["setting"] for row in found} == TIMEOUTS
