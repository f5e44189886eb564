"""Brings the parts up: each as soon as what it needs is up, all that can at the same time."""

import asyncio
import errno
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paintbox.databases import DatabaseError
from paintbox.errors import OperatorError
from paintbox.stack import environments, processes, services
from paintbox.stack.parts import Part
from paintbox.stack.places import Places
from paintbox.stack.programs import Outcome, PartError
from paintbox.stack.stacks import Stack

FULL: Final = 16 * 1024 * 1024
LEAST_SPACE: Final = 300 * 1024 * 1024
"""Four empty databases, PostgreSQL's first log segments and Kafka's first files are about 150 MB."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a part, and how long it took, waiting for others not counted."""

    part: str
    outcome: Outcome | None
    seconds: float
    error: PartError | None = None
    waits_for: str | None = None
    """The part that did not come up, where this one was not tried because of it."""

    @property
    def is_up(self) -> bool:
        """Whether others may rely on it."""
        return self.outcome is not None


Watch = Callable[[str, Result | None], None]
"""Called with a part's name when its work begins (None) and when it has ended."""


async def bring_up(stack: Stack, parts: Sequence[Part], watch: Watch) -> list[Result]:
    """Brings every part up; what became of each, in the order of the parts. What fails stops nothing that runs."""
    environments.write(stack.places, stack.kept, services.settings(stack))
    tasks: dict[str, asyncio.Task[Result]] = {}
    async with asyncio.TaskGroup() as group:
        for part in parts:
            needed = [tasks[name] for name in part.needs if name in tasks]
            tasks[part.name] = group.create_task(_bring_up(stack, part, needed, watch))
    return [task.result() for task in tasks.values()]


async def _bring_up(stack: Stack, part: Part, needed: Sequence[asyncio.Task[Result]], watch: Watch) -> Result:
    down = [result for result in await asyncio.gather(*needed) if not result.is_up]
    if down:
        result = Result(part.name, None, 0.0, waits_for=down[0].waits_for or down[0].part)
    else:
        watch(part.name, None)
        result = await _try(stack, part)
    watch(part.name, result)
    return result


async def _try(stack: Stack, part: Part) -> Result:
    began = time.monotonic()
    try:
        outcome, error = await part.bring_up(stack), None
    except (OperatorError, DatabaseError, OSError) as failure:
        outcome, error = None, _explained(stack.places, part.name, failure)
    return Result(part.name, outcome, time.monotonic() - began, error)


def _explained(places: Places, part: str, failure: Exception) -> PartError:
    """The same as a PartError. An OSError is one where the machine is at its limits; else it is a bug."""
    if isinstance(failure, OSError) and failure.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}:
        raise failure
    full = shutil.disk_usage(places.directory).free < FULL
    remedy = f" The disk of {places.directory} is full: free some space, and try again." if full else ""
    if isinstance(failure, PartError):
        return PartError(part, f"{failure.why}.{remedy}" if full else failure.why, failure.log, failure.last)
    return PartError(part, f"failed: {failure}.{remedy}" if full else f"failed: {failure}")


def check_space(folder: Path) -> None:
    """Raises OperatorError where too little is free to start a server: a full disk ends one in mid-write."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_SPACE:
        raise OperatorError(
            f"Only {free // 2**20} MB are free in {folder}, and the stack needs {LEAST_SPACE // 2**20} MB to start: "
            "free some space, or name a directory elsewhere with --directory."
        )


def runs_whole(places: Places, parts: Sequence[Part]) -> bool:
    """Whether the process of every part runs."""
    records = processes.read_records(places.pids)
    names = [part.name for part in parts if part.is_process]
    return all(name in records and processes.find(records[name]) for name in names)
