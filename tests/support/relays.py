"""A relay at work in a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from synckit.outbox.relay import Relay


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    """It stands for election, and publishes, until the end of the block."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        relay.stop()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
