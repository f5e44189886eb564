"""The database that all processes share, for tests that know no other, and a Kafka for those that need their own."""

from collections.abc import Iterator

import pytest

from paintbox.databases import Connection, Database
from support.kafka import new_broker
from support.postgres import NewDatabase, OpenSession


@pytest.fixture
async def dsn(new_database: NewDatabase) -> str:
    """A migrated paintbox_integrations, as its owner."""
    return await new_database(Database.INTEGRATIONS)


@pytest.fixture
async def session(dsn: str, connect: OpenSession) -> Connection:
    """The owner's session in it."""
    return await connect(dsn)


@pytest.fixture
def broker() -> Iterator[str]:
    """The address of a broker on which nothing ever happened."""
    with new_broker() as server:
        yield server.servers
