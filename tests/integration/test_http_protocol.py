"""What a connection may cost, over real sockets: no header without end, and no answer that nobody reads."""

import asyncio
import logging
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import pytest
import uvicorn
from prometheus_client import REGISTRY
from uvicorn.server import ServerState

from support.waiting import until_true
from synckit import http_protocol, web
from synckit.http_protocol import BoundedProtocol

HOST: Final = "127.0.0.1"
LARGE: Final = b"x" * 1024 * 1024
BODY: Final = b'{"a": "body"}'
PLAIN: Final = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n"
UPGRADE: Final = PLAIN[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
GET: Final = b"GET /large HTTP/1.1\r\nHost: x\r\n"
TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
CHUNKED: Final = b"POST /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Served:
    """A server in this process, and what it knows of its connections."""

    port: int
    state: ServerState

    @asynccontextmanager
    async def sent(self, data: bytes) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
        """A connection over which this was sent; little waits at its end to be read."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, (HOST, self.port))
        reader, writer = await asyncio.open_connection(sock=line)
        writer.write(data)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def receives(self, parts: Sequence[bytes]) -> None:
        """The one connection's data, as it comes from the network: in these parts."""
        await until_true(lambda: len(self.state.connections) == 1)
        (connection,) = self.state.connections
        for part in parts:
            connection.data_received(part)

    async def answer_to(self, data: bytes) -> bytes:
        """The first line of what is answered; empty where the connection was reset over what nobody read."""
        async with self.sent(data) as (reader, _), asyncio.timeout(5):
            try:
                return await reader.readline()
            except ConnectionError:
                return b""


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A server of one large answer, which reads the body first."""

    async def large(request: web.Request) -> web.Response:
        await web.read_body(request)
        return web.Response(200, LARGE)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        yield

    async def echo(request: web.Request) -> web.Response:
        return web.Response(200, await web.read_body(request))

    app = web.application({"/large": {"GET": large, "POST": large}, "/echo": {"POST": echo}}, lifespan)
    config = uvicorn.Config(app, http=BoundedProtocol, interface="asgi3", ws="none", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: BoundedProtocol(config=config, server_state=state, app_state={}), HOST, 0
    )
    async with server:
        yield Served(server.sockets[0].getsockname()[1], state)
        for connection in list(state.connections):
            connection.transport.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /",
        GET + b"X: ",
        GET,
        CHUNKED + b"1;",
        CHUNKED + b"0\r\nX: ",
    ],
    ids=["an address", "a value", "a name", "a chunk's extension", "a trailer"],
)
async def test_what_does_not_end_is_cut_off_instead_of_being_kept(served: Served, begun: bytes) -> None:
    answer = await served.answer_to(begun + b"a" * 600_000)

    assert answer in {TOO_LARGE, b""}


@pytest.mark.parametrize("parts", [(UPGRADE + BODY,), (UPGRADE, BODY), (UPGRADE[:-4], UPGRADE[-4:], BODY)])
async def test_whoever_would_rather_speak_http_2_is_heard_out(served: Served, parts: tuple[bytes, ...]) -> None:
    async with served.sent(b"") as (reader, writer), asyncio.timeout(5):
        await served.receives(parts)
        first = await reader.readuntil(BODY)
        writer.write(PLAIN + BODY)
        second = await reader.readuntil(BODY)

    assert [first[:15], second[:15]] == [b"HTTP/1.1 200 OK"] * 2


@pytest.mark.parametrize("parts", [(PLAIN + BODY, UPGRADE + BODY), (UPGRADE[:70], UPGRADE[70:] + BODY)])
async def test_a_body_is_never_taken_for_the_next_request(served: Served, parts: tuple[bytes, ...]) -> None:
    async with served.sent(b"") as (reader, _), asyncio.timeout(5):
        await served.receives(parts)
        answers = await reader.read()

    assert answers.count(b"HTTP/1.1 ") == answers.count(b" 200 OK") + 1
    assert b"HTTP/1.1 400 Bad Request\r\n" in answers


async def test_short_headers_count_for_what_is_kept_of_them(served: Served) -> None:
    answer = await served.answer_to(GET + b"a:\r\n" * 8_000)

    assert answer in {TOO_LARGE, b""}


async def test_a_body_is_no_header_however_large(served: Served) -> None:
    head = b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n"

    answer = await served.answer_to(head + b"a" * 500_000)

    assert answer == b"HTTP/1.1 200 OK\r\n"


async def test_whoever_does_not_read_its_answers_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "UNREAD_MS", 500)
    async with served.sent((GET + b"\r\n") * 20) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a socket's
        await until_true(lambda: bool(served.state.tasks))

        await until_true(lambda: not served.state.connections and not served.state.tasks, 20)


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("paintbox_http_refused_total", {"reason": reason}) or 0.0


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (b"canary\r\n\r\n", b"400", "bad_request"),
        (b"GET /canary HTTP/1.1\r\n", b"408", "request_timeout"),
        (GET + b"canary:\r\n" * 1_000 + b"\r\n", b"431", "request_header_fields_too_large"),
    ],
)
async def test_b20_what_reaches_no_route_is_counted_and_found_in_the_log_by_its_answer(
    served: Served,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    sent: bytes,
    status: bytes,
    reason: str,
) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.2)
    caplog.set_level(logging.INFO, "synckit")
    before = refused(reason)

    async with served.sent(sent) as (reader, _), asyncio.timeout(5):
        answer = await reader.readuntil(b"}")

    (said,) = [record for record in caplog.records if record.name.startswith("synckit")]
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nx-request-id: " + vars(said)["request_id"].encode() + b"\r\n" in answer
    assert vars(said)["reason"] == reason
    assert "canary" not in repr(vars(said))
    assert refused(reason) == before + 1
