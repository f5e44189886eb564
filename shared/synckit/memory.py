"""Gives memory back to the system that a burst of work has left free: the C library keeps what lies between."""

import asyncio
import ctypes
from time import process_time
from typing import Final

LOOK_SECONDS: Final = 10.0
BUSY_CORES: Final = 0.1


async def give_back() -> None:
    """Until cancelled: whenever this process has been busy and is not any more. It takes some milliseconds.

    Returns at once where the C library has no such function (it is glibc's).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    used, was_busy = process_time(), False
    while trim is not None:
        await asyncio.sleep(LOOK_SECONDS)
        before, used = used, process_time()
        is_busy = used - before > BUSY_CORES * LOOK_SECONDS
        if was_busy and not is_busy:
            trim(0)
        was_busy = is_busy
