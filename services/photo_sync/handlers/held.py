"""The net behind everything that waits: once a minute it is matched again, counted, and shown."""

import asyncio
import itertools
import logging
from collections.abc import Sequence
from typing import Final

from photo_sync import metrics
from photo_sync.resources import Resources
from photo_sync.rules.reading import PHOTO, PROJECT
from photo_sync.store import held
from synckit import postgres
from synckit.consumer.lease import Lease
from synckit.failures import collecting, describe, is_locked, passes
from synckit.mirror.notes import SLICE, Note
from synckit.observability.metrics import HELD

log = logging.getLogger(__name__)

NET_SECONDS: Final = 60.0
PHOTO_SLICES: Final = 500
"""Of a thousand photos: half a million a minute take a second or two of the database. Of more it is a pass in turns."""
_NUMBERS: Final = itertools.count(-1, -1)
"""Of the net's notes, which are not stored: it makes them anew each time. Each has its own, as several may do them."""


class Net:
    """Looks again at everything that is held."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._photo = ""
        """Behind which the next look at photos begins: there may be more of them than fit into a round."""
        self._photos_held = 0
        """Of those before it."""

    async def run(self) -> None:
        """Every minute until cancelled."""
        while True:
            try:
                bugs = await self.look_again()
            except Exception as error:
                if not passes(error):
                    raise
                log.warning("What is held could not be looked at", extra=describe(error))
            else:
                if bugs:
                    raise bugs[0]
            await asyncio.sleep(NET_SECONDS)

    async def look_again(self) -> list[Exception]:
        """Match all projects again that are held or contested, look for the projects of held photos, and count.

        The bugs that were met, said already: they hold up nothing else.
        """
        bugs: list[Exception] = []
        await self._match_projects(bugs)
        await self._find_projects_of_photos(bugs)
        await self._count_projects()
        return bugs

    async def _match_projects(self, bugs: list[Exception]) -> None:
        after: str | None = ""
        while after is not None:
            async with postgres.session(self._resources.projects) as connection:
                ids = await held.list_unsettled_projects(connection, after, SLICE)
            await self._project(PROJECT, ids, bugs)
            after = ids[-1] if len(ids) == SLICE else None

    async def _find_projects_of_photos(self, bugs: list[Exception]) -> None:
        """As many slices as a round has, on from where the last one ended; counted is what a whole pass has found."""
        for _ in range(PHOTO_SLICES):
            async with postgres.session(self._resources.projects) as connection:
                looked = await held.look_at_photos(connection, self._photo, SLICE)
            await self._project(PHOTO, looked.late, bugs)
            self._photos_held += looked.held
            if looked.last is None:
                HELD.labels(PHOTO, "project").set(self._photos_held)
                self._photo, self._photos_held = "", 0
                return
            self._photo = looked.last

    async def _project(self, name: str, ids: Sequence[str], bugs: list[Exception]) -> None:
        """Where somebody holds one of them locked, all but that one."""
        if not ids:
            return
        note, whose, middle = Note(next(_NUMBERS), name, tuple(ids), {}), Lease(), 0
        projector = self._resources.projector
        projector.remember([note], whose)
        try:
            with collecting(bugs):  # said already, and the others of the slice are projected
                await projector.work(whose)
        except Exception as error:
            if not is_locked(error):
                raise
            middle = len(ids) // 2
            if not middle:
                log.warning("What is held has to wait", extra={"object": name, "id": ids[0], **describe(error)})
        finally:
            projector.forget(note)  # what fails is looked at in the next round, as all of it
        for half in (ids[:middle], ids[middle:]) if middle else ():
            await self._project(name, half, bugs)

    async def _count_projects(self) -> None:
        async with postgres.session(self._resources.projects) as connection:
            row = await held.count_unsettled(connection)
        if row is not None:
            HELD.labels(PROJECT, "customer").set(row["customer"])
            HELD.labels(PROJECT, "choice").set(row["choice"])
            metrics.CONTESTED.set(row["contested"])
