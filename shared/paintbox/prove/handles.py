"""A process of the rig in the hand of whoever harms it: killed, frozen, ended, and started again as the stack does."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import psutil

from paintbox.errors import OperatorError
from paintbox.prove.checks.operated import Ending
from paintbox.stack import processes, programs
from paintbox.stack.parts import Part
from paintbox.stack.processes import Record
from paintbox.stack.programs import Program, stop_signal
from paintbox.stack.stacks import Stack

END_SECONDS: Final = 30.0
CODE_SECONDS: Final = 5.0
"""How long the thread that waits for a process may take to say with what it ended."""
LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Variation:
    """How a process is started otherwise than the stack does it."""

    words: tuple[str, ...] = ()
    """What Python is given instead of the service's own `-m` and module."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables beside its own file's."""


@dataclass(frozen=True, slots=True)
class Handle:
    """One process of a rig by its name; its pid file says which it is now."""

    name: str
    part: Part
    stack: Stack
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Who starts it while another does waits, and finds it running."""
    deaths: list[Callable[[str], None]] = field(default_factory=list)
    """Each is told its name by the start that finds it dead, though none of us has ended it."""
    _no_news: set[Record] = field(default_factory=set)
    """Processes whose end is known: we ended them, or it was told."""
    _made: list[Program] = field(default_factory=list)
    """Its program once it was asked: to make one reads all of its code, and it is asked many times a second."""

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.stack.places.log(self.name)

    @property
    def pid(self) -> int | None:
        """Its number; None where it does not run."""
        found = self._find()
        return found.pid if found else None

    def family(self) -> list[psutil.Process]:
        """The process and its children; empty where it does not run."""
        found = self._find()
        if found is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return [found, *found.children(recursive=True)]
        return []

    async def kill(self) -> None:
        """SIGKILL for it and its children (PostgreSQL's hold its memory); returns when they are gone."""
        self._expect_end()
        await asyncio.to_thread(processes.kill, self.family())

    def freeze(self) -> None:
        """SIGSTOP, for its children too. Harmless where it does not run."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT, for its children too. Harmless where it does not run, or was not frozen."""
        self._signal(signal.SIGCONT)

    async def terminate(self) -> Ending | None:
        """Asks it to end, and waits until it has, 30 s at most, after which it is killed; None where it did not run."""
        found = self._find()
        self._expect_end()
        return None if found is None else await asyncio.to_thread(self._end, found)

    def _end(self, process: psutil.Process) -> Ending:
        began = time.monotonic()
        was_killed = processes.stop(process, stop_signal(self.name), END_SECONDS)
        seconds = time.monotonic() - began
        told = processes.told_at(self.stack.places.pids, self.name)
        code = None if was_killed else processes.exit_code(told, process.pid, CODE_SECONDS)
        return Ending(self.name, seconds, code)

    async def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Starts it unless it runs, and waits until it is ready; with more variables, where any are given.

        Those of a Variation win. Tells `deaths` of a death that none of us has caused. Raises OperatorError where it
        ends, or is not ready within 90 s.
        """
        given = {**self.stack.inherited, **(environment or {})}
        async with self._starting:
            self._tell_of_death()
            self._keep_rolled()
            await self.part.bring_up(replace(self.stack, inherited=given))

    def _keep_rolled(self) -> None:
        """A start sets a log that is too large aside in place of the one before, which is to be searched, too."""
        rolled, kept = self.log.with_name(f"{self.log.name}.1"), list(self.log.parent.glob(f"{self.log.name}.*"))
        if rolled in kept:
            rolled.rename(self.log.with_name(f"{self.log.name}.{len(kept) + 1}"))

    async def missing(self) -> str | None:
        """None where it runs and is ready, else what is missing."""
        make = self.part.program
        if make is None or self.pid is None:
            return "it does not run"
        if not self._made:
            self._made.append(make(self.stack))
        return await self._made[0].missing()

    def _record(self) -> Record | None:
        return processes.read_records(self.stack.places.pids).get(self.name)

    def _find(self) -> psutil.Process | None:
        record = self._record()
        return processes.find(record) if record else None

    def _expect_end(self) -> None:
        """If it runs now, that it will not is our doing."""
        record = self._record()
        if record and processes.find(record):
            self._no_news.add(record)

    def _tell_of_death(self) -> None:
        record = self._record()
        if record and record not in self._no_news and processes.find(record) is None:
            self._no_news.add(record)
            for tell in self.deaths:
                tell(self.name)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def varied(part: Part, variation: Variation) -> Part:
    """The same part of the stack, whose process is started with the variation."""

    make = part.program
    if make is None:
        raise OperatorError(f"{part.name} is no process, so there is no other way to start it.")

    def program(stack: Stack) -> Program:
        usual = make(stack)
        return replace(
            usual,
            arguments=("-P", *variation.words) if variation.words else usual.arguments,
            environment={**usual.environment, **variation.environment},
        )

    async def bring_up(stack: Stack) -> programs.Outcome:
        return await programs.bring_up(stack.places, program(stack), stack.inherited)

    return replace(part, bring_up=bring_up, program=program)
