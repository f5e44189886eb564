"""The bench's own stack: its directory, its ports, servers that stay up, and processes that run when they are asked."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from paintbox.bench import statement_costs
from paintbox.databases import Database, connected
from paintbox.errors import OperatorError
from paintbox.output import PartLines
from paintbox.stack import down, kept, operate, places, processes, programs, stacks
from paintbox.stack.environments import OWNER, database_name, dsn, public, url
from paintbox.stack.kept import Kept
from paintbox.stack.layout import Layout, replicas
from paintbox.stack.parts import EVERY_PART, Part, parts_of
from paintbox.stack.places import Places
from paintbox.stack.postgres import SUPERUSER
from paintbox.stack.programs import Program
from paintbox.stack.stacks import Stack
from paintbox.stack.up import bring_up

SERVERS: Final = ("postgres", "kafka", "databases", "topics", "migrations", "logins", "configuration")
SERVICES: Final = ("webhook-ingest", "webhook-log", "customer-sync", "photo-sync")
POSTGRES: Final = {"track_commit_timestamp": "on", "max_wal_size": "4GB"}
"""When each transaction was committed is what E measures; it is on in every workload, for every subject alike, and so
is the count of what statements cost, where that is installed."""
LEAST_SPACE: Final = 8 * 2**30
GROWN_SPACE: Final = 24 * 2**30


@dataclass(frozen=True, slots=True)
class Rig:
    """A stack whose servers run, and whose services run only from `start` to `stop`."""

    stack: Stack

    @property
    def kafka(self) -> str:
        """The bootstrap servers."""
        return public(self.stack.kept)["PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"]

    @property
    def environment(self) -> dict[str, str]:
        """The operator's names."""
        return public(self.stack.kept)

    def url(self, process: str) -> str:
        """Where a process is asked over HTTP."""
        return url(self.stack.kept, process)

    def dsn(self, database: Database, login: str = OWNER) -> str:
        """The database as its owner, or under the login of a service."""
        return dsn(self.stack.kept, login, database_name(database))

    @property
    def superuser_dsn(self) -> str:
        """The cluster as its superuser."""
        return dsn(self.stack.kept, SUPERUSER, "postgres")

    def named_dsn(self, name: str, login: str = OWNER) -> str:
        """Any database of the cluster by its own name."""
        return dsn(self.stack.kept, login, name)

    def log(self, name: str) -> Path:
        """Where a process of this name writes."""
        return self.stack.places.log(name)

    @property
    def scratch(self) -> Path:
        """A folder for what the workloads write down; removed at the end."""
        folder = _scratch(self.stack.places)
        folder.mkdir(exist_ok=True)
        return folder

    async def start(self, *names: str) -> None:
        """Starts these processes, and waits until each is ready. Raises OperatorError where one is not in time."""
        parts = [part for part in parts_of(self.stack.kept.layout) if part.name in names]
        await _bring_up(self.stack, parts)

    async def start_otherwise(self, name: str, module: str, environment: Mapping[str, str]) -> None:
        """Starts a process with another module than the stack does, and with more variables, until it is ready."""
        usual = self._program(name)
        other = replace(usual, arguments=("-P", "-m", module), environment={**usual.environment, **environment})
        await programs.bring_up(self.stack.places, other, self.stack.inherited)

    def variables(self, name: str) -> Mapping[str, str]:
        """What the stack tells a process, by the names of its settings."""
        return self._program(name).environment

    def _program(self, name: str) -> Program:
        part = next(part for part in parts_of(self.stack.kept.layout) if part.name == name)
        if part.program is None:
            raise OperatorError(f"{name} is no process.")
        return part.program(self.stack)

    @asynccontextmanager
    async def brief_kafka(self) -> AsyncIterator[None]:
        """Kafka with the JVM of a stack that lives for minutes, for a workload that does not last for longer.

        It is started anew, with its data, and so it is at the end: nobody else may be at work at either moment. Where
        the workload fails it stays as it is, for the bench ends with it.
        """
        await self._start_kafka(lasting=False)
        yield
        await self._start_kafka(lasting=True)

    async def _start_kafka(self, *, lasting: bool) -> None:
        stack = with_kafka(self.stack, lasting=lasting)
        await _bring_up(stack, [part for part in parts_of(stack.kept.layout) if part.name == "kafka"])

    async def stop(self, *names: str) -> None:
        """Stops these processes, where they run, as an operator would: they drain."""
        await asyncio.gather(*(asyncio.to_thread(self._stop, name) for name in names))

    def _stop(self, name: str) -> None:
        process = self.find(name)
        if process is not None:
            processes.stop(process, programs.stop_signal(name), programs.STOP_SECONDS)
        processes.remove_record(self.stack.places.pids, name)

    def find(self, name: str) -> psutil.Process | None:
        """The process of this name, where it runs."""
        record = processes.read_records(self.stack.places.pids).get(name)
        return processes.find(record) if record else None

    def pid(self, name: str) -> int:
        """The number of a process that runs. Raises OperatorError where it does not."""
        process = self.find(name)
        if process is None:
            raise OperatorError(f"{name} does not run any more; its log is {self.log(name)}.")
        return process.pid

    def replicas(self, service: str) -> list[str]:
        """The names of all processes of a service."""
        return replicas(service, self.stack.kept.layout)


