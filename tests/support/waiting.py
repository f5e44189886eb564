"""Waiting for a fact, never for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

LOOK_SECONDS: Final = 0.02

Found = TypeVar("Found")


async def until(asked: Callable[[], Awaitable[Found | None]], seconds: float = 30.0) -> Found:
    """The first answer that is true; TimeoutError where none is within so many seconds."""
    async with asyncio.timeout(seconds):
        while True:
            began = time.monotonic()
            if answer := await asked():
                return answer
            # Who takes long to answer is asked less often: what is waited for needs the processor too.
            await asyncio.sleep(max(LOOK_SECONDS, time.monotonic() - began))


async def until_true(asked: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns when a condition holds; TimeoutError where it does not within so many seconds."""
    async with asyncio.timeout(seconds):
        while not asked():  # noqa: ASYNC110 - the condition is somebody else's plain value
            await asyncio.sleep(LOOK_SECONDS)
