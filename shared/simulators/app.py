"""A simulator as an ASGI application: its vendor's paths, the steering, and the loop that delivers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from simulators import calls
from simulators.resources import Resources
from simulators.sender import Sender
from simulators.settings import SimulatorSettings
from simulators.steering import routes as steering
from simulators.storage import open_file
from simulators.vendor import Vendor
from synckit import process, web

log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 5.0
"""How long a stop waits for answers; what has none by then is sent again by the next start."""

Api = Callable[[Resources, SimulatorSettings], web.Routes]
"""The paths of a vendor's own API."""


def build(vendor: Vendor, api: Api, settings: SimulatorSettings) -> web.Asgi:
    """The application on its file, which is this process's alone from now on. Raises UnusableFileError."""
    connection = open_file(settings.simulator_directory / f"{vendor.name}.sqlite3", vendor.schema)
    sender = Sender(connection, vendor.forms, settings.simulator_retry_seconds)
    resources = Resources(vendor, connection, sender)
    running: list[asyncio.Task[None]] = []

    async def sends() -> str | None:
        return None if running and not running[0].done() else "deliveries have stopped"

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        running.append(asyncio.create_task(sender.run()))
        running[0].add_done_callback(_tell)
        try:
            yield
        finally:
            await _stop(sender, running[0])
            connection.close()

    operations = process.operations({"deliveries": sends})
    known = {**operations, **steering.routes(resources), **api(resources, settings)}
    return calls.noting(web.application(known, lifespan), connection, lambda path: _is_ours(path, operations))


async def _stop(sender: Sender, run: asyncio.Task[None]) -> None:
    sender.stop()
    _, late = await asyncio.wait({run}, timeout=DRAIN_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.wait({run})


def _tell(run: asyncio.Task[None]) -> None:
    if not run.cancelled() and (error := run.exception()) is not None:
        log.error("Deliveries have stopped by a bug", exc_info=error)


def _is_ours(path: str, operations: web.Routes) -> bool:
    return path in operations or path.startswith(steering.ROOT)