def with_kafka(stack: Stack, *, lasting: bool) -> Stack:
    """The same stack, but for how its Kafka is started."""
    layout = replace(stack.kept.layout, lasting=lasting)
    return replace(stack, kept=replace(stack.kept, layout=layout))


async def _bring_up(stack: Stack, parts: list[Part]) -> None:
    for result in await bring_up(stack, parts, lambda _, __: None):
        if result.error:
            raise result.error


@contextmanager
def claimed(directory: Path | None, console: Console, least_space: int) -> Iterator[Places]:
    """A directory for this bench alone, `.local/bench` unless said; what was there of an earlier one is removed.

    Not for an event loop: outside of one Ctrl-C ends at once the wait for a bench that is at work there. Raises
    OperatorError where the directory is somebody else's, or too little space is free.
    """
    checkout = places.find_checkout(Path.cwd())
    where = Places(checkout, (directory or checkout / ".local" / places.BENCH).expanduser().resolve())
    operate.demand_passing(where)  # without waiting for whoever is at work there
    with PartLines(console, "starting") as lines:
        operate.remove_earlier(where, lines, _stop_and_empty, unasked=True)
    places.make(where)
    _check_space(where, least_space)
    with operate.locked(where, lines):
        yield where


@asynccontextmanager
async def opened(where: Places, console: Console, most_replicas: int = 1) -> AsyncIterator[Rig]:
    """A rig from nothing in a directory that is claimed.

    Everything is stopped at the end, and the data removed; the logs stay. Raises OperatorError where a server does not
    come up.
    """
    layout = Layout(replicas=most_replicas, postgres=POSTGRES | statement_costs.settings(), lasting=True)
    try:
        with PartLines(console, "starting") as lines:
            stack = await _start(where, layout, lines)
        yield Rig(stack)
    finally:
        with PartLines(console, "stopping") as lines:
            await asyncio.to_thread(_stop, where, lines)
        await asyncio.to_thread(_remove_data, where)


def _scratch(where: Places) -> Path:
    return where.directory / "scratch"


def _remove_data(where: Places) -> None:
    """Gigabytes that nobody needs any more. The logs stay until the next bench."""
    for folder in (_scratch(where), where.kafka, where.postgres, *stacks.homes_elsewhere(where)):
        shutil.rmtree(folder, ignore_errors=True)


def _stop_and_empty(where: Places, lines: PartLines) -> None:
    _stop(where, lines)
    _remove_data(where)


def _stop(where: Places, lines: PartLines) -> None:
    down.stop_all(where, [part.name for part in EVERY_PART], partial(operate.show_stopped, lines))


def _check_space(where: Places, least: int) -> None:
    free = shutil.disk_usage(where.directory).free
    if free < least:
        raise OperatorError(
            f"Only {free // 2**30} GB are free in {where.directory}, and the bench writes up to "
            f"{least // 2**30} GB: free some space, or name a directory elsewhere with --directory."
        )


async def _start(where: Places, layout: Layout, lines: PartLines) -> Stack:
    places.fill(where)
    kept.write(where.kept, Kept(layout=layout, is_passing=True))
    stack = stacks.open_stack(where, os.environ, lines.say)
    parts = [part for part in parts_of(layout) if part.name in SERVERS]
    results = await bring_up(stack, parts, partial(operate.show_result, lines))
    failed = [result.error for result in results if result.error]
    if failed:
        raise failed[0]
    async with connected(dsn(stack.kept, SUPERUSER, "postgres"), process="paintbox-bench") as session:
        await session.execute(f"GRANT pg_checkpoint TO {OWNER}")
    return stack
