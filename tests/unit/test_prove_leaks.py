"""What the doors answer is searched (I6): one that quotes what it was sent is found out, a silent one holds nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

import pytest

from paintbox.prove import bad_requests, leaks
from paintbox.prove.checks.secret import Canary, nothing_leaked
from paintbox.prove.verdicts import State, Verdict
from support.senders import companycam_headers

SECRET: Final = "a-secret-of-more-than-thirty-two-bytes"
NOBODY: Final = "http://127.0.0.1:1"
CANARIES: Final = (
    Canary("a secret", SECRET),
    Canary("a name", "Quillfeather"),
    Canary("a name", "Quillfeatherstonehaugh"),
    Canary("an e-mail address", "@example.com"),
)
ENVIRONMENT: Final = {
    **dict.fromkeys(bad_requests.NAMES, f"{SECRET},{SECRET}-once"),
    "PAINTBOX_SALESFORCE_ORGANIZATION_IDS": "00D5e000000Pnt1EAC",
}
QUOTED: Final = 40
"""Bytes, as pydantic and others quote what they could not read."""


async def searched(doors: Mapping[str, str], urls: Mapping[str, str]) -> Verdict:
    answered = await leaks.answers(ENVIRONMENT, doors, CANARIES)
    measured = await leaks.metrics(urls)
    return nothing_leaked(*leaks.search(CANARIES, [answered, measured]), len(CANARIES))


def authenticates(path: str, headers: Mapping[str, str], body: bytes) -> bool:
    """As a door does; what Salesforce signs is taken for signed."""
    if path.startswith("/webhooks/companycam"):
        return companycam_headers(body, SECRET).items() <= headers.items()
    return path.endswith(f"/{SECRET}") or "X-Salesforce-Signature" in headers


@contextmanager
def door(quotes: str | None = None, *, knows_the_vendors: bool = True, measures: bool = False) -> Iterator[str]:
    """A door's URL for the block; to what it cannot understand at this path it answers with the first of its bytes.

    One that measures does so with the whole text of what was sent last.
    """
    measured = b"# no metrics"

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal measured
            body = self.rfile.read(int(self.headers["content-length"]))
            measured = body if measures else measured
            if self.command != "POST":
                self.say(405, b"")
            elif not knows_the_vendors or not authenticates(self.path, dict(self.headers), body):
                self.say(401, b"not authenticated")
            elif quotes is not None and self.path.startswith(f"/webhooks/{quotes}"):
                self.say(400, b"cannot read " + body[:QUOTED])
            else:
                self.say(200, b"set aside")

        def do_PUT(self) -> None:
            self.do_POST()

        def do_GET(self) -> None:
            self.say(200, measured)

        def say(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        request_queue_size = 2 * leaks.AT_ONCE

    with Server(("127.0.0.1", 0), Door) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


async def test_doors_that_quote_nothing_leak_nothing() -> None:
    with door() as one, door() as other:
        found = await searched({"one": one, "other": other}, {"one": one})

    assert (found.state, found.violations) == (State.HELD, ())
    assert found.checked > 2 * 60


@pytest.mark.parametrize("path", [bad_requests.COMPANYCAM, bad_requests.EVENTS, bad_requests.MESSAGES])
async def test_a_door_whose_answer_quotes_the_beginning_of_what_its_vendor_sent_is_found_out(path: str) -> None:
    with door(quotes=path) as quoting, door() as other:
        found = await searched({"quoting": quoting, "other": other}, {})

    assert found.state is State.VIOLATED
    assert all(one.subject.startswith(f"answer of quoting to {path}: ") for one in found.violations)
    assert SECRET not in repr(found)


async def test_a_door_that_measures_what_it_could_not_read_is_found_out() -> None:
    with door(measures=True) as url:
        found = await searched({"door": url}, {"door": url})

    assert {one.subject for one in found.violations} == {"metrics of door"}


async def test_what_nobody_answers_was_not_checked() -> None:
    found = await searched({"webhook-ingest": NOBODY}, {"customer-sync": NOBODY})

    assert found.state is State.NOTHING_CHECKED
    assert "could not be read: answer of webhook-ingest to companycam: no JSON" in found.note
    assert found.note.endswith(" more")
    assert SECRET not in repr(found)


async def test_a_door_that_takes_the_vendors_for_strangers_was_not_checked() -> None:
    with door(knows_the_vendors=False) as url:
        found = await searched({"webhook-ingest": url}, {})

    assert found.state is State.NOTHING_CHECKED
    assert "from its vendor" in found.note
    assert "stranger" not in found.note


def test_one_of_each_kind_is_carried_the_shortest_first() -> None:
    assert bad_requests.carried(CANARIES) == f"Quillfeather @example.com {SECRET}"
