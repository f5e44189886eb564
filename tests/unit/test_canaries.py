"""What the tests' processes say is searched for what the tests make up: each kind of leak is seen, none shown."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from prometheus_client import REGISTRY, Gauge

from paintbox.prove.checks.secret import Sighting
from support import canaries, local_stack

SECRET = "a-token-of-more-than-sixteen-bytes"
PLUS = "+1"
"""Apart from the numbers: else each would be a canary because it is written here."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Path]:
    """A stack's directory; the end of the session must not find it."""
    stack = tmp_path / "stack"
    (stack / "logs").mkdir(parents=True)
    (stack / "stack.json").write_text("{}")
    (stack / "env").write_text(f"PAINTBOX_SERVICE_TOKENS='short,{SECRET}'\n")
    (stack / "logs" / "photo-sync.log").write_text('{"message": "Partitions were assigned"}')
    yield stack
    shutil.rmtree(stack)


@pytest.mark.parametrize(
    ("leak", "kind"),
    [
        ("x9@example.com", "an e-mail address"),
        ("ann@acme.example", "an e-mail address"),
        ("X9@EXAMPLE.ORG", "an e-mail address"),
        ("(503) 555-0100", "a telephone number"),
        ("503.555.0100", "a telephone number"),
        (f"{PLUS}4025550144", "a telephone number"),
        (f"{PLUS}7735550188", "a telephone number"),
        ("Ada Lovelace", "a name"),
        (SECRET, "a secret"),
    ],
)
def test_a_leak_into_a_log_is_seen_and_told_by_its_kind(stack: Path, leak: str, kind: str) -> None:
    (stack / "logs" / "customer-sync.log").write_text(f'{{"message": "{leak}"}}')

    found = canaries.search_rest(stack.parent, stack / "run")

    assert list(canaries.told(found)) == [f"log customer-sync.log holds {kind}"]
    assert leak not in repr(found)


def test_numbers_that_logs_hold_anyway_are_no_canaries(stack: Path) -> None:
    said = '{"offset": 5035550100, "id": "14025550144", "at": "2026-11-22T15:55:01.402555Z", "key": "4025-5501-0143"}'
    (stack / "logs" / "photo-sync.log").write_text(said)

    assert canaries.search_stack(stack) == []


def test_a_log_without_any_is_clean(stack: Path) -> None:
    assert canaries.search_stack(stack) == []
    assert canaries.search_stack(stack / "logs") == []


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Sighting]:
    """What is noted during the test, which the end of the session does not see."""
    noted: list[Sighting] = []
    monkeypatch.setattr(canaries, "_seen", noted)
    return noted


@pytest.mark.parametrize(
    ("kind", "leaks"),
    [("application/problem+json", ["problem of /records holds an e-mail address"]), ("application/json", [])],
)
async def test_whatever_client_is_told_of_a_problem_it_is_searched(
    noted: list[Sighting], kind: str, leaks: list[str]
) -> None:
    told = httpx.Response(400, headers={"content-type": kind}, content=b'{"detail": "not x9@example.com"}')

    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: told)) as client:
        await client.get("http://door/records")

    assert list(canaries.told(noted)) == leaks


def test_a_leak_into_our_own_metrics_is_seen(stack: Path) -> None:
    leak = Gauge("test_canaries_leak", "Only of this test.", ["who"])
    try:
        leak.labels("Ada Lovelace").set(1)
        found = canaries.search_rest(stack.parent, stack / "run")
    finally:
        REGISTRY.unregister(leak)

    assert list(canaries.told(found)) == ["metrics of the tests' own process holds a name"]


def test_a_leak_into_what_a_command_says_is_seen(noted: list[Sighting], tmp_path: Path) -> None:
    local_stack.paintbox("status", "x9@example.com", directory=tmp_path)

    assert list(canaries.told(noted)) == ["what status says holds an e-mail address"]


def test_a_leak_into_the_metrics_of_a_process_of_a_stack_is_seen(stack: Path) -> None:
    with serving(b'emails_total{who="x9@example.com"} 1\n') as address:
        (stack / "env.d").mkdir()
        (stack / "env.d" / "photo-sync").write_text(f"PAINTBOX_LISTEN='{address}'\n")
        found = canaries.search_running(stack)

    assert list(canaries.told(found)) == ["metrics of photo-sync holds an e-mail address"]


@contextmanager
def serving(content: bytes) -> Iterator[str]:
    """Answers every question with this, for the block."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
