"""Servers that the tests of this folder may freeze and kill."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from support.outages import Servers, servers_in


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Kafka, PostgreSQL and the webhook log. Each test leaves them as it found them."""
    with servers_in(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client that opens as many connections as it is asked to, and waits for long."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=limits) as client:
        yield client
