"""One local stack for all tests of this folder, started as a user starts it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from paintbox.stack import probes
from support.local_stack import LocalStack, whole_stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this folder share a stack, so one worker runs them all. A file with a group has its own."""
    for item in items:
        is_here = Path(__file__).parent in item.path.parents and item.get_closest_marker("xdist_group") is None
        if is_here and "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="package")
def stack() -> Iterator[LocalStack]:
    """A whole stack."""
    with whole_stack() as started:
        yield started


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of plain HTTP."""
    async with probes.client("http:", seconds=30) as client:
        yield client
