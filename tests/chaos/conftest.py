"""Servers that the tests of this folder may freeze and kill."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from support.crashes import Crashes
from support.local_stack import LocalStack, whole_stack
from support.outages import Servers, servers_in
from support.stacks import open_folder
from support.vendors import Vendors
from support.world import RECOVERY_SECONDS, World


@pytest.fixture(scope="package")
def servers() -> Iterator[Servers]:
    """Kafka, PostgreSQL and the webhook log. Each test leaves them as it found them."""
    with open_folder() as folder, servers_in(folder) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client that opens as many connections as it is asked to, each for one request, and waits for long.

    A connection that is kept may be closed by the door in the moment that it is used again.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=limits) as client:
        yield client


@pytest.fixture(scope="package")
def stack() -> Iterator[LocalStack]:
    """A whole stack, whose processes `crashes` stops and starts."""
    with whole_stack() as started:
        yield started


@pytest.fixture(scope="package")
async def crashes(stack: LocalStack) -> AsyncIterator[Crashes]:
    """Stops and starts the processes of the stack."""
    limits = httpx.Limits(max_keepalive_connections=0)  # see `http`
    async with httpx.AsyncClient(timeout=30, limits=limits) as http:
        crashes = Crashes(stack, http)
        yield crashes
        await crashes.end()


@pytest.fixture
async def world(stack: LocalStack, crashes: Crashes) -> AsyncIterator[World]:
    """The stack as a test harms it, with records of the test's own."""
    vendors = Vendors(stack, crashes.http, RECOVERY_SECONDS)
    world = World(stack, vendors)
    yield world
    await world.script("CUSTOMERS", "DROP FUNCTION IF EXISTS public.stumble() CASCADE")
    await world.script("PROJECTS", "DROP FUNCTION IF EXISTS public.stumble() CASCADE")
