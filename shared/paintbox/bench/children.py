"""Processes that the bench starts for itself: told once what to do, then to begin, again and again."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from paintbox.bench import usage
from paintbox.bench.outcomes import Run
from paintbox.errors import OperatorError

SUBJECTS: Final = "paintbox.bench.subjects"
LONGEST_SECONDS: Final = 600.0
END_SECONDS: Final = 10.0
LONGEST_LINE: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Child:
    """A subject in a process of its own. It answers every order with a line; what it prints otherwise is in its log."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    longest_seconds: float = LONGEST_SECONDS
    """Within which it has to answer."""

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self.process.pid

    async def act(self, **order: Any) -> Run:
        """One turn: it does what it was made for, and says what it used."""
        return usage.decoded(await self.ask(**order))

    async def ask(self, **order: Any) -> dict[str, Any]:
        """Gives an order, and returns what is answered.

        Raises OperatorError where the child has ended instead, or has not done it in time.
        """
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise OperatorError(f"{self.name} cannot be talked to.")
        stdin.write(json.dumps(order).encode() + b"\n")
        try:
            async with asyncio.timeout(self.longest_seconds):
                line = await stdout.readline()
        except TimeoutError:
            raise OperatorError(
                f"{self.name} was not done within {self.longest_seconds:g} s: this machine is too slow for as much as "
                f"the bench measures, or it is stuck; its log is {self.log}."
            ) from None
        if not line:
            raise OperatorError(f"{self.name} ended in the middle of the bench; its log is {self.log}.")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def child(module: str, log: Path, order: Mapping[str, Any]) -> AsyncIterator[Child]:
    """The subject of this name, prepared; it ends with the block. Raises OperatorError where it cannot prepare."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", f"{SUBJECTS}.{module}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LONGEST_LINE,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    one = Child(module, process, log)
    try:
        await one.ask(**order)
        yield one
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """It ends by itself when nothing more will be ordered; else it is killed."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
