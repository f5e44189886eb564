"""The loops that run beside the routes of a process. One that fails stops nothing else, but is never overlooked.

Each has its own answers to what it foresees. Of what nobody foresaw it ends, as where a server's answer was damaged on
the way and a client library trips over it: that is said, `/readyz` is red, and the loop is begun again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final

from synckit.failures import describe
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

CLEAN_SECONDS: Final = 0.4
"""Above what it takes to be rid of a producer, whatever Kafka does (`kafka.drop`)."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
PROVEN_SECONDS: Final = 5.0
"""How long a loop that was begun again has to live before it counts as mended."""

Loop = Callable[[], Coroutine[Any, Any, None]]


class Background:
    """The loops of a process, by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._mended_at: dict[str, float] = {}

    def start(self, loops: Mapping[str, Loop]) -> None:
        """Run these until they end by themselves or are cancelled. A loop is called anew after each failure."""
        for name, loop in loops.items():
            self._tasks[name] = asyncio.create_task(self._keep_running(name, loop), name=name)

    async def _keep_running(self, name: str, loop: Loop) -> None:
        delay = FIRST_DELAY
        while True:
            begun = monotonic()
            try:
                with strays_raised():
                    await loop()
            except Exception as error:
                delay = FIRST_DELAY if monotonic() - begun > PROVEN_SECONDS else min(2 * delay, LONGEST_DELAY)
                log.exception("A background loop failed", extra={"loop": name, **describe(error)})
                self._mended_at[name] = monotonic() + delay + PROVEN_SECONDS
                await asyncio.sleep(delay)
            else:
                return

    async def check(self) -> str | None:
        """For readiness: which loops have failed, and have not lived for a while since."""
        failed = [name for name, mended_at in self._mended_at.items() if monotonic() < mended_at]
        return f"failed: {', '.join(failed)}" if failed else None

    async def end(self, name: str, stop: Callable[[], None], seconds: float) -> None:
        """Ask a loop to end, and wait so long at most until it has."""
        stop()
        await asyncio.wait({self._tasks[name]}, timeout=seconds)

    async def cancel(self) -> None:
        """End all of them, within 2 s. One that waits for a server while it cleans up is told again: it gives that up.

        A session that is torn then, or a producer, is one that its server gives up: nothing is lost.
        """
        pending = set(self._tasks.values())
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CLEAN_SECONDS)


@asynccontextmanager
async def background() -> AsyncIterator[Background]:
    """Loops that are cancelled at the end, whatever happened before."""
    loops = Background()
    try:
        yield loops
    finally:
        await loops.cancel()
