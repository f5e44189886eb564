"""Whether the process stood still for so long that its group may have gone on without it."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

BEAT_SECONDS: Final = 0.5
STILL_SECONDS: Final = 8.0
"""Shorter than a session in the group (10 s) by more than a heartbeat: who stands still for less is still a member."""


class Pulse:
    """Notices that nothing ran here for a while, as after SIGSTOP: the clock goes on then, and nothing else does."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._woke: float | None = None

    async def run(self, on_waking: Callable[[], None]) -> None:
        """Beat until cancelled, and say so whenever the process has stood still."""
        try:
            while True:
                self.beat(on_waking)
                await asyncio.sleep(BEAT_SECONDS)
        finally:
            self._last = None

    def beat(self, on_waking: Callable[[], None]) -> None:
        """The process runs now."""
        now = monotonic()
        if self._is_still(now):
            self._woke = now
            on_waking()
        self._last = now

    def stood_still(self, since: float) -> bool:
        """Whether it did since then (monotonic seconds), also where this is the first thing that it does again."""
        return self._is_still(monotonic()) or (self._woke is not None and self._woke > since)

    def _is_still(self, now: float) -> bool:
        return self._last is not None and now - self._last > STILL_SECONDS


PULSE: Final = Pulse()
"""Of this process."""
