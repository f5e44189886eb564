"""A consumer at work, and what it was given."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from synckit.consumer import Batch, Consumer, ConsumerGroup


class Running:
    """A consumer at work, and what it was given."""

    def __init__(self, group: str, consumer: Consumer, members: ConsumerGroup) -> None:
        self.group = group
        self.consumer = consumer
        self.members = members
        self.task = asyncio.create_task(members.run())

    async def is_ready(self) -> bool:
        return await self.consumer.check() is None

    async def stop(self) -> None:
        await self.members.stop()
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


class Sink:
    """Applies records by remembering their values, and parks by remembering them too."""

    def __init__(self, fail: Callable[[Sequence[bytes | None]], Exception | None] = lambda _: None) -> None:
        self.applied: list[bytes | None] = []
        self.parked: list[tuple[bytes | None, str]] = []
        self.calls = 0
        self._fail = fail

    async def __call__(self, batch: Batch) -> None:
        self.calls += 1
        values = [batch.records[at].value for at in batch.living]
        error = self._fail(values)
        if error is not None:
            raise error
        self.applied += values
        self.parked += [(record.value, reason.code) for record, reason in batch.parked]
