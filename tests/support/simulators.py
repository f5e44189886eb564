"""The simulators on real ports, and a subscriber that remembers what it was sent and answers as it is told."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn

from paintbox.stack import probes
from simulators import app
from simulators.__main__ import VENDORS
from simulators.settings import SimulatorSettings
from synckit import web

ACK: Final = (
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)
BUSY: Final = 503
PATIENCE_SECONDS: Final = 20.0

Json = Any
Answer = Callable[["Received"], Awaitable[tuple[int, bytes]]]


@dataclass(frozen=True, slots=True)
class Received:
    """A request that a subscriber got."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)


async def accept(request: Received) -> tuple[int, bytes]:
    """The answer that every form takes for a success."""
    return 200, ACK if request.body.startswith(b"<") else b"{}"


async def refuse(_: Received) -> tuple[int, bytes]:
    """The answer that none does."""
    return BUSY, b""


RETRY_AFTER: Final = (("retry-after", "7"),)
"""What a subscriber says of when to try again, where it refuses with 503."""


@dataclass
class Subscriber:
    """Someone who is told of changes."""

    url: str
    answer: Answer = accept
    received: list[Received] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def has(self, count: int) -> list[Received]:
        """The requests, as soon as there are so many."""
        async with asyncio.timeout(PATIENCE_SECONDS), self.came:
            await self.came.wait_for(lambda: len(self.received) >= count)
        return list(self.received)

    async def take(self, request: web.Request) -> web.Response:
        body = await web.read_body(request, largest=64 * 1024 * 1024)
        got = Received(request.path, request.headers, body)
        async with self.came:
            self.received.append(got)
            self.came.notify_all()
        status, answer = await self.answer(got)
        return web.Response(status, answer, "text/plain", RETRY_AFTER if status == BUSY else ())


@asynccontextmanager
async def subscribing() -> AsyncIterator[Subscriber]:
    """A subscriber on a free port."""
    listener = _listener()
    subscriber = Subscriber(f"http://127.0.0.1:{listener.getsockname()[1]}/hook")
    async with _serving(web.application({"/*": {"POST": subscriber.take}}, _nothing), listener):
        yield subscriber


@asynccontextmanager
async def simulating(vendor: str, folder: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A simulator of this vendor on a free port, as a client of its paths. It tries again after a twentieth second."""
    listener = _listener()
    chosen = SimulatorSettings(simulator_directory=folder, **{"simulator_retry_seconds": 0.05} | settings)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with _serving(app.build(*VENDORS[vendor], chosen), listener), probes.client(address, seconds=5) as client:
        client.base_url = httpx.URL(address)
        yield client


@asynccontextmanager
async def process_of(vendor: str, folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The simulator as a user starts it, as soon as it is ready; killed at the end if it still runs."""
    environment = {
        "PATH": os.environ["PATH"],
        "PAINTBOX_LISTEN": f"127.0.0.1:{port}",
        "PAINTBOX_SIMULATOR_DIRECTORY": str(folder),
        "PAINTBOX_SIMULATOR_RETRY_SECONDS": "0.05",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", vendor, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        await _ready(process)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while b"Uvicorn running" not in (line := await process.stdout.readline()):
            assert line, "the simulator ended before it was ready"


def free_port() -> int:
    with _listener() as listener:
        return int(listener.getsockname()[1])


async def ended(client: httpx.AsyncClient, *, count: int) -> list[Json]:
    """The deliveries, as soon as there are so many and none waits any more."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = (await client.get("/_simulator/deliveries", params={"limit": 1000, "body": "true"})).json()
            if len(found["deliveries"]) >= count and not found["counts"]["pending"]:
                return list(found["deliveries"])


def _listener() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def _serving(application: web.Asgi, listener: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="on", http="httptools"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn says so in no other way
        await asyncio.sleep(0)
    try:
        yield
    finally:
        server.should_exit = True
        await running
