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


@dataclass(slots=True)
class _Trouble:
    """What keeps something from being done, since when, and when it is tried again."""

    what: dict[str, object]
    error: Exception | None = None
    since: float = NEVER
    due_at: float = 0.0
    _delays: Iterator[float] = field(default_factory=delays)

    @property
    def is_bug(self) -> bool:
        return self.error is not None and verdict(self.error) is Verdict.BUG

    def met(self, error: Exception) -> None:
        """Said where it is something else than before."""
        if type(self.error) is not type(error):
            said = {**self.what, **describe(error)}
            if verdict(error) is Verdict.BUG:
                log.error("A note met a bug", extra=said, exc_info=error)
            else:
                log.warning("What a change affects has to wait", extra=said)
        self.since, self.error = min(self.since, monotonic()), error

    def wait(self) -> None:
        """Before the next try, a little longer than the last time."""
        self.due_at = monotonic() + next(self._delays)

    def end(self) -> None:
        """It goes on."""
        if self.error is not None:
            log.info("What a change affects is done again", extra=self.what)
        self.error, self.since, self._delays = None, NEVER, delays()


@dataclass(slots=True)
class _FanOut:
    note: Note
    after: str
    """What comes behind this key is not done yet."""
    trouble: _Trouble
    meets_bug: bool = False
    """On this way through it, or on the last one: nobody knows that it is over before all of it is done."""
    again_after: str | None = None
    """What comes behind this key is to be done once more: one there met a bug. The note must not be deleted before."""


class FanOuts:
    """The notes whose first slice a batch has done, or that met a bug; nobody waits for the rest of them."""

    def __init__(
        self, project: Project, is_there: Callable[[Note], Awaitable[bool]], follow: Callable[[], Awaitable[None]]
    ) -> None:
        """`is_there`: whether nobody has done a note yet. `follow` does what follows from slices."""
        self._project = project
        self._is_there = is_there
        self._follow = follow
        self._following = _Trouble({})
        self._all: dict[int, _FanOut] = {}
        self._has_come = asyncio.Event()
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

    def take(self, note: Note, after: str, bug: Exception | None = None) -> bool:
        """Do what comes behind this key from now on. False where there are too many, or the note is not stored."""
        if not note.is_stored or len(self._all) >= MOST:
            return False
        one = self._all[note.id] = _FanOut(note, after, _Trouble(named(note)), bug is not None)
        if bug is not None:
            one.trouble.met(bug)
            one.trouble.wait()
        self._has_come.set()
        return True

    async def check(self) -> str | None:
        """For readiness: what keeps one of them from being done, in words without values."""
        met = [(one.is_bug, one.error) for one in self._troubles() if one.error is not None]
        if not met:
            return None
        is_bug, error = max(met, key=lambda one: one[0])
        return f"{'meets a bug' if is_bug else 'waits'}: {explain(error)}"

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._has_come.clear()
            await self.go_through()
            due = min((one.due_at for one in self._troubles()), default=NEVER)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if due == NEVER else max(due - monotonic(), 0)):
                    await self._has_come.wait()

    async def go_through(self) -> None:
        """A slice of each that is due, and what follows from them."""
        now = monotonic()
        for one in [one for one in self._all.values() if one.trouble.due_at <= now]:
            with _noting(one.trouble):
                await self._go_on(one)
        if self._following.due_at <= now:
            with _noting(self._following):
                await self._follow()
                self._following.end()

    async def _go_on(self, one: _FanOut) -> None:
        if one.trouble.error is not None and not await self._is_there(one.note):
            self._end(one)  # another copy has done it
            return
        done = await self._project(one.note, one.after, one.again_after is not None)
        if done.bug is not None:
            one.trouble.met(done.bug)
            one.meets_bug = True
            one.again_after = one.after if one.again_after is None else one.again_after
        elif not one.meets_bug:
            one.trouble.end()
        if done.after is not None:
            one.after = done.after
        elif one.again_after is not None:
            one.after, one.again_after = one.again_after, None
            one.trouble.wait()
        else:
            self._end(one)

    def _end(self, one: _FanOut) -> None:
        one.trouble.end()
        del self._all[one.note.id]

    def _troubles(self) -> list[_Trouble]:
        """Of those that are not done, and of what follows from them where that waits."""
        following = [self._following] if self._following.error is not None else []
        return [one.trouble for one in self._all.values()] + following

    def _waited_seconds(self) -> float:
        since = min((one.since for one in self._troubles()), default=NEVER)
        return 0.0 if since == NEVER else monotonic() - since


@contextmanager
def _noting(trouble: _Trouble) -> Iterator[None]:
    """Whatever fails within is said, and shown until it does no more: nothing ends the others' turns."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - bugs too
        trouble.met(error)
        trouble.wait()
