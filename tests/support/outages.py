"""Kafka and PostgreSQL of a test's own, which it may freeze and kill, and doors before them."""

import asyncio
import contextlib
import os
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import psutil

from paintbox.environment import parse
from paintbox.stack import kept, processes
from paintbox.stack.environments import dsn
from paintbox.stack.places import Places
from paintbox.stack.postgres import SUPERUSER
from support import samples
from support.programs import HOST, Running, running
from support.senders import companycam_headers
from support.stacks import cleaned, parts_named, places_in, up

PARTS: Final = (
    "postgres",
    "databases",
    "kafka",
    "topics",
    "migrations",
    "logins",
    "configuration",
    "webhook-log",
)
COMPANYCAM: Final = "/webhooks/companycam"


@dataclass(frozen=True, slots=True)
class Servers:
    """A stack of both servers and the webhook log."""

    places: Places
    folder: Path
    environment: dict[str, str]

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Stops these where they stand, PostgreSQL with all its children, until the block ends."""
        stopped: list[psutil.Process] = []
        try:
            for name in names:
                process = self.process(name)
                for one in (process, *process.children(recursive=True)):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        one.send_signal(signal.SIGSTOP)
                        stopped.append(one)
            yield
        finally:
            for one in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGCONT)

    def process(self, name: str) -> psutil.Process:
        """The process of a part."""
        found = processes.find(processes.read_records(self.places.pids)[name])
        assert found is not None
        return found

    async def bring_back(self) -> None:
        """Starts again what was killed."""
        results, said = await asyncio.to_thread(up, self.places, parts_named(*PARTS))
        assert all(result.is_up for result in results), said

    @contextmanager
    def door(self, **settings: str) -> Iterator[Running]:
        """A door before these servers, with the settings of the stack's and these."""
        given = parse((self.places.environments / "webhook-ingest").read_text())
        names = {name.removeprefix("PAINTBOX_"): value for name, value in given.items() if name != "PAINTBOX_LISTEN"}
        with running("webhook_ingest", self.folder, **names | settings) as process:
            yield process

    async def rows(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        """What a statement finds in paintbox_integrations."""
        connection = await asyncpg.connect(self.environment["PAINTBOX_INTEGRATIONS_DSN"])
        try:
            return await connection.fetch(statement, *parameters)
        finally:
            await connection.close()

    @asynccontextmanager
    async def session(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A session of the owner in paintbox_integrations."""
        connection = await asyncpg.connect(self.environment["PAINTBOX_INTEGRATIONS_DSN"])
        try:
            yield connection
        finally:
            connection.terminate()

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A session of PostgreSQL's superuser."""
        connection = await asyncpg.connect(dsn(kept.read(self.places.kept), SUPERUSER, "postgres"))
        try:
            yield connection
        finally:
            connection.terminate()

    @property
    def token(self) -> str:
        """What CompanyCam signs with."""
        return self.environment["PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS"]


@contextmanager
def servers_in(folder: Path) -> Iterator[Servers]:
    """Starts the servers; at the end nothing of them is left."""
    where, parts = places_in(folder / "stack"), parts_named(*PARTS)
    if os.geteuid() == 0:
        folder.chmod(0o711)
    with cleaned(where, parts):
        results, said = up(where, parts)
        assert all(result.is_up for result in results), said
        yield Servers(where, folder, parse(where.environment.read_text()))


def a_delivery(number: int, **changes: Any) -> bytes:
    """A webhook of CompanyCam like no other number's."""
    document = samples.document("companycam_photo_created.json") | {"created_at": 1_767_100_000 + number}
    return samples.dumped(document | changes)


async def push(http: httpx.AsyncClient, url: str, token: str, body: bytes) -> httpx.Response:
    """Sends a webhook of CompanyCam."""
    return await http.post(url + COMPANYCAM, content=body, headers=companycam_headers(body, token))


async def post(url: str, token: str, body: bytes) -> httpx.Response:
    """The same over a plain connection, for tests that send thousands: httpx would be busier than what it asks."""
    signed = "".join(f"{name}: {value}\r\n" for name, value in companycam_headers(body, token).items())
    head = f"POST {COMPANYCAM} HTTP/1.1\r\nHost: x\r\n{signed}Content-Length: {len(body)}\r\n\r\n"
    status = await status_of(httpx.URL(url).port or 80, head.encode() + body)
    return httpx.Response(status, request=httpx.Request("POST", url + COMPANYCAM, content=body))


async def status_of(port: int, request: bytes) -> int:
    """The status that a request is answered with, over a connection of its own."""
    reader, writer = await raw(port, request)
    try:
        return int((await reader.readuntil(b"\r\n\r\n")).split()[1])
    finally:
        writer.close()


def metric(text: str, name: str) -> float:
    """The value of a metric without labels, or with those that stand in the name."""
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.rpartition(" ")[0] == name)


async def metric_of(http: httpx.AsyncClient, url: str, name: str) -> float:
    """The same, asked of a process."""
    return metric((await http.get(f"{url}/metrics")).text, name)


async def answered_late(http: httpx.AsyncClient, url: str) -> float:
    """How many deliveries the door has answered after more than 5 s, by its own clock: ours may be starved."""
    text = (await http.get(f"{url}/metrics")).text
    seconds = "paintbox_webhook_answer_seconds"
    in_time = metric(text, f'{seconds}_bucket{{door="companycam",le="5.0"}}')
    return metric(text, f'{seconds}_count{{door="companycam"}}') - in_time


async def raw(port: int, data: bytes) -> tuple[StreamReader, StreamWriter]:
    """A connection on which these bytes were sent."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(data)
    await writer.drain()
    return reader, writer
