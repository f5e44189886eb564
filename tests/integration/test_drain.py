"""How a process ends: unready at once, nothing that it accepted lost, exit 0; a second signal ends it on the spot."""

import asyncio
import signal
import socket
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from paintbox.databases import Database
from support.outages import a_delivery
from support.postgres import NewDatabase
from support.programs import HOST, Running, running
from support.senders import companycam_headers
from support.waiting import until, until_true
from synckit.drain import GRACE_SECONDS

SETTINGS = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "INTEGRATIONS_DSN": "postgresql://nobody:x@127.0.0.1:1/paintbox_integrations",
    "SALESFORCE_ORGANIZATION_IDS": "00D5e000000Pnt1EAC",
    "SALESFORCE_ENDPOINT_TOKENS": "a token of thirty-two bytes or more",
    "COMPANYCAM_WEBHOOK_TOKENS": "a secret of thirty-two bytes or more",
}
HALF = b"POST /webhooks/companycam HTTP/1.1\r\nHost: x\r\nX-CompanyCam-Signature: x\r\nContent-Length: 10\r\n\r\nhello"
OTHER_HALF = b"world"
TOKEN: Final = "a token of thirty-two bytes or more"
OWNED: Final = {
    "CUSTOMERS_DSN": "postgresql://nobody:x@127.0.0.1:1/paintbox_customers",
    "PROJECTS_DSN": "postgresql://nobody:x@127.0.0.1:1/paintbox_projects",
    "SERVICE_TOKENS": TOKEN,
}
QUESTION: Final = b'{"references": []}'
ASKING: Final = (
    f"POST /federation/references:check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    f"Content-Length: {len(QUESTION)}\r\nExpect: 100-continue\r\n\r\n"
).encode()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Running]:
    """A door that drains at once."""
    with running("webhook_ingest", tmp_path, **SETTINGS) as process:
        yield process


@pytest.fixture
def lingering(tmp_path: Path) -> Iterator[Running]:
    """A door that goes on for a while."""
    with running("webhook_ingest", tmp_path, **SETTINGS, DRAIN_SECONDS="1.5") as process:
        yield process


async def half_a_request(door: Running) -> tuple[StreamReader, StreamWriter]:
    """A connection whose request the door has begun to read."""
    reader, writer = await asyncio.open_connection(HOST, door.port)
    writer.write(HALF)
    await writer.drain()

    async def is_in_hand() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            return "paintbox_webhook_requests_in_flight 1.0" in (await client.get(door.url + "/metrics")).text

    await until(is_in_hand)
    return reader, writer


async def is_unready(door: Running) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(door.url + "/readyz")
        return answer.status_code == 503 and answer.json()["missing"] == {"process": "is draining"}


async def test_a_request_in_hand_is_answered_and_the_process_ends_well(door: Running) -> None:
    await door.listens()
    reader, writer = await half_a_request(door)

    door.tell(signal.SIGTERM)
    await until(lambda: _refuses(door))
    writer.write(OTHER_HALF)
    answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer.lower()
    assert await door.ended() == 0
    writer.close()


async def _refuses(door: Running) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, door.port)
    except OSError:
        return True
    writer.close()
    return False


async def test_it_says_that_it_is_unready_and_goes_on_for_a_while(lingering: Running) -> None:
    await lingering.listens()
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(lingering.url + "/healthz")

        lingering.tell(signal.SIGTERM)
        await until(lambda: is_unready(lingering))
        kept, new = await client.get(lingering.url + "/healthz"), await client.get(lingering.url + "/healthz")

    assert [answer.status_code for answer in (kept, new)] == [200, 200]
    assert [answer.headers["connection"] for answer in (kept, new)] == ["close", "close"]
    assert await lingering.ended() == 0


async def test_connections_that_nobody_uses_do_not_hold_it_up(door: Running) -> None:
    await door.listens()
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(door.url + "/healthz")
        door.tell(signal.SIGTERM)

        async with asyncio.timeout(5):
            code = await door.ended()

    assert code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 128 + 15), (signal.SIGINT, 128 + 2)])
