"""Many strangers at one door, over real sockets: they neither shut it nor make it remember what they send."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest

from support import samples
from support.outages import metric_of, raw
from support.programs import Running, running
from support.senders import companycam_headers, salesforce_headers
from support.waiting import until
from synckit.http_protocol import OTHER_FILES

SECRET: Final = "a secret of thirty-two bytes or more"
COMPANYCAM: Final = "/webhooks/companycam"
EVENTS: Final = "/webhooks/salesforce/events"
BODY: Final = samples.body("companycam_photo_created.json")
MIB: Final = 1024 * 1024
MOST_BYTES: Final = 32 * MIB
BYTES: Final = "paintbox_webhook_bytes_in_flight"
REQUESTS: Final = "paintbox_webhook_requests_in_flight"
SIGNED: Final = "X-CompanyCam-Signature: x\r\n"
CHUNKED: Final = "Transfer-Encoding: chunked\r\n"
ONE: Final = b"1\r\nx\r\n"

Connection = tuple[StreamReader, StreamWriter]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Running]:
    """A door that has neither Kafka nor a spool: whom it lets in it answers `unavailable`."""
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "INTEGRATIONS_DSN": "postgresql://nobody:x@127.0.0.1:1/paintbox_integrations",
        "SALESFORCE_ORGANIZATION_IDS": "00D5e000000Pnt1EAC",
        "SALESFORCE_ENDPOINT_TOKENS": SECRET,
        "SALESFORCE_WEBHOOK_SECRETS": SECRET,
        "COMPANYCAM_WEBHOOK_TOKENS": SECRET,
    }
    with running("webhook_ingest", tmp_path, **settings) as process:
        await process.listens()
        yield process


@pytest.fixture
async def http(door: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the door."""
    async with httpx.AsyncClient(trust_env=False, timeout=30, base_url=door.url) as client:
        yield client


@pytest.fixture
async def crowd() -> AsyncIterator[AsyncExitStack]:
    """Connections that are closed at the end."""
    async with AsyncExitStack() as stack:
        yield stack


def head(path: str, *headers: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{''.join(headers)}\r\n".encode()


async def connected(crowd: AsyncExitStack, door: Running, data: bytes) -> Connection:
    reader, writer = await raw(door.port, data)
    crowd.callback(writer.close)
    return reader, writer


async def answered(connection: Connection) -> bytes:
    """The answer, up to the end of its body."""
    async with asyncio.timeout(10):
        return await connection[0].readuntil(b"}")


@pytest.mark.parametrize("length", [CHUNKED, f"Content-Length: {MIB}\r\n"], ids=["chunked", "announced"])
async def test_a_crowd_that_announces_much_and_sends_nothing_does_not_shut_the_door(
    crowd: AsyncExitStack, door: Running, http: httpx.AsyncClient, length: str
) -> None:
    started = head(COMPANYCAM, SIGNED, length) + ONE
    for _ in range(80):
        await connected(crowd, door, started)

    async def all_are_in_hand() -> bool:
        return await metric_of(http, "", REQUESTS) == 80

    await until(all_are_in_hand)
    answer = await http.post(COMPANYCAM, content=BODY, headers=companycam_headers(BODY, SECRET))

    assert answer.json()["code"] == "unavailable"


@pytest.mark.parametrize("length", [CHUNKED, f"Content-Length: {MIB}\r\n"], ids=["chunked", "announced"])
@pytest.mark.parametrize(
    ("path", "credentials", "reason"),
    [
        (COMPANYCAM, "", "invalid_signature"),
        (EVENTS, "", "invalid_signature"),
        (EVENTS, "Authorization: Bearer x\r\n", "no_bearer"),
    ],
)
async def test_whoever_has_nothing_to_show_is_refused_before_the_body_comes(
    crowd: AsyncExitStack,
    door: Running,
    http: httpx.AsyncClient,
    path: str,
    credentials: str,
    reason: str,
    length: str,
) -> None:
    name = "companycam" if path == COMPANYCAM else "salesforce_events"

    early = await answered(await connected(crowd, door, head(path, credentials, length)))

    late = await http.post(
        path, content=BODY, headers={**companycam_headers(BODY, "x"), **salesforce_headers(BODY, "x")}
    )
    rejected = f'paintbox_webhook_rejected_total{{door="{name}",reason="{reason}"}}'
    assert early.startswith(b"HTTP/1.1 401 ")
    assert early.endswith(late.content)
    assert await metric_of(http, "", rejected) >= 1


async def test_a_client_that_was_refused_early_may_send_its_body_and_ask_again(
    crowd: AsyncExitStack, door: Running
) -> None:
    connection = await connected(crowd, door, head(COMPANYCAM, f"Content-Length: {MIB}\r\n"))
    first = await answered(connection)

    connection[1].write(b"x" * MIB + head(EVENTS, "Content-Length: 0\r\n"))
    second = await answered(connection)

    assert [first[:13], second[:13]] == [b"HTTP/1.1 401 "] * 2


async def test_a_body_that_does_not_end_behind_its_answer_is_cut_off(crowd: AsyncExitStack, door: Running) -> None:
    reader, writer = connection = await connected(crowd, door, head(COMPANYCAM, CHUNKED) + ONE)
    await answered(connection)

    ending = asyncio.create_task(reader.read())
    async with asyncio.timeout(20):
        while not (await asyncio.wait({ending}, timeout=1))[0]:
            writer.write(ONE)

    with suppress(ConnectionError):
        assert ending.result() == b""


async def test_bytes_beyond_the_most_are_refused_as_they_come_and_the_others_are_kept(
    crowd: AsyncExitStack, door: Running, http: httpx.AsyncClient
) -> None:
    piece = b"%x\r\n%b\r\n" % (MIB - 1, b"x" * (MIB - 1))
    connections = [await connected(crowd, door, head(COMPANYCAM, SIGNED, CHUNKED) + ONE) for _ in range(40)]
    reading = [asyncio.create_task(answered(one)) for one in connections]
    for _, writer in connections:
        writer.write(piece)

    async def some_are_refused() -> bool:
        name = 'paintbox_webhook_rejected_total{door="companycam",reason="too_busy"}'
        return name in (await http.get("/metrics")).text and await metric_of(http, "", name) >= 8

    await until(some_are_refused)
    held = await metric_of(http, "", BYTES)
    early = [
        task.result() for task in reading if task.done() and not task.exception()
    ]  # others were reset as they sent
    for task in reading:
        task.cancel()
    await asyncio.wait(reading)

    assert 0 < held <= MOST_BYTES
    assert all(one.startswith(b"HTTP/1.1 503 ") and b"too_busy" in one for one in early)


async def test_a_connection_beyond_the_most_is_counted_and_found_in_the_log_by_its_answer(
    crowd: AsyncExitStack, door: Running, http: httpx.AsyncClient
) -> None:
    await http.get("/healthz")
    few = OTHER_FILES + 5
    psutil.Process(door.process.pid).rlimit(psutil.RLIMIT_NOFILE, (few, few))
    for _ in range(4):
        await connected(crowd, door, b"")

    beyond = [await answered(await connected(crowd, door, b"")) for _ in range(3)]

    lines = map(json.loads, door.log.read_text().splitlines())
    logged = [line["request_id"] for line in lines if line.get("reason") == "service_unavailable"]
    assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in beyond)
    assert len(logged) == 3
    assert all(f"x-request-id: {one}\r\n".encode() in answer for one, answer in zip(logged, beyond, strict=True))
    assert await metric_of(http, "", 'paintbox_http_refused_total{reason="service_unavailable"}') == 3
