"""Works notes off: finds what a change affects, and projects it in slices, each a transaction with fresh eyes.

What a change affects beyond the first slice is projected beside the batches, which it would hold up (`fan_outs`). What
the database refuses is kept, and tried again once a minute.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Mapping, Sequence
from itertools import chain
from typing import Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from synckit import postgres
from synckit.background import Loop
from synckit.failures import Verdict, collecting, describe, passes, verdict
from synckit.mirror import fan_outs, notes
from synckit.mirror.fan_outs import FanOuts, Slice, named
from synckit.mirror.notes import Note
from synckit.mirror.refusals import Refusals
from synckit.mirror.steps import Projected, Step
from synckit.mirror.store import Mirror
from synckit.portions import Portion, learning
from synckit.postgres import STATEMENT_SECONDS, Pool

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 10.0
ADOPT_SECONDS: Final = 2.0
RACE_TRIES: Final = 5
RACE_SECONDS: Final = 0.1
NET_SECONDS: Final = 60.0


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
        self.fan_outs = FanOuts(self._slice_beside, self._finish_beside, self._is_there, self.work)
        self._whose: WeakValueDictionary[int, object] = WeakValueDictionary()
        """Of each note, the batch that made it (its lease), who hears of what fails. Nobody's is what is left over, and
        what a batch has left that is no more."""
        self._bugs: WeakKeyDictionary[object, Exception] = WeakKeyDictionary()
        self._doing: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """Of each note that somebody does, or waits for."""
        self._led_to: dict[int, list[int]] = {}
        """The notes that doing one of them has made, until whoever did it goes on with those."""
        self._portion = Portion(notes.SLICE, notes.SLICE, STATEMENT_SECONDS)
        """Keys that are projected at once: less after a time-out, or a slow database would hold a note for ever."""
        self._reached: dict[int, str] = {}
        """How far a note is done that failed since."""

    @property
    def objects(self) -> Container[str]:
        """The objects whose changes make rows."""
        return self._steps

    @property
    def loops(self) -> Mapping[str, Loop]:
        """What is to run in the background, by its name."""
        return {"fan-outs": self.fan_outs.run, "sweep": self.sweep, "refused": self.try_refused}

    def remember(self, made: Sequence[Note], whose: object = None) -> None:
        """These notes are committed and mine to do. What one of them meets is raised to who works as `whose`.

        Without that they stay whose they are, or are nobody's.
        """
        for note in made:
            if self._mine.get(note.id, note).ids != note.ids:
                self._reached.pop(note.id, None)
            self._mine[note.id] = note
            if whose is not None:
                self._whose[note.id] = whose

    def forget(self, note: Note) -> None:
        """This note is not mine to do any more, done or not."""
        if self._mine.get(note.id) is note:
            del self._mine[note.id]
            self._whose.pop(note.id, None)
            self._reached.pop(note.id, None)

    async def work(self, whose: object = None) -> None:
        """Do the notes of whom I work for, what follows from them, and then those that are nobody's by now.

        Of one that affects more than a slice the first is done; the others are, beside the batches.
        Several may call it at once. One of their own that another does just now is waited for, and done where it fails.
        What fails of their own is raised, and stays: call again. Nobody's that fails is done beside the batches, and
        shown until then. So is what meets a bug, which is raised, once the others are done, to those whose note it is,
        whoever did it. Who works for nobody tries others' as well, and passes over what fails of them: perhaps whose it
        is does not come to it.
        """
        whose, known, passed = self if whose is None else whose, set(self._mine), set[int]()
        while (note_id := self._next(whose, known, passed)) is not None:
            doing = self._doing.setdefault(note_id, asyncio.Lock())
            async with doing:
                note = self._mine.get(note_id)
                try:
                    if note is not None and await self._try(note, is_raised=self._whose.get(note_id) is whose):
                        self.forget(note)
                    else:
                        passed.add(note_id)
                finally:
                    known.update(self._led_to.pop(note_id, ()))
            del doing  # nobody waits for it any more, unless somebody does
        if (bug := self._bugs.pop(whose, None)) is not None:
            raise bug

    def _next(self, whose: object, known: Container[int], passed: Container[int]) -> int | None:
        """Their own first, of these what nobody does just now; then nobody's, and others' where they do any: what was
        known when they began, and what follows, for a fan-out may make notes as fast as they are done."""
        todo = [(one, self._whose.get(one, self)) for one in self._mine if one not in passed]
        in_hand = {one for one, doing in self._doing.items() if doing.locked()}
        own = sorted((one for one, of in todo if of is whose), key=in_hand.__contains__)
        others = (one for one, of in todo if one in known and (of is self or whose is self) and one not in in_hand)
        return next(chain(own, others), None)

    async def _try(self, note: Note, *, is_raised: bool) -> bool:
        """Whether it is not mine any more. A bug is said, and kept for whom it concerns, and not raised."""
        of = self._whose.get(note.id, self)
        try:
            await self._do(note)
        except Exception as error:
            if verdict(error) is not Verdict.BUG:
                if is_raised:
                    raise
                return of is self and self.fan_outs.take(note, self._reached.get(note.id, ""), error)
            if note.id not in self.fan_outs:
                log.exception("A note met a bug", extra=named(note))
            elif of is self:
                return True  # it is shown there
            self._bugs[of] = error.with_traceback(None)  # which would keep whose it is, for ever
        return True

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
            stale = await notes.list_stale(
                connection, self._mirror, list(self._steps), seconds=seconds, besides=list(self.fan_outs)
            )
        if stale:
            self.remember(stale)
            await self.work()
            begun, left = (sum(note.id in notes_of for note in stale) for notes_of in (self.fan_outs, self._mine))
            if done := len(stale) - left:
                log.info(
                    "Notes that were left behind are done", extra={"notes": done - begun, "begun": begun, "left": left}
                )

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

    async def _do(self, note: Note) -> None:
        """A slice of it, or all where nobody else can do the rest. Raises the bug that a row met."""
        done, bug = 0, None
        after: str | None = self._reached.get(note.id, "")
        while after is not None:
            if bug is None:  # else the next try has to come past its key again
                self._reached[note.id] = after
            if bug is None and done >= notes.SLICE and self.fan_outs.take(note, after):
                break
            found = await self._slice(note, after, is_kept=bug is not None)
            if bug is None and found.bug is not None:
                bug = found.bug
                if self.fan_outs.take(note, after, bug):
                    break
            done, after = done + found.many, found.after
        self._reached.pop(note.id, None)
        if bug is not None:
            raise bug

    async def _slice(self, note: Note, after: str, *, is_kept: bool, is_beside: bool = False) -> Slice:
        """Project the next keys. With the last of them the note is deleted, unless it is kept or meets a bug."""
        step, bugs, found = self._steps[note.object], list[Exception](), list[str]()
        with collecting(bugs):
            async with postgres.session(self._pool) as connection:
                found += await step.affected(connection, note, after)
        if bugs:
            return Slice(0, None, bugs[0])
        keys = found[: min(self._portion.fits([1] * len(found)), fan_outs.SLICE if is_beside else notes.SLICE)]
        more = keys[-1] if len(found) >= notes.SLICE or len(keys) < len(found) else None
        with collecting(bugs), learning(self._portion, [1] * len(keys)):
            await self._project(step, note, keys, is_last=more is None and not is_kept, renews=is_beside)
        return Slice(len(keys), more, bugs[0] if bugs else None)

    async def _slice_beside(self, note: Note, after: str, is_kept: bool) -> Slice:
        return await self._slice(note, after, is_kept=is_kept, is_beside=True)

    async def _finish_beside(self, note: Note) -> None:
        await self._project(self._steps[note.object], note, (), is_last=True)

    async def _is_there(self, note: Note) -> bool:
        async with postgres.session(self._pool) as connection:
            return await notes.is_there(connection, self._mirror, note)

    async def _project(
        self, step: Step, note: Note, keys: Sequence[str], *, is_last: bool, renews: bool = False
    ) -> None:
        try:
            async with postgres.transaction(self._pool, "projector.project") as connection:
                done = await step.project(connection, note, keys) if keys else Projected()
                if is_last:  # the note comes last, as everywhere: rows are locked before it
                    await notes.delete(connection, self._mirror, note)
                elif renews:  # other copies leave it alone
                    await notes.renew(connection, self._mirror, note)
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
        if note.id not in self.fan_outs:  # which have somebody else follow
            self._led_to.setdefault(note.id, []).extend(one.id for one in done.notes)
        self._report(done, self._whose.get(note.id))

    def _report(self, done: Projected, whose: object = None) -> None:
        """After the commit."""
        self.remember(done.notes, whose)
        self._committed()
        done.report()
