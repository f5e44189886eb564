"""Stops what `up` started, newest first, and removes what it made."""

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paintbox.stack import mounts, processes
from paintbox.stack.layout import Layout, surplus
from paintbox.stack.places import Places
from paintbox.stack.processes import Record
from paintbox.stack.programs import STOP_SECONDS, stop_signal
from paintbox.stack.stacks import homes_elsewhere


@dataclass(frozen=True, slots=True)
class Stopped:
    """A process that ran, or should have, and how it ended."""

    part: str
    pid: int
    seconds: float
    killed: bool = False
    """It did not end by itself within 30 s."""
    had_crashed: bool = False
    """It was gone before."""


def stop_all(places: Places, order: Sequence[str], on_stopped: Callable[[Stopped], None]) -> list[Stopped]:
    """Stops each process of the stack, the last of `order` first; what was stopped. The data stays."""
    stopped, records = stop_strays(places, on_stopped), processes.read_records(places.pids)
    for name in [*sorted(records.keys() - set(order)), *(name for name in reversed(order) if name in records)]:
        stopped.append(_stop(places, records[name]))
        on_stopped(stopped[-1])
    return stopped


def stop_strays(places: Places, on_stopped: Callable[[Stopped], None]) -> list[Stopped]:
    """Stops what was started for this directory and is in no pid file, as after `rm -rf .local`; what that was."""
    known = [record.pid for record in processes.read_records(places.pids).values()]
    stopped = []
    for stray in processes.strays(places.directory, known):
        part, began = processes.part_of(stray), time.monotonic()
        killed = processes.stop(stray, stop_signal(part), STOP_SECONDS)
        stopped.append(Stopped(part, stray.pid, time.monotonic() - began, killed))
        on_stopped(stopped[-1])
    return stopped


def stop_surplus(places: Places, layout: Layout, on_stopped: Callable[[Stopped], None]) -> None:
    """Stops the replicas that the layout has no more."""
    records = processes.read_records(places.pids)
    for name in surplus(records, layout):
        on_stopped(_stop(places, records[name]))


def _stop(places: Places, record: Record) -> Stopped:
    process, began = processes.find(record), time.monotonic()
    killed = process is not None and processes.stop(process, stop_signal(record.name), STOP_SECONDS)
    processes.remove_record(places.pids, record.name)
    return Stopped(record.name, record.pid, time.monotonic() - began, killed, had_crashed=process is None)


def remove_all(places: Places) -> list[str]:
    """Removes what the stack made: data, logs, ports, passwords. Nothing of it runs; what in the directory stays."""
    mounts.release(places)
    for home in homes_elsewhere(places):
        shutil.rmtree(home)
    folders = (
        *(places.postgres, places.kafka, places.simulators, places.edge),
        *(places.logs, places.pids, places.environments),
    )
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
    for file in (places.environment, places.kept, places.directory / "lock"):
        file.unlink(missing_ok=True)
    left = sorted(path.name for path in places.directory.iterdir())
    with contextlib.suppress(OSError):
        places.directory.rmdir()
    return left