async def test_a_second_signal_ends_it_at_once(door: Running, number: signal.Signals, code: int) -> None:
    await door.listens()
    reader, writer = await half_a_request(door)
    door.tell(signal.SIGTERM)
    await until(lambda: _refuses(door))

    door.tell(number)

    assert await door.ended() == code
    assert await reader.read() == b""
    writer.close()


async def test_a_taken_port_is_no_success(door: Running, tmp_path: Path) -> None:
    await door.listens()

    with running("webhook_ingest", tmp_path, **SETTINGS, LISTEN=f"{HOST}:{door.port}") as other:
        assert await other.ended() == 3


def has_ended_beside(process: Running) -> bool:
    return "What runs beside the requests has ended" in process.log.read_text()


@pytest.mark.parametrize("module", ["customer_sync", "photo_sync", "webhook_ingest.log"])
async def test_consumers_and_relay_end_with_the_signal_while_requests_are_still_taken(
    module: str, tmp_path: Path
) -> None:
    with running(module, tmp_path, **SETTINGS, **OWNED, DRAIN_SECONDS="4") as process:
        await process.listens()
        process.tell(signal.SIGTERM)
        await until_true(lambda: has_ended_beside(process))
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(process.url + "/healthz")

        assert answer.status_code == 200
        assert await process.ended() == 0


@pytest.mark.database
async def test_they_end_while_a_request_is_in_hand_and_leave_it_its_database(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    reached = {"CUSTOMERS_DSN": await new_database(Database.CUSTOMERS)}
    with running("customer_sync", tmp_path, **SETTINGS, **OWNED | reached) as process:
        await process.listens()
        reader, writer = await half_a_question(process)

        process.tell(signal.SIGTERM)
        await until_true(lambda: has_ended_beside(process))
        writer.write(QUESTION)
        answer = await reader.read()

        assert answer.startswith(b"HTTP/1.1 200 ")
        assert await process.ended() == 0
        writer.close()


async def half_a_question(process: Running, head: bytes = ASKING) -> tuple[StreamReader, StreamWriter]:
    """A connection whose request is in hand: the process has said that it wants the body."""
    reader, writer = await asyncio.open_connection(HOST, process.port)
    writer.write(head)
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    return reader, writer


async def test_with_servers_that_never_answer_the_latest_and_slowest_requests_are_answered_in_time(
    tmp_path: Path,
) -> None:
    body = a_delivery(1)
    with ExitStack() as stack:
        port = stack.enter_context(socket.create_server((HOST, 0))).getsockname()[1]  # takes connections, says nothing
        silent = {name: value.replace("127.0.0.1:1", f"{HOST}:{port}") for name, value in (SETTINGS | OWNED).items()}
        door, service = (
            stack.enter_context(running(module, tmp_path, **silent, DRAIN_SECONDS="4"))
            for module in ("webhook_ingest", "customer_sync")
        )

        ends = await asyncio.gather(slowest(service, ASKING, QUESTION), slowest(door, a_push(body), body))

    assert [(answer[:13], code) for answer, code, _ in ends] == [(b"HTTP/1.1 503 ", 0)] * 2
    assert max(seconds for _, _, seconds in ends) < GRACE_SECONDS


def a_push(body: bytes) -> bytes:
    signed = companycam_headers(body, SETTINGS["COMPANYCAM_WEBHOOK_TOKENS"]) | {
        "Host": "x",
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    return f"POST /webhooks/companycam HTTP/1.1\r\n{lines}\r\n".encode()


async def slowest(process: Running, head: bytes, body: bytes) -> tuple[bytes, int, float]:
    """Tells it to end, and asks at the last moment, as slowly as it lets one: the answer, its code, and its seconds."""
    await process.listens()
    started = time.monotonic()
    process.tell(signal.SIGTERM)
    await until_true(lambda: time.monotonic() - started > 3.8)
    reader, writer = await half_a_question(process, head)
    writer.write(body[:-1])
    await until_true(lambda: time.monotonic() - started > 13.5)
    writer.write(body[-1:])
    answer = await reader.read()
    writer.close()
    return answer, await process.ended(), time.monotonic() - started
