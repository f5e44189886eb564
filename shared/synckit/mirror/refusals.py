"""What becomes of a key whose row the database refuses: it is kept, said once, and tried again until it is written."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from synckit import postgres
from synckit.failures import Verdict, as_poison, describe, is_locked, verdict
from synckit.mirror import notes, refused
from synckit.mirror import store as mirrored
from synckit.mirror.facts import Record
from synckit.mirror.notes import Note
from synckit.mirror.steps import Projected, Step
from synckit.mirror.store import Mirror
from synckit.observability import metrics
from synckit.portions import Portion, learning
from synckit.postgres import STATEMENT_SECONDS, Pool

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 100
"""Most likely few of them can be written, and each that cannot costs two tries."""
MOST_REFUSALS: Final = 500
"""After so many of an object the next round goes on, with those that waited longest: a round is to be short."""
NOBODYS_NOTE: Final = 0
"""These notes are not stored: the keys are."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How many refused keys were written, or need no row any more, and how many were refused again."""

    written: int = 0
    refused: int = 0

    def __add__(self, other: "Tried") -> "Tried":
        return Tried(self.written + other.written, self.refused + other.refused)


class Refusals:
    """The keys of an owner that are refused."""

    def __init__(
        self, pool: Pool, mirror: Mirror, steps: Mapping[str, Step], report: Callable[[Projected], None]
    ) -> None:
        self._pool = pool
        self._mirror = mirror
        self._steps = steps
        self._objects = list(dict.fromkeys(step.keys for step in steps.values()))
        self._report = report
        """Called after each commit, with what it left to do."""
        self._portion = Portion(MOST_AT_ONCE, MOST_AT_ONCE, STATEMENT_SECONDS)

    async def refuse(self, step: Step, note: Note, key: str, error: Exception) -> None:
        """Keep the key until its row can be written. Said once an event, however often it is tried."""
        said, of = as_poison(error), (step.keys, key)
        async with postgres.transaction(self._pool, "projector.refuse") as connection:
            record = (await mirrored.read(connection, self._mirror, [of])).get(of, Record(object=step.keys, id=key))
            cause = notes.cause_of(note, record, record.parent_id, *(note.causes if len(note.causes) == 1 else ()))
            await step.refuse(connection, cause, key, said)
            is_news = await refused.keep(connection, self._mirror, of, cause, said.reason)
        if is_news:
            metrics.PROJECTED.labels(step.keys, "refused").inc()
            whose = {"object": step.keys, "id": key, "correlation_id": str(cause.correlation_id)}
            log.error("A row was refused by the database", extra={**whose, **describe(error)})

    async def try_again(self) -> None:
        """Try each key, those first that waited longest, and count what is still refused."""
        async with postgres.session(self._pool) as connection:
            before = await refused.now(connection)
        for name in self._objects:
            tried = await self._try_object(name, before)
            if tried.written:
                log.info("Rows that were refused are written", extra={"object": name, "rows": tried.written})
        async with postgres.session(self._pool) as connection:
            counts = await refused.count(connection, self._mirror)
        for name in self._objects:
            metrics.REFUSED.labels(name).set(counts.get(name, 0))

    async def _try_object(self, name: str, before: datetime) -> Tried:
        tried = Tried()
        while tried.refused < MOST_REFUSALS:
            async with postgres.session(self._pool) as connection:
                keys = await refused.list_due(connection, self._mirror, name, before, self._portion.rows)
            with learning(self._portion, [1] * len(keys)):
                now = await self._try_again(name, keys) if keys else Tried()
            if now == Tried():  # there are none, or another process tries them
                break
            tried += now
        return tried

    async def _try_again(self, name: str, keys: Sequence[str]) -> Tried:
        """Project refused keys, and forget them with the transaction that does; where one is refused again, bisect.

        One that somebody holds locked waits as the others do, with that for its reason, and holds none of them up.
        """
        step, note = self._steps[name], Note(NOBODYS_NOTE, name, (), {})
        try:
            async with postgres.transaction(self._pool, "projector.again") as connection:
                causes = await refused.claim(connection, self._mirror, name, keys)
                note = Note(NOBODYS_NOTE, name, tuple(causes), causes)
                done = await step.project(connection, note, note.ids) if causes else Projected()
                await refused.delete(connection, self._mirror, name, causes)
        except Exception as error:
            kind = verdict(error)
            if kind not in {Verdict.POISON, Verdict.RACE, Verdict.BUG} and not is_locked(error):
                raise
            if middle := len(keys) // 2:
                return await self._try_again(name, keys[:middle]) + await self._try_again(name, keys[middle:])
            if kind is Verdict.BUG:  # it waits as the others do, and holds none of them up
                log.exception("A refused row met a bug", extra={"object": name, "id": keys[0]})
            await self.refuse(step, note, keys[0], error)
            return Tried(refused=1)
        self._report(done)
        return Tried(written=len(causes))
