"""How seldom garbage is looked for, and how what a burst of work has left free goes back to the system."""

import asyncio
import ctypes
import gc
from time import process_time
from typing import Final

LOOK_SECONDS: Final = 10.0
BUSY_CORES: Final = 0.1
GARBAGE_LIMIT: Final = 50_000


def spare_what_stays() -> None:
    """Garbage is looked for seldom, and not among what is there by now and stays.

    A batch is hundreds of thousands of objects that all live until it is done, and hardly one is in a cycle: looked
    through at every 700 new ones, as Python does by itself, they cost a tenth of the work on them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_LIMIT)


async def give_back() -> None:
    """Until cancelled: whenever this process has been busy and is not any more; the C library keeps what lies between.

    It takes some milliseconds.

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
