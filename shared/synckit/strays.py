"""Cancellations that nobody asked for: a library cancels a task of its own, waits for it, and lets that out.

Whoever waited for the library would be taken for cancelled, and its task would end without a word.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from synckit.errors import TransientError


@contextmanager
def strays_raised() -> Iterator[None]:
    """Raises TransientError for a cancellation that did not come from outside of the block. Only within a task."""
    task = asyncio.current_task()
    asked = task.cancelling() if task is not None else 0
    try:
        yield
    except asyncio.CancelledError as error:
        if task is None or task.cancelling() > asked:
            raise
        raise TransientError("a library cancelled a task of its own") from error
