"""Works notes off: finds what a change affects, and projects it in slices, each a transaction with fresh eyes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final
from weakref import WeakValueDictionary

from synckit import postgres
from synckit.errors import PoisonError
from synckit.failures import Verdict, as_poison, describe, is_time_out, passes, verdict
from synckit.mirror import notes
from synckit.mirror.notes import Note
from synckit.mirror.store import Mirror
from synckit.observability import metrics
from synckit.portions import Portion
from synckit.postgres import STATEMENT_SECONDS, Connection, Pool

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 10.0
ADOPT_SECONDS: Final = 2.0
RACE_TRIES: Final = 5
RACE_SECONDS: Final = 0.1

Affected = Callable[[Connection, Note, str], Awaitable[Sequence[str]]]
"""The next slice of keys that a note asks to project, after a key ("" to start), in key order."""
Project = Callable[[Connection, Note, Sequence[str]], Awaitable["Projected"]]
"""Projects a slice in the caller's transaction: locks the mirror rows, reads them in a later statement, writes what
differs."""
Refuse = Callable[[Connection, Note, str, PoisonError], Awaitable[None]]
"""Records, where an operator looks, that the row of one key cannot be written."""


async def only_logged(_: Connection, __: Note, ___: str, ____: PoisonError) -> None:
    """Nothing beside the log line and the metric that every refusal gets."""


def _nothing() -> None:
    """Nothing to report."""


@dataclass(frozen=True, slots=True)
class Projected:
    """What is left to do once a slice is committed: the notes that it made itself, and what it has to report."""

    notes: Sequence[Note] = ()
    report: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Step:
    """How the notes of one object are done."""

    affected: Affected
    project: Project
    refuse: Refuse = only_logged


class Projector:
    """The notes that this process made and has not done yet, and how each kind is done."""

    def __init__(self, pool: Pool, mirror: Mirror, steps: Mapping[str, Step], committed: Callable[[], None]) -> None:
        self._pool = pool
        self._mirror = mirror
        self._steps = steps
        self._committed = committed
        """Called after each commit: the outbox may have rows."""
        self._mine: dict[int, Note] = {}
        self._doing: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """Of each note that somebody does, or waits for."""
        self._led_to: dict[int, list[int]] = {}
        """The notes that doing one of them has made, until whoever did it goes on with those."""
        self._portion = Portion(notes.SLICE, notes.SLICE, STATEMENT_SECONDS)
        """What is projected at once, in keys: less after a time-out, or a slow database would hold a note for ever."""
        self._reached: dict[int, str] = {}
        """How far a note is done that failed since."""

    @property
    def objects(self) -> Container[str]:
        """The objects whose changes make rows."""
        return self._steps

    def remember(self, made: Sequence[Note]) -> None:
        """These notes are committed and mine to do."""
        for note in made:
            if self._mine.get(note.id, note).ids != note.ids:
                self._reached.pop(note.id, None)
            self._mine[note.id] = note

    async def work(self) -> None:
        """Do every note that is mine by now, and those that follow from them. What fails stays mine: call again.

        Several may call it at once. What another does just now is waited for, last of all, and done where it fails.
        """
        todo = list(self._mine)
        while todo:
            note_id = todo.pop(next((at for at, one in enumerate(todo) if one not in self._doing), 0))
            doing = self._doing.setdefault(note_id, asyncio.Lock())
            async with doing:
                note = self._mine.get(note_id)
                if note is not None:
                    await self._do(note)
                    del self._mine[note_id]
                    todo += self._led_to.pop(note_id, ())
            del doing  # nobody waits for it any more, unless somebody does

    async def sweep(self) -> None:
        """Until cancelled, do what others left behind: soon after the start, then every 10 s.

        The first time whatever is there, for it is most likely what this process left when it died; what a living
        copy is doing just now is done twice then, which changes nothing.
        """
        seconds = wait = ADOPT_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = SWEEP_SECONDS
            try:
                await self.sweep_once(seconds)
            except Exception as error:
                if not passes(error):
                    raise
                log.warning("Notes that were left behind have to wait", extra=describe(error))
            else:
                seconds = notes.STALE_SECONDS

    async def sweep_once(self, seconds: float = notes.STALE_SECONDS) -> None:
        """Do what others left behind so many seconds ago, or more."""
        async with postgres.transaction(self._pool, "projector.claim") as connection:
            stale = await notes.list_stale(connection, self._mirror, list(self._steps), seconds=seconds)
        if stale:
            self.remember(stale)
            await self.work()
            log.info("Notes that were left behind are done", extra={"notes": len(stale)})

    async def _do(self, note: Note) -> None:
        step = self._steps[note.object]
        after: str | None = self._reached.get(note.id, "")
        while after is not None:
            self._reached[note.id] = after
            async with self._pool.acquire() as connection:
                found = await step.affected(connection, note, after)
            keys = found[: self._portion.fits([1] * len(found))]
            after = keys[-1] if len(found) >= notes.SLICE or len(keys) < len(found) else None
            await self._in_time(step, note, keys, is_last=after is None)
        self._reached.pop(note.id, None)

    async def _in_time(self, step: Step, note: Note, keys: Sequence[str], *, is_last: bool) -> None:
        """Project a portion, and learn from it how large the next may be: whoever failed calls again."""
        started, sizes = monotonic(), [1] * len(keys)
        try:
            await self._project(step, note, keys, is_last=is_last)
        except Exception as error:
            if keys and is_time_out(error):
                self._portion.failed(sizes)
            raise
        self._portion.succeeded(sizes, monotonic() - started)

    async def _project(self, step: Step, note: Note, keys: Sequence[str], *, is_last: bool) -> None:
        try:
            async with postgres.transaction(self._pool, "projector.project") as connection:
                done = await step.project(connection, note, keys) if keys else Projected()
                if is_last:
                    await notes.delete(connection, self._mirror, note)
        except Exception as error:
            if verdict(error) not in {Verdict.POISON, Verdict.RACE}:
                raise
            await self._isolate(step, note, keys, error)
            if is_last:
                await self._project(step, note, (), is_last=True)
        else:
            self._finish(note, done)

    async def _isolate(self, step: Step, note: Note, keys: Sequence[str], error: Exception) -> None:
        """Bisect to the key whose row is refused, record that, and project the others."""
        middle = len(keys) // 2
        if middle:
            await self._project(step, note, keys[:middle], is_last=False)
            await self._project(step, note, keys[middle:], is_last=False)
        elif keys and not await self._wins_race(step, note, keys):
            async with postgres.transaction(self._pool, "projector.refuse") as connection:
                await step.refuse(connection, note, keys[0], as_poison(error))
            metrics.PROJECTED.labels(note.object, "refused").inc()
            cause = note.causes.get(keys[0])
            said = {"correlation_id": str(cause.correlation_id)} if cause else {}
            log.error(
                "A row was refused by the database",
                extra={"object": note.object, "id": keys[0], **said, **describe(error)},
            )

    async def _wins_race(self, step: Step, note: Note, keys: Sequence[str]) -> bool:
        for attempt in range(1, RACE_TRIES):
            await asyncio.sleep(RACE_SECONDS * attempt)
            try:
                async with postgres.transaction(self._pool, "projector.race") as connection:
                    done = await step.project(connection, note, keys)
            except Exception as error:
                if verdict(error) is Verdict.POISON:
                    return False
                if verdict(error) is not Verdict.RACE:
                    raise
            else:
                self._finish(note, done)
                return True
        return False

    def _finish(self, note: Note, done: Projected) -> None:
        self.remember(done.notes)
        self._led_to.setdefault(note.id, []).extend(one.id for one in done.notes)
        self._committed()
        done.report()
