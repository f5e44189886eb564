"""Applies a batch, whatever it takes: waits for what is away, looks for what is poison, stops for a bug.

What runs into a time-out is tried again in halves, down to a single record, which is then tried for ever: never parked.
What is too large to be held several times over is applied in halves at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from synckit.backoff import delays
from synckit.consumer.batch import Batch, Incoming
from synckit.consumer.lease import GivenUpError
from synckit.failures import Verdict, as_poison, describe, explain, is_time_out, may_be_restored, verdict
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

Apply = Callable[[Batch], Awaitable[None]]
"""Applies the living records of a batch and parks the condemned ones, durably, before it returns. May be called again
with the same records, or some of them, at any time."""

PATIENCE: Final = {Verdict.RACE: 5, Verdict.UNCLEAR: 20}
"""How many failures of these kinds in a row end the waiting: a race is poison then, what is unclear a bug."""
RESTORED: Final = 250
"""The same, while a database may be being restored, which brings rights back last: about two hours."""


MOST_BYTES: Final = 8 * 1024 * 1024
"""Of the values that are applied at once. What is made of them on their way to a database is ten times that."""


class Applier:
    """What one `Apply` waits for, and since when."""

    def __init__(
        self, topic: str, apply: Apply, given_up: asyncio.Event | None = None, restored: int = RESTORED
    ) -> None:
        """Several of a consumer share one `given_up`. `restored`: how often that is tried which may be restored."""
        self._topic = topic
        self._apply = apply
        self._restored = restored
        self._since: float | None = None
        self.given_up = given_up or asyncio.Event()
        """While it is set nothing is waited for: `apply` raises GivenUpError instead."""
        self.trouble: str | None = None
        """What is waited for now, in words without values."""

    @property
    def waited_seconds(self) -> float:
        """For how long the batch in hand has been tried again; 0 where it has not."""
        return 0.0 if self._since is None else monotonic() - self._since

    async def apply(self, batch: Batch) -> list[Incoming]:
        """Returns when every record is applied, or parked: these. Any error but GivenUpError is a bug."""
        try:
            return await self._whole(batch)
        finally:
            self._since = self.trouble = None

    async def _whole(self, batch: Batch) -> list[Incoming]:
        if batch.size > MOST_BYTES and len(batch.living) > 1:
            return await self._halves(batch)
        waits, row = delays(), (Verdict.TRANSIENT, False, 0)
        while True:
            try:
                with strays_raised():
                    await self._apply(batch)
            except Exception as error:
                kind, is_restored = verdict(error), may_be_restored(error)
                row = (kind, is_restored, row[2] + 1 if (kind, is_restored) == row[:2] else 1)
                patience = self._restored if is_restored else PATIENCE.get(kind, 0)
                if kind is Verdict.TRANSIENT or row[2] < patience:
                    await self._wait(error, next(waits))
                    if is_time_out(error) and len(batch.living) > 1:
                        return await self._halves(batch)
                elif kind in {Verdict.BUG, Verdict.UNCLEAR}:
                    raise
                else:
                    return await self._isolate(batch, error)
            else:
                self._recovered()
                return [record for record, _ in batch.parked]

    async def _isolate(self, batch: Batch, error: Exception) -> list[Incoming]:
        """Bisect to the record that cannot work, condemn it, apply the rest."""
        living = batch.living
        if not living:
            raise error
        if len(living) == 1:
            batch.condemned[living[0]] = as_poison(error)
            return await self._whole(batch)
        return await self._halves(batch)

    async def _halves(self, batch: Batch) -> list[Incoming]:
        """One after the other, each with its own halves before the next: the order of the records is kept."""
        first, second = batch.halves()
        return await self._whole(first) + await self._whole(second)

    async def _wait(self, error: Exception, seconds: float) -> None:
        if self._since is None:
            self._since = monotonic()
            log.warning("A consumer waits", extra={"topic": self._topic, **describe(error)})
        self.trouble = f"waits: {explain(error)}"
        try:
            async with asyncio.timeout(seconds):
                await self.given_up.wait()
        except TimeoutError:
            return
        raise GivenUpError

    def _recovered(self) -> None:
        if self._since is not None:
            log.info(
                "A consumer goes on", extra={"topic": self._topic, "waited_seconds": round(self.waited_seconds, 3)}
            )
        self._since = self.trouble = None
