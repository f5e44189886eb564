"""Whether a batch is still its consumer's: whom Kafka misses, it passes over, and cannot tell.

A process that was frozen, or cut off from Kafka alone, has records in hand that others have applied meanwhile, and more
that came after. Versions make that harmless, but for an erasure, which has none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiokafka import TopicPartition

from synckit import failpoints
from synckit.consumer.client import KafkaClient
from synckit.errors import TransientError
from synckit.strays import strays_raised

ASK_SECONDS: Final = 3.0
"""Below what others wait for the turn that is held meanwhile (5 s)."""

Ask = Callable[[], Awaitable[None]]
"""Returns where Kafka says that these partitions are ours; TransientError where it does not, or says nothing."""


class GivenUpError(Exception):
    """The batch is no longer ours, or the process stops: whoever reads it next applies it."""


class LeaseError(TransientError):
    """Kafka does not say that the batch is ours."""


class Lease:
    """Whether a batch is ours. Without anybody to ask it always is."""

    def __init__(self, ask: Ask | None = None) -> None:
        self._ask = ask
        self._is_lapsed = False

    def lapse(self) -> None:
        """The partitions are others' from now on, whatever Kafka says of the group."""
        self._is_lapsed = True

    async def confirm(self) -> None:
        """Once nobody else can erase: LeaseError where somebody may have before, GivenUpError for good.

        Asked while the turn is held, so it matters to no clock when that was: one that stood still with its machine
        would say that it was just now. Whoever stands still later loses its transaction, and the turn with it.
        """
        self._check_lapse()
        if self._ask is not None:
            await self._ask()
            self._check_lapse()

    def _check_lapse(self) -> None:
        """GivenUpError where it has lapsed."""
        if self._is_lapsed:
            raise GivenUpError


async def ask(client: KafkaClient, offsets: Mapping[TopicPartition, Any]) -> None:
    """Whether the partitions of these offsets are ours still: Kafka takes them of a living member only.

    They are those of the next records, so that nothing is passed over. Raises LeaseError, whatever the client raises: a
    damaged answer is one that does not say so.
    """
    try:
        async with asyncio.timeout(ASK_SECONDS):
            failpoints.hit("consumer.lease:before_commit")
            with strays_raised():
                await client.commit(dict(offsets))
            failpoints.hit("consumer.lease:after_commit")
    except Exception as error:
        raise LeaseError from error
