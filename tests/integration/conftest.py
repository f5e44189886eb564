"""The database that all processes share, for the tests that know no other."""

import pytest

from paintbox.databases import Connection, Database
from support.postgres import NewDatabase, OpenSession


@pytest.fixture
async def dsn(new_database: NewDatabase) -> str:
    """A migrated paintbox_integrations, as its owner."""
    return await new_database(Database.INTEGRATIONS)


@pytest.fixture
async def session(dsn: str, connect: OpenSession) -> Connection:
    """The owner's session in it."""
    return await connect(dsn)
