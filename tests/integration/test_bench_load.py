"""The load of `paintbox bench`, on a server that answers at once. No time is judged."""

import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from paintbox.bench import bodies
from paintbox.bench.children import child
from paintbox.bench.load import generation
from paintbox.bench.load.generation import Load
from paintbox.errors import OperatorError
from paintbox.stack import ports

SECRETS: Final = {
    "PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS": "companycam-token-of-thirty-two-bytes",
    "PAINTBOX_SALESFORCE_ENDPOINT_TOKENS": "salesforce-token-of-thirty-two-bytes",
}


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A server that answers at once."""
    port = ports.choose(tmp_path, ())
    async with child("bare_server", tmp_path / "log", {"port": port}):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """A file of requests."""
    return generation.write(bodies.mixed(SECRETS, 64, int(time.time() * 1000)), tmp_path / "requests")


@pytest.mark.parametrize("program", ["wrk", "ours"])
async def test_every_request_is_answered(
    url: str, requests: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program == "ours":
        monkeypatch.setenv("PATH", "")
    elif generation.find_wrk() is None:
        pytest.skip("wrk is not installed")

    loaded = await generation.run(Load(url, requests, connections=4, seconds=1.0, pause_ms=2.0))

    assert loaded.requests > 4
    assert loaded.errors == 0
    assert 0 < loaded.p50_ms <= loaded.p99_ms <= loaded.max_ms


async def test_a_load_at_a_fixed_rate_sends_each_request_once(url: str, requests: Path) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    order = {"host": host, "port": int(port), "requests": str(requests), "connections": 4, "rate": 200}

    told = await generation.told(
        [sys.executable, "-P", "-m", "paintbox.bench.load.generator", json.dumps(order)], seconds=10
    )

    assert (told["requests"], told["errors"]) == (64, 0)
    assert told["began"] <= time.time()


@pytest.mark.parametrize("size", [1_000, 1_000_000])
async def test_the_bare_server_answers_with_no_more_headers_than_the_doors(url: str, size: int) -> None:
    async with httpx.AsyncClient() as client:
        answers = [await client.post(url, content=b"x" * size) for _ in range(2)]

    assert [answer.text for answer in answers] == ["{}", "{}"]
    assert {name for answer in answers for name in answer.headers} == {"date", "content-type", "content-length"}


async def test_a_load_on_nobody_is_an_error(tmp_path: Path, requests: Path) -> None:
    nobody = f"http://127.0.0.1:{ports.choose(tmp_path, ())}"

    with pytest.raises(OperatorError):
        await generation.run(Load(nobody, requests, connections=1, seconds=1.0))
