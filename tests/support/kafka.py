"""A Kafka broker for the whole test run, shared by its workers, and topics of its tests' own."""

import asyncio
import contextlib
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
from filelock import FileLock

from paintbox.stack import brief, jars, kafka, processes
from paintbox.stack.kafka import Broker

CHECKOUT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 90.0

NewTopic = Callable[..., Awaitable[str]]
"""Creates a topic for one test (`partitions=1`, and Kafka's settings by name, `_` for `.`); its name."""


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """A running broker: its address, its folder, and which process it is."""

    servers: str
    home: str
    pid: int
    started: float


def shared_broker(folder: Path) -> KafkaServer:
    """The broker of this test run: started by whichever worker asks first, and found by the others in `folder`."""
    state = folder / "kafka.json"
    with FileLock(folder / "kafka.lock"):
        if not state.exists():
            state.write_text(json.dumps(asdict(_start())))
    return KafkaServer(**json.loads(state.read_text()))


def stop_shared_broker(folder: Path) -> None:
    """Stop the broker of this run, if any test needed one, and remove its files."""
    state = folder / "kafka.json"
    if state.exists():
        server = KafkaServer(**json.loads(state.read_text()))
        _stop(server)
        shutil.rmtree(server.home)


@contextlib.contextmanager
def new_broker() -> Iterator[KafkaServer]:
    """A broker of one test's own, on which nothing ever happened, for the block."""
    server = _start()
    try:
        yield server
    finally:
        _stop(server)
        shutil.rmtree(server.home)


@contextlib.contextmanager
def moved(server: KafkaServer) -> Iterator[KafkaServer]:
    """The same broker with its data on other ports, which its folder's name says, for the block."""
    _stop(server)
    elsewhere = Path(server.home).rename(f"{server.home}-moved")
    try:
        other = _start(elsewhere)
        try:
            yield other
        finally:
            _stop(other)
    finally:
        elsewhere.rename(server.home)


@contextlib.contextmanager
def crashed(server: KafkaServer, meanwhile: Callable[[Path], None]) -> Iterator[KafkaServer]:
    """The same broker after a `kill -9`, and after something has happened to its folder, for the block."""
    process = psutil.Process(server.pid)
    process.kill()
    process.wait()
    meanwhile(Path(server.home))
    other = _start(Path(server.home))
    try:
        yield other
    finally:
        _stop(other)


def cut(home: Path, topic: str, records: int) -> None:
    """What a host leaves that died before more records were on its disk. Each was sent alone, so it is a batch."""
    [segment] = home.glob(f"**/{topic}-0/*.log")
    content, end = segment.read_bytes(), 0
    for _ in range(records):
        end += 12 + int.from_bytes(content[end + 8 : end + 12], "big")
    segment.write_bytes(content[:end])
    for derived in [*segment.parent.glob("*.index"), *segment.parent.glob("*.timeindex")]:
        derived.unlink()


def _start(home: Path | None = None) -> KafkaServer:
    home = home or Path(tempfile.mkdtemp(prefix="paintbox-kafka-"))
    broker, child = brief.start(CHECKOUT, jars.require(CHECKOUT), home)
    server = KafkaServer(broker.servers, str(home), child.pid, psutil.Process(child.pid).create_time())
    processes.reap(child)
    try:
        asyncio.run(_wait_until_ready(broker, server))
    except BaseException:
        _stop(server)
        raise
    return server


async def _wait_until_ready(broker: Broker, server: KafkaServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while missing := await kafka.missing(broker):
        if not psutil.pid_exists(server.pid) or time.monotonic() > deadline:
            raise RuntimeError("\n".join([f"Kafka: {missing}", *processes.tail(Path(server.home, "log"))]))
        await asyncio.sleep(0.05)


def _stop(server: KafkaServer) -> None:
    process = processes.find(processes.Record("kafka", server.pid, server.started, "", ""))
    if process is not None:
        processes.stop(process, signal.SIGTERM, 30)
