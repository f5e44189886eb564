"""How a consumer's client leaves its group, whatever it has in hand, and whatever it raises."""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final

from synckit import kafka
from synckit.failures import describe
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 20.0
"""How long FastStream waits for what a consumer has in hand, before it ends its client."""
LEAVE_SECONDS: Final = GRACE_SECONDS + 8.0


async def leave(subscriber: Any) -> None:
    """Leaves the group. A client that failed may raise that error again where it is ended: it is dropped then.

    Of one whose broker is away aiokafka 0.14 lets out that its fetches were cancelled.
    """
    client, tasks = subscriber.consumer, list(subscriber.tasks)
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            with strays_raised():
                await subscriber.stop()
    except Exception as error:  # noqa: BLE001 - it is given up, whatever it says
        log.warning("A consumer's client did not end cleanly", extra=describe(error))
        if client is not None:
            await kafka.drop_consumer(client)
        subscriber.consumer = None
    await _end(tasks)


def is_member(subscriber: Any) -> bool:
    """Whether its client is there still: FastStream says that it does not run any more before it ends that."""
    return bool(subscriber.running) or subscriber.consumer is not None


async def end_tasks(subscriber: Any) -> None:
    """What a lost client had handed out is read again by the next one: nobody goes on with it meanwhile.

    Its handler may hang in a statement, or in a call of that client; two at once would take each other's places.
    """
    await _end(list(subscriber.tasks))
    subscriber.tasks.clear()


async def _end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
