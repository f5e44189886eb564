"""What a change affects beyond the first slice of it, done beside the batches: of each note a slice by turns.

The note stays in the database until its last slice is committed: a process that dies leaves it to the sweep. One that
fails holds none of the others up: it is tried again, later each time, from where it failed, and shown until it is done.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from synckit.backoff import delays
from synckit.failures import Verdict, describe, explain, verdict
from synckit.mirror.notes import Note
from synckit.observability import metrics
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

SLICE: Final = 200
"""Keys of a slice: what is worked out of it keeps the process from everything else meanwhile."""
MOST: Final = 100
"""Notes. While there are more, batches do theirs to the end: what comes in faster than it is done waits in Kafka."""
MOST_NAMED: Final = 20
"""Events that a line of the log names."""
NEVER: Final = float("inf")


def named(note: Note) -> dict[str, object]:
    """A note, for a line of the log."""
    events = [str(cause.event_id) for cause in note.causes.values()][:MOST_NAMED]
    return {"note": note.id, "object": note.object, "event_ids": events}


@dataclass(frozen=True, slots=True)
class Slice:
    """What became of a slice: how many keys it had, behind which the next begins (None: it was the last), its bug."""

    many: int
    after: str | None
    bug: Exception | None = None


Project = Callable[[Note, str, bool], Awaitable[Slice]]
"""Projects what comes behind a key of a note, which stays where the third says so. Raises what is no bug of a row."""
Part = tuple[str, str | None]
"""Behind which key a part of a note begins, and with which it ends (None: with the last)."""


@dataclass(slots=True)
class Waiting:
    """What something waits for that cannot be done now, since when, and when it is tried again."""

    what: dict[str, object]
    error: str | None = None
    """In words without values: an exception would keep whoever met it."""
    since: float = NEVER
    due_at: float = 0.0
    _delays: Iterator[float] = field(default_factory=delays)

    def begin(self, error: Exception) -> None:
        """Said where it waits for something else than before."""
        if self.error != explain(error):
            log.warning("What a change affects has to wait", extra={**self.what, **describe(error)})
        self.since, self.error = min(self.since, monotonic()), explain(error)
        self.due_at = monotonic() + next(self._delays)

    def end(self) -> None:
        """It goes on."""
        if self.error is not None:
            log.info("What a change affects is done again", extra=self.what)
            self.error, self.since, self._delays = None, NEVER, delays()


@dataclass(slots=True)
class _FanOut:
    note: Note
    part: Part
    """What is being done, as far as it is not done yet."""
    waiting: Waiting
    parts: list[Part] = field(default_factory=list)
    """What comes after that."""
    failed: list[Part] = field(default_factory=list)
    """What met a bug, and is all that is done on the next way through."""
    bug: str | None = None
    """That was met last, in words. The note is not deleted by its last slice then, but once no part meets any."""
    bug_since: float = NEVER
    due_at: float = 0.0
    delays: Iterator[float] = field(default_factory=delays)

    def met(self, bug: Exception) -> None:
        """Said once."""
        if self.bug is None:
            log.error("A note met a bug", extra={**named(self.note), **describe(bug)}, exc_info=bug)
            self.bug_since = monotonic()
        self.bug = explain(bug)

    def wait(self) -> None:
        """Before the next way through, a little longer than the last time."""
        self.due_at = monotonic() + next(self.delays)

    @property
    def tried_at(self) -> float:
        """When it is to be tried next, by `monotonic`."""
        return max(self.due_at, self.waiting.due_at)


class FanOuts:
    """The notes of which a batch has done the first slice, that met a bug, or that failed and are nobody's."""

    def __init__(
        self,
        project: Project,
        finish: Callable[[Note], Awaitable[None]],
        is_there: Callable[[Note], Awaitable[bool]],
        follow: Callable[[], Awaitable[None]],
    ) -> None:
        """`finish` deletes a note, `is_there` says whether nobody has yet; `follow` does what follows from slices."""
        self._project = project
        self._finish = finish
        self._is_there = is_there
        self._follow = follow
        self._following = Waiting({})
        self._all: dict[int, _FanOut] = {}
        self._at_work: set[int] = set()
        self._has_come = asyncio.Event()
        self._has_led = asyncio.Event()
        metrics.FAN_OUTS.set_function(lambda: len(self))
        metrics.FAN_OUT_WAITING.set_function(self._waited_seconds)

    def __len__(self) -> int:
        """How many are not done."""
        return len(self._all)

    def __iter__(self) -> Iterator[int]:
        """Their numbers."""
        return iter(self._all)

    def __contains__(self, note_id: object) -> bool:
        """Whether this note is done here."""
        return note_id in self._all

    def take(self, note: Note, after: str, error: Exception | None = None) -> bool:
        """Do what comes behind this key from now on, a little later where it failed there.

        False where there are too many, or the note is not stored.
        """
        if not note.is_stored or len(self._all) >= MOST:
            return False
        one = self._all[note.id] = _FanOut(note, (after, None), Waiting(named(note)))
        if error is not None and verdict(error) is Verdict.BUG:
            one.met(error)
            one.wait()
        elif error is not None:
            one.waiting.begin(error)
        self._has_come.set()
        return True

    async def check(self) -> str | None:
        """For readiness: what keeps one of them from being done, in words without values."""
        bug = next((one.bug for one in self._all.values() if one.bug is not None), None)
        if bug is not None:
            return f"meets a bug: {bug}"
        waiting = (self._following, *(one.waiting for one in self._all.values()))
        return next((f"waits: {one.error}" for one in waiting if one.error is not None), None)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take_turns(waiting=False))
            tasks.create_task(self._take_turns(waiting=True))  # each may wait for a lock for 5 s, and then once more
            tasks.create_task(self._go_on_following())

    async def _take_turns(self, *, waiting: bool) -> None:
        while True:
            self._has_come.clear()
            with strays_raised():
                await self.go_through(waiting)
            due = min((one.tried_at for one in self._idle(waiting)), default=NEVER)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if due == NEVER else max(due - monotonic(), 0)):
                    await self._has_come.wait()

    async def go_through(self, waiting: bool | None = None) -> None:
        """A slice of each that is due: of those that failed the last time, of all others, or of both."""
        now = monotonic()
        for one in [one for one in self._idle(waiting) if one.tried_at <= now]:
            if self._is_idle(one, waiting):  # still, and nobody else has begun
                await self._take_turn(one)

    def _idle(self, waiting: bool | None) -> list[_FanOut]:
        return [one for one in self._all.values() if self._is_idle(one, waiting)]

    def _is_idle(self, one: _FanOut, waiting: bool | None) -> bool:
        number, is_waiting = one.note.id, one.waiting.error is not None
        return self._all.get(number) is one and number not in self._at_work and waiting in {None, is_waiting}

    async def _take_turn(self, one: _FanOut) -> None:
        self._at_work.add(one.note.id)
        try:
            with _noting(one.waiting):
                await self._go_on(one)
        finally:
            self._at_work.remove(one.note.id)
            self._has_come.set()  # perhaps among the others

    async def _go_on(self, one: _FanOut) -> None:
        is_again = one.bug is not None or one.waiting.error is not None
        if is_again and not await self._is_there(one.note):  # another copy has done it
            self._end(one)
            return
        begin, end = one.part
        done = await self._project(one.note, begin, one.bug is not None)
        self._has_led.set()
        one.waiting.end()
        if done.bug is not None:
            one.met(done.bug)
            one.failed.append((begin, done.after))
        if done.after is not None and (end is None or done.after < end):
            one.part = done.after, end
        elif one.parts:
            one.part = one.parts.pop(0)
        elif one.failed:
            one.part, *one.parts = one.failed
            one.failed = []
            one.wait()
        else:
            if one.bug is not None:
                await self._finish(one.note)
            self._end(one)

    def _end(self, one: _FanOut) -> None:
        if one.bug is not None:
            log.info("A note meets no bug any more", extra=named(one.note))
        one.waiting.end()
        del self._all[one.note.id]

    async def _go_on_following(self) -> None:
        """Beside the turns: what follows may wait for what a batch has in hand."""
        while True:
            await self._has_led.wait()
            with strays_raised():
                await self.follow()
            await asyncio.sleep(max(self._following.due_at - monotonic(), 0))

    async def follow(self) -> None:
        """Once: what follows from the slices so far."""
        self._has_led.clear()
        with _noting(self._following):
            await self._follow()
            self._following.end()
        if self._following.error is not None:
            self._has_led.set()

    def _waited_seconds(self) -> float:
        of_all = (min(one.bug_since, one.waiting.since) for one in self._all.values())
        since = min((self._following.since, *of_all))
        return 0.0 if since == NEVER else monotonic() - since


@contextmanager
def _noting(waiting: Waiting) -> Iterator[None]:
    """Whatever fails within is said, and shown until it does no more: nothing ends the others' turns."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is
        waiting.begin(error)
