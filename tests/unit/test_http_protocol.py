"""Requests that come whole go the short way, the others uvicorn's, and nobody outside can tell which."""

import asyncio
from contextlib import nullcontext
from typing import Any, Final, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from support.waiting import until_true
from synckit import web
from synckit.drain import Drain
from synckit.http_protocol import BoundedProtocol

BODY: Final = b'{"a": 1}'
HEAD: Final = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n" % len(BODY)


class Connection:
    """A client whose every answer is kept, write by write."""

    def __init__(self) -> None:
        self.drain = Drain(1)
        self.writes: list[bytes] = []
        self.is_closed = False
        self.seen: list[web.Request] = []
        app = self.drain.around(web.application({"/echo": {"POST": self.echo, "GET": self.echo}}, nullcontext))
        config = uvicorn.Config(app, interface="asgi3", http=BoundedProtocol, ws="none", log_config=None)
        config.load()
        self.protocol: Any = BoundedProtocol(config=config, server_state=ServerState(), app_state={})
        self.protocol.connection_made(cast("asyncio.Transport", self))

    async def echo(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        return web.Response(200, await web.read_body(request), "text/plain")

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 1) if name in {"peername", "sockname"} else default

    def pause_reading(self) -> None:
        """Nothing more comes anyway."""

    def resume_reading(self) -> None:
        """As above."""

    async def answered(self, body: bytes, times: int = 1) -> list[bytes]:
        await until_true(lambda: b"".join(self.writes).count(b"HTTP/1.1 ") == times and self.writes[-1].endswith(body))
        return self.writes


@pytest.fixture
async def client() -> Any:
    connection = Connection()
    yield connection
    connection.protocol.connection_lost(None)


async def test_a_request_that_comes_whole_is_answered_in_one_write(client: Connection) -> None:
    client.protocol.data_received(HEAD + b"\r\n" + BODY)

    (answer,) = await client.answered(BODY)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"HTTP/1.1 200 OK"
    assert b"content-type: text/plain" in head
    assert b"content-length: %d" % len(BODY) in head
    assert b"x-request-id: " + client.seen[0].id.encode() in head
    assert body == BODY
    assert client.seen[0].arrived == BODY


async def test_a_body_that_comes_in_pieces_is_answered_alike(client: Connection) -> None:
    client.protocol.data_received(HEAD + b"\r\n" + BODY[:3])
    await until_true(lambda: bool(client.seen))
    client.protocol.data_received(BODY[3:])

    answer = b"".join(await client.answered(BODY))

    assert client.seen[0].arrived is None
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n" + BODY)


async def test_who_waits_for_a_100_is_told_to_go_on(client: Connection) -> None:
    client.protocol.data_received(HEAD + b"expect: 100-continue\r\n\r\n")
    await until_true(lambda: client.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"])
    client.protocol.data_received(BODY)

    assert b"HTTP/1.1 200 OK\r\n" in b"".join(await client.answered(BODY, times=2))


async def test_requests_behind_one_another_are_answered_in_order(client: Connection) -> None:
    other = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n2"
    client.protocol.data_received(HEAD + b"\r\n" + BODY + other)

    first, second = await client.answered(b"2", times=2)

    assert (first.endswith(BODY), second.endswith(b"\r\n\r\n2")) == (True, True)


@pytest.mark.parametrize("line", [b"connection: close\r\n", b""])
async def test_a_connection_is_closed_where_the_client_asks_for_it(client: Connection, line: bytes) -> None:
    client.protocol.data_received(HEAD + line + b"\r\n" + BODY)

    (answer,) = await client.answered(BODY)

    assert (b"\r\nconnection: close\r\n" in answer, client.is_closed) == (bool(line), bool(line))


async def test_every_answer_of_a_drain_closes_its_connection(client: Connection) -> None:
    client.drain.begin()
    client.protocol.data_received(HEAD + b"\r\n" + BODY)

    answer = b"".join(await client.answered(BODY))

    assert b"\r\nconnection: close\r\n" in answer
    assert client.is_closed


async def test_who_does_not_read_is_waited_for(client: Connection) -> None:
    client.protocol.pause_writing()
    client.protocol.data_received(HEAD + b"\r\n" + BODY)
    await until_true(lambda: bool(client.seen))
    for _ in range(10):
        await asyncio.sleep(0)
    waited = list(client.writes)

    client.protocol.resume_writing()

    assert waited == []
    assert b"".join(await client.answered(BODY)).endswith(BODY)


@pytest.mark.parametrize(
    "line", [b"Host: y", b"HOST: x", b"Transfer-Encoding: gzip, chunked"], ids=["two hosts", "twice one", "coded twice"]
)
async def test_what_somebody_else_may_read_otherwise_is_refused(client: Connection, line: bytes) -> None:
    coding = b"" if b"chunked" in line else b"Transfer-Encoding: chunked\r\n"

    client.protocol.data_received(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n" + coding + b"\r\n0\r\n\r\n")
    writes = await client.answered(b"}")

    assert writes[0].startswith(b"HTTP/1.1 400 ")
    assert (client.is_closed, client.seen) == (True, [])


async def test_headers_that_do_not_come_whole_are_waited_for_once(client: Connection) -> None:
    client.protocol.data_received(HEAD)
    timer = client.protocol._timer
    client.protocol.data_received(b"x: y\r\n")
    is_same = client.protocol._timer is timer

    client.protocol.data_received(b"\r\n" + BODY)
    await client.answered(BODY)

    assert timer is not None
    assert is_same
    assert (timer.cancelled(), client.protocol._timer) == (True, None)


async def test_what_there_is_no_memory_to_read_is_to_come_again_and_not_for_good_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A vendor that does not repeat a 400 would drop the delivery."""

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(BoundedProtocol, "on_body", fail)
    client = Connection()
    client.protocol.data_received(HEAD + b"\r\n" + BODY)

    await until_true(lambda: client.is_closed)
    answer = b"".join(client.writes)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer


async def test_what_there_is_no_memory_to_handle_is_to_come_again(
    client: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(web, "read_body", fail)
    client.protocol.data_received(HEAD + b"\r\n" + BODY)

    await until_true(lambda: bool(client.writes))
    answer = b"".join(client.writes)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5" in answer
