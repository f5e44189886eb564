"""The net behind everything that waits: once a minute it is matched again, counted, and shown."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from photo_sync import metrics
from photo_sync.resources import Resources
from photo_sync.rules.reading import PHOTO, PROJECT
from photo_sync.store import held
from synckit.consumer.lease import Lease
from synckit.failures import collecting, describe, passes
from synckit.mirror.notes import SLICE, Note
from synckit.observability.metrics import HELD
from synckit.postgres import Connection

log = logging.getLogger(__name__)

NET_SECONDS: Final = 60.0
_NUMBERS: Final = itertools.count(-1, -1)
"""Of the net's notes, which are not stored: it makes them anew each time. Each has its own, as several may do them."""

Listing = Callable[[Connection, str, int], Awaitable[list[str]]]


async def net(resources: Resources) -> None:
    """Every minute until cancelled: look again at everything that is held."""
    while True:
        try:
            await _look_again(resources)
        except Exception as error:
            if not passes(error):
                raise
            log.warning("What is held could not be looked at", extra=describe(error))
        await asyncio.sleep(NET_SECONDS)


async def _look_again(resources: Resources) -> None:
    bugs = await match_again(resources)
    await _count(resources)
    if bugs:
        raise bugs[0]


async def match_again(resources: Resources) -> list[Exception]:
    """Match all projects again that are held or contested, and look for the projects of all held photos.

    The bugs that were met, said already: they hold up nothing else.
    """
    of_projects = await _project_all(resources, PROJECT, held.list_unsettled_projects)
    return of_projects + await _project_all(resources, PHOTO, held.list_late_photos)


async def _project_all(resources: Resources, name: str, listing: Listing) -> list[Exception]:
    after: str | None = ""
    bugs: list[Exception] = []
    while after is not None:
        async with resources.projects.acquire() as connection:
            ids = await listing(connection, after, SLICE)
        if ids:
            note, whose = Note(next(_NUMBERS), name, tuple(ids), {}), Lease()
            resources.projector.remember([note], whose)
            try:
                with collecting(bugs):  # said already, and the others of the slice are projected
                    await resources.projector.work(whose)
            finally:
                resources.projector.forget(note)  # what fails is looked at in the next round, as all of it
        after = ids[-1] if len(ids) == SLICE else None
    return bugs


async def _count(resources: Resources) -> None:
    async with resources.projects.acquire() as connection:
        row = await held.count_held(connection)
    if row is not None:
        HELD.labels(PROJECT, "customer").set(row["customer"])
        HELD.labels(PROJECT, "choice").set(row["choice"])
        HELD.labels(PHOTO, "project").set(row["photos"])
        metrics.CONTESTED.set(row["contested"])
