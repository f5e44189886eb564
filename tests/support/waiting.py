"""Waiting for a fact, never for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")


async def until(asked: Callable[[], Awaitable[Found | None]], seconds: float = 30.0) -> Found:
    """The first answer that is true; TimeoutError where none is within so many seconds."""
    async with asyncio.timeout(seconds):
        while not (answer := await asked()):  # noqa: ASYNC110 - the answer is in a server
            await asyncio.sleep(0.02)
        return answer


async def until_true(asked: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns when a condition holds; TimeoutError where it does not within so many seconds."""
    async with asyncio.timeout(seconds):
        while not asked():  # noqa: ASYNC110 - the condition is somebody else's plain value
            await asyncio.sleep(0.02)
