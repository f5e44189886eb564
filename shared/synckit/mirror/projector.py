"""Works notes off: finds what a change affects, and projects it in slices, each a transaction with fresh eyes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from synckit.mirror import notes
from synckit.mirror.notes import Note
from synckit.mirror.store import Mirror
from synckit.postgres import Connection, Pool

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 10.0

Affected = Callable[[Connection, Note, str], Awaitable[Sequence[str]]]
"""The next slice of keys that a note asks to project, after a key ("" to start), in key order."""
Project = Callable[[Connection, Note, Sequence[str]], Awaitable[Sequence[Note]]]
"""Projects a slice in the caller's transaction: locks the mirror rows, reads them in a later statement, writes what
differs. The notes that it makes itself are done next."""


@dataclass(frozen=True, slots=True)
class Step:
    """How the notes of one object are done."""

    affected: Affected
    project: Project


class Projector:
    """The notes that this process made and has not done yet, and how each kind is done."""

    def __init__(self, pool: Pool, mirror: Mirror, steps: Mapping[str, Step], committed: Callable[[], None]) -> None:
        self._pool = pool
        self._mirror = mirror
        self._steps = steps
        self._committed = committed
        """Called after each commit: the outbox may have rows."""
        self._mine: dict[int, Note] = {}
        self._working = asyncio.Lock()

    def remember(self, made: Sequence[Note]) -> None:
        """These notes are committed and mine to do."""
        self._mine |= {note.id: note for note in made}

    async def work(self) -> None:
        """Do every note of mine, and those that follow from them. What fails stays mine: call again."""
        async with self._working:
            while self._mine:
                note = next(iter(self._mine.values()))
                await self._do(note)
                del self._mine[note.id]

    async def sweep(self) -> None:
        """Do what others left behind: at once, then every 10 s until cancelled."""
        while True:
            async with self._pool.acquire() as connection:
                stale = await notes.list_stale(connection, self._mirror)
            if stale:
                self.remember(stale)
                await self.work()
                log.info("Notes that were left behind are done", extra={"notes": len(stale)})
            await asyncio.sleep(SWEEP_SECONDS)

    async def _do(self, note: Note) -> None:
        step = self._steps[note.object]
        after: str | None = ""
        while after is not None:
            async with self._pool.acquire() as connection, connection.transaction():
                keys = await step.affected(connection, note, after)
                made = await step.project(connection, note, keys) if keys else ()
                after = keys[-1] if len(keys) >= notes.SLICE else None
                if after is None:
                    await notes.delete(connection, self._mirror, note)
            self.remember(made)
            self._committed()
