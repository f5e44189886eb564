"""Servers that the tests of this folder may freeze and kill."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from paintbox.environment import parse
from support.crashes import Crashes
from support.local_stack import LocalStack, paintbox
from support.outages import Servers, servers_in
from support.vendors import Vendors
from support.world import RECOVERY_SECONDS, World


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Kafka, PostgreSQL and the webhook log. Each test leaves them as it found them."""
    with servers_in(tmp_path_factory.mktemp("servers")) as running:
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
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A whole stack, whose processes `crashes` stops and starts."""
    directory = tmp_path_factory.mktemp("crashes") / "local"
    started = paintbox("up", directory=directory)
    assert started.returncode == 0, started.stdout + started.stderr
    yield LocalStack(directory, parse((directory / "env").read_text()))
    stopped = paintbox("clean", directory=directory)
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr


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
