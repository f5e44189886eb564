"""How a process ends: unready at once, nothing that it accepted lost, exit 0; a second signal ends it on the spot."""

import asyncio
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.programs import HOST, Running, running
from support.waiting import until

SETTINGS = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "INTEGRATIONS_DSN": "postgresql://nobody:x@127.0.0.1:1/paintbox_integrations",
    "SALESFORCE_ORGANIZATION_IDS": "00D5e000000Pnt1EAC",
    "SALESFORCE_ENDPOINT_TOKENS": "a token of thirty-two bytes or more",
    "COMPANYCAM_WEBHOOK_TOKENS": "a secret of thirty-two bytes or more",
}
HALF = b"POST /webhooks/companycam HTTP/1.1\r\nHost: x\r\nX-CompanyCam-Signature: x\r\nContent-Length: 10\r\n\r\nhello"
OTHER_HALF = b"world"


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
