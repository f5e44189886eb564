"""One local stack for all tests of this folder, started as a user starts it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from paintbox.environment import parse
from support.local_stack import LocalStack, paintbox


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this folder share a stack, so one worker runs them all."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A whole stack."""
    directory = tmp_path_factory.mktemp("stack") / "local"
    started = paintbox("up", directory=directory)
    assert started.returncode == 0, started.stdout + started.stderr
    yield LocalStack(directory, parse((directory / "env").read_text()))
    stopped = paintbox("clean", directory=directory)
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of plain HTTP."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield client
