"""A process of the stack: started where it does not run, started anew where what it was given has changed."""

import asyncio
import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import psutil

from paintbox.errors import OperatorError
from paintbox.stack import processes
from paintbox.stack.account import Account
from paintbox.stack.places import Places

Made = TypeVar("Made")

READY_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 0.05
STOP_SECONDS: Final = 30.0


class Outcome(StrEnum):
    """What bringing a part up came to. Nothing was changed where it runs already or there was nothing to do."""

    RUNS = "up already"
    STARTED = "started"
    RESTARTED = "started again"
    RENEWED = "started, new code"
    CHANGED = "done"
    UNCHANGED = "nothing to do"


@dataclass(frozen=True, slots=True)
class Program:
    """How one process is started, seen to be ready, and stopped."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    """Its own settings; what it inherits of the caller's is added at the start and is no reason to start it anew."""
    folder: Path
    prepare: Callable[[], str]
    """Readies all that a start needs, and gives what is to be executed. Called only before a start; may block."""
    missing: Callable[[], Awaitable[str | None]]
    """None where it is ready, else what is missing."""
    account: Account | None = None
    code: str = ""
    """A digest of the code that it runs, where that is ours to edit."""

    @property
    def fingerprint(self) -> str:
        """`<given>.<code>`: of what it is started with; not where its program lies, which may differ by shell."""
        given = json.dumps([list(self.arguments), dict(self.environment)], sort_keys=True)
        return f"{hashlib.sha256(given.encode()).hexdigest()}.{self.code}"


def stop_signal(name: str) -> signal.Signals:
    """What asks the process to end: PostgreSQL would wait for its clients at SIGTERM, and at SIGINT does not."""
    return signal.SIGINT if name == "postgres" else signal.SIGTERM


class PartError(OperatorError):
    """A part of the stack did not come up: why, its last log lines, and the file with all of them."""

    def __init__(self, part: str, why: str, log: Path | None = None, last: Sequence[str] = ()) -> None:
        super().__init__(f"{part} {why}")
        self.part = part
        self.why = why
        self.log = log
        self.last = tuple(last)


async def bring_up(places: Places, program: Program, inherited: Mapping[str, str]) -> Outcome:
    """Starts the program unless it runs as it should, and waits until it is ready.

    Raises PartError where it ends, or is not ready within 90 s; then it is left as it is, for a look at it.
    """
    record = processes.read_records(places.pids).get(program.name)
    process = processes.find(record) if record else None
    if record and process and record.fingerprint == program.fingerprint:
        await _until_ready(places, program, process)
        return Outcome.RUNS
    if process is not None:
        await _to_its_end(processes.stop, process, stop_signal(program.name), STOP_SECONDS)
    executable = await _to_its_end(program.prepare)
    log_start = processes.roll(places.log(program.name))
    child = _start(places, program, executable, inherited)
    try:
        await _until_ready(places, program, psutil.Process(child.pid), child, log_start)
    finally:
        processes.reap(child, processes.told_at(places.pids, program.name))
    return _outcome(program, record, was_running=process is not None)


async def _to_its_end(work: Callable[..., Made], *arguments: object) -> Made:
    """In a thread. Who is interrupted meanwhile waits for its end: what it makes could not be removed before."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait({task})


def _outcome(program: Program, record: processes.Record | None, *, was_running: bool) -> Outcome:
    if record is None:
        return Outcome.STARTED
    given, _, code = program.fingerprint.partition(".")
    given_before, _, code_before = record.fingerprint.partition(".")
    only_code = was_running and given == given_before and code != code_before
    return Outcome.RENEWED if only_code else Outcome.RESTARTED


def _start(
    places: Places, program: Program, executable: str, inherited: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    mark = f"{places.directory}:{program.name}"
    child = processes.launch(
        [executable, *program.arguments],
        log=places.log(program.name),
        environment={**inherited, **program.environment, processes.MARK: mark},
        folder=program.folder,
        account=program.account,
    )
    started = psutil.Process(child.pid).create_time()
    processes.write_record(places.pids, processes.Record(program.name, child.pid, started, program.fingerprint, mark))
    return child


async def _until_ready(
    places: Places,
    program: Program,
    process: psutil.Process,
    child: "subprocess.Popen[bytes] | None" = None,
    log_start: int = 0,
) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        missing = await program.missing()
        if not processes.lives(process):
            raise _failed(places, program, _end(child, answered=missing is None), log_start)
        if missing is None:
            return
        if time.monotonic() > deadline:
            raise _failed(places, program, f"is not ready after {READY_SECONDS:.0f} s: {missing}", log_start)
        await asyncio.sleep(LOOK_SECONDS)


def _end(child: "subprocess.Popen[bytes] | None", *, answered: bool) -> str:
    code = child.wait() if child else None
    how = "" if code is None else f" with exit code {code}" if code >= 0 else f", killed by signal {-code}"
    return f"ended{how}" + (", and another program answers at its address" if answered else "")


def _failed(places: Places, program: Program, why: str, log_start: int) -> PartError:
    log = places.log(program.name)
    return PartError(program.name, why, log, processes.tail(log, log_start))
