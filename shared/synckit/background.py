"""The loops that run beside the routes of a process. One that fails stops nothing else, but is never overlooked."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

log = logging.getLogger(__name__)

CLEAN_SECONDS: Final = 2.0

Loop = Callable[[], Coroutine[Any, Any, None]]


class Background:
    """The loops of a process, by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, loops: Mapping[str, Loop]) -> None:
        """Run these until they end or are cancelled."""
        for name, loop in loops.items():
            task = asyncio.create_task(loop(), name=name)
            task.add_done_callback(_report)
            self._tasks[name] = task

    async def check(self) -> str | None:
        """For readiness: which loops have failed."""
        failed = [
            name for name, task in self._tasks.items() if task.done() and not task.cancelled() and task.exception()
        ]
        return f"failed: {', '.join(failed)}" if failed else None

    async def ended(self, name: str, seconds: float) -> None:
        """Wait so long at most for a loop that was asked to end."""
        await asyncio.wait({self._tasks[name]}, timeout=seconds)

    async def cancel(self) -> None:
        """End all of them now. One that waits for a server while it cleans up is told again, and cleans up no more."""
        pending = set(self._tasks.values())
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CLEAN_SECONDS)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("A background loop failed", exc_info=error, extra={"loop": task.get_name()})


@asynccontextmanager
async def background() -> AsyncIterator[Background]:
    """Loops that are cancelled at the end, whatever happened before."""
    loops = Background()
    try:
        yield loops
    finally:
        await loops.cancel()
