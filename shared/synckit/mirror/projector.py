"""Works notes off: finds what a change affects, and projects it in slices, each a transaction with fresh eyes.

What a change affects beyond the first slice is projected beside the batches, which it would hold up. What the database
refuses is kept, and tried again once a minute.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from synckit import postgres
from synckit.background import Loop
from synckit.failures import Verdict, collecting, describe, passes, verdict
from synckit.mirror import notes
from synckit.mirror.notes import Note
from synckit.mirror.refusals import Refusals
from synckit.mirror.steps import Projected, Step
from synckit.mirror.store import Mirror
from synckit.observability import metrics
from synckit.portions import Portion, learning
from synckit.postgres import STATEMENT_SECONDS, Pool

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 10.0
ADOPT_SECONDS: Final = 2.0
RACE_TRIES: Final = 5
RACE_SECONDS: Final = 0.1
NET_SECONDS: Final = 60.0
SLICE_BESIDE: Final = 200
"""Keys of a slice beside the batches: what is worked out of it keeps the process from everything else meanwhile."""
MOST_BESIDE: Final = 100
"""Notes. While there are more, batches do theirs to the end: what comes in faster than it is done waits in Kafka."""
MOST_NAMED: Final = 20
"""Events that a line of the log names."""


class Projector:
    """The notes that this process made and has not done yet, and how each kind is done."""

    def __init__(self, pool: Pool, mirror: Mirror, steps: Mapping[str, Step], committed: Callable[[], None]) -> None:
        self._pool = pool
        self._mirror = mirror
        self._steps = steps
        self._committed = committed
        """Called after each commit: the outbox may have rows."""
        self._refusals = Refusals(pool, mirror, steps, self._report)
        self._mine: dict[int, Note] = {}
        self._beside: dict[int, Note] = {}
        """Those of which a batch has done the first slice, and nobody waits for the others."""
        self._is_beside = asyncio.Event()
        self._whose: dict[int, object] = {}
        """Of each note, who hears of a bug in it: the batch that made it (its lease), or this for what is left over."""
        self._bugs: WeakKeyDictionary[object, Exception] = WeakKeyDictionary()
        self._doing: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """Of each note that somebody does, or waits for."""
        self._led_to: dict[int, list[int]] = {}
        """The notes that doing one of them has made, until whoever did it goes on with those."""
        self._portion = Portion(notes.SLICE, notes.SLICE, STATEMENT_SECONDS)
        """What is projected at once, in keys: less after a time-out, or a slow database would hold a note for ever."""
        self._reached: dict[int, str] = {}
        """How far a note is done that failed since, or is done beside the batches."""
        metrics.FAN_OUTS.set_function(lambda: len(self._beside))

    @property
    def objects(self) -> Container[str]:
        """The objects whose changes make rows."""
        return self._steps

    @property
    def loops(self) -> Mapping[str, Loop]:
        """What is to run in the background, by its name."""
        return {"fan-out": self.spread, "sweep": self.sweep, "refused": self.try_refused}

    def remember(self, made: Sequence[Note], whose: object = None) -> None:
        """These notes are committed and mine to do. A bug that one of them meets is raised to who works as `whose`."""
        for note in made:
            if self._mine.get(note.id, note).ids != note.ids:
                self._reached.pop(note.id, None)
            self._mine[note.id] = note
            self._whose[note.id] = self if whose is None else whose

    async def work(self, whose: object = None) -> None:
        """Do every note that is mine by now, and those that follow from them. What fails stays mine: call again.

        Of one that affects more than a slice the first is done; the others are, beside the batches (`spread`).
        Several may call it at once. What another does just now is waited for, last of all, and done where it fails.
        What meets a bug holds none of the others up, and is not mine any more: the sweep tries it for as long as it is
        there, and says so. The bug is raised, once the others are done, to those whose note it is, whoever did it.
        """
        todo = list(self._mine)
        while todo:
            note_id = todo.pop(next((at for at, one in enumerate(todo) if one not in self._doing), 0))
            doing = self._doing.setdefault(note_id, asyncio.Lock())
            async with doing:
                note = self._mine.get(note_id)
                if note is not None:
                    await self._try(note)
                    del self._mine[note_id], self._whose[note_id]
                    todo += self._led_to.pop(note_id, ())
            del doing  # nobody waits for it any more, unless somebody does
        bug = self._bugs.pop(self if whose is None else whose, None)
        if bug is not None:
            raise bug

    async def _try(self, note: Note, *, is_beside: bool = False) -> None:
        """Raises any failure but one that nobody foresaw: that is said, and kept for whom it concerns."""
        try:
            await self._do(note, is_beside=is_beside)
        except Exception as error:
            if verdict(error) is not Verdict.BUG:
                raise
            events = [str(cause.event_id) for cause in note.causes.values()][:MOST_NAMED]
            log.exception("A note met a bug", extra={"note": note.id, "object": note.object, "event_ids": events})
            self._bugs[self._whose[note.id]] = error

    async def spread(self) -> None:
        """Until cancelled, do what is left of notes that affect more than a slice, one note after another."""
        while True:
            await self._is_beside.wait()
            try:
                await self.spread_once()
            except Exception as error:
                if not passes(error):
                    raise
                log.warning("What a change affects has to wait", extra=describe(error))
                await asyncio.sleep(ADOPT_SECONDS)

    async def spread_once(self) -> None:
        """Do what is left of those that there are now, and what follows. A note that fails is gone on with next time.

        One that meets a bug is the sweep's then.
        """
        while self._beside:
            note = next(iter(self._beside.values()))
            self._whose[note.id] = self
            await self._try(note, is_beside=True)
            del self._beside[note.id], self._whose[note.id]
            self._led_to.pop(note.id, None)  # they are mine
            await self.work()
        self._is_beside.clear()

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
            found = await notes.list_stale(connection, self._mirror, list(self._steps), seconds=seconds)
        stale = [note for note in found if note.id not in self._beside]
        if stale:
            self.remember(stale)
            await self.work()
            log.info("Notes that were left behind are done", extra={"notes": len(stale)})

    async def try_refused(self) -> None:
        """Until cancelled, once a minute: try again what the database refused, and tell how much it still refuses."""
        while True:
            try:
                await self.try_refused_once()
            except Exception as error:
                if not passes(error):
                    raise
                log.warning("What was refused has to wait", extra=describe(error))
            await asyncio.sleep(NET_SECONDS)

    async def try_refused_once(self) -> None:
        """Try each refused key, and do what follows from those that are written."""
        await self._refusals.try_again()
        await self.work()

    async def _do(self, note: Note, *, is_beside: bool) -> None:
        step, bugs, done = self._steps[note.object], list[Exception](), 0
        after: str | None = self._reached.get(note.id, "")
        while after is not None:
            if not bugs:  # else the next try has to come past its key again
                self._reached[note.id] = after
                if done >= notes.SLICE and not is_beside and len(self._beside) < MOST_BESIDE:
                    self._beside[note.id] = note
                    self._is_beside.set()
                    return
            async with self._pool.acquire() as connection:
                found = await step.affected(connection, note, after)
            keys = found[: min(self._portion.fits([1] * len(found)), SLICE_BESIDE if is_beside else notes.SLICE)]
            done += len(keys)
            after = keys[-1] if len(found) >= notes.SLICE or len(keys) < len(found) else None
            with collecting(bugs), learning(self._portion, [1] * len(keys)):
                await self._project(step, note, keys, is_last=after is None and not bugs)
        self._reached.pop(note.id, None)
        if bugs:
            raise bugs[0]

    async def _project(self, step: Step, note: Note, keys: Sequence[str], *, is_last: bool) -> None:
        try:
            async with postgres.transaction(self._pool, "projector.project") as connection:
                done = await step.project(connection, note, keys) if keys else Projected()
                if is_last:
                    await notes.delete(connection, self._mirror, note)
        except Exception as error:
            kind = verdict(error)
            if kind is Verdict.BUG and len(keys) > 1:
                await self._each_half(step, note, keys)
            elif kind in {Verdict.POISON, Verdict.RACE}:
                await self._isolate(step, note, keys, error)
            else:
                if kind is Verdict.BUG and keys:
                    log.exception("A row met a bug", extra={"object": step.keys, "id": keys[0], **describe(error)})
                raise
            if is_last:
                await self._project(step, note, (), is_last=True)
        else:
            self._finish(note, done)

    async def _each_half(self, step: Step, note: Note, keys: Sequence[str]) -> None:
        """Both, though the first meets a bug, which is raised then: the note stays."""
        middle, bugs = len(keys) // 2, list[Exception]()
        for half in (keys[:middle], keys[middle:]):
            with collecting(bugs):
                await self._project(step, note, half, is_last=False)
        if bugs:
            raise bugs[0]

    async def _isolate(self, step: Step, note: Note, keys: Sequence[str], error: Exception) -> None:
        """Bisect to the key whose row is refused, keep that, and project the others."""
        if len(keys) > 1:
            await self._each_half(step, note, keys)
        elif keys and not await self._wins_race(step, note, keys):
            await self._refusals.refuse(step, note, keys[0], error)

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
        self._led_to.setdefault(note.id, []).extend(one.id for one in done.notes)
        self._report(done, self._whose.get(note.id))

    def _report(self, done: Projected, whose: object = None) -> None:
        """After the commit."""
        self.remember(done.notes, whose)
        self._committed()
        done.report()
