"""Whether a batch is still its consumer's: whom Kafka misses, it passes over, and cannot tell.

A process that was frozen, or cut off from Kafka alone, has records in hand that others have applied meanwhile, and more
that came after. Versions make that harmless, but for an erasure, which has none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from synckit import failpoints
from synckit.consumer.client import KafkaClient
from synckit.errors import TransientError
from synckit.strays import strays_raised

ASK_SECONDS: Final = 3.0
FRESH_SECONDS: Final = 2.5
LEASE_SECONDS: Final = 8.0
"""Below a session in the group (10 s), which begins anew whenever Kafka takes a commit of ours; above what may pass
from an answer that is fresh to a turn that others had for as long as a lock is waited for (5 s)."""

Ask = Callable[[], Awaitable[None]]
"""Returns where Kafka says that these partitions are ours; TransientError where it does not, or says nothing."""


class GivenUpError(Exception):
    """The batch is no longer ours, or the process stops: whoever reads it next applies it."""


class LeaseError(TransientError):
    """Kafka has not said for a while that the batch is ours."""


class Lease:
    """Since when it is known that a batch is ours. Without anybody to ask it always is."""

    def __init__(self, ask: Ask | None = None, heard_at: float = 0.0) -> None:
        """`heard_at`: when Kafka was last asked, in monotonic seconds, and said yes."""
        self._ask = ask
        self._heard_at = heard_at
        self._is_lapsed = False

    def lapse(self) -> None:
        """The partitions are others' from now on, whatever Kafka says of the group."""
        self._is_lapsed = True

    async def renew(self) -> None:
        """Before the work: ask Kafka, unless it was asked just now. Raises LeaseError, or GivenUpError for good."""
        self._check_lapse()
        if self._ask is not None and monotonic() - self._heard_at > FRESH_SECONDS:
            asked_at = monotonic()
            await self._ask()
            self._heard_at = asked_at

    def check(self) -> None:
        """Once nobody else can erase: LeaseError where the answer is too old by then, and somebody may have before."""
        self._check_lapse()
        if self._ask is not None and monotonic() - self._heard_at > LEASE_SECONDS:
            raise LeaseError

    def _check_lapse(self) -> None:
        """GivenUpError where it has lapsed."""
        if self._is_lapsed:
            raise GivenUpError


async def ask(client: KafkaClient, offsets: Mapping[TopicPartition, Any]) -> None:
    """Whether the partitions of these offsets are ours still: Kafka takes them of a living member only.

    They are those of the next records, so that nothing is passed over. Raises LeaseError.
    """
    try:
        async with asyncio.timeout(ASK_SECONDS):
            failpoints.hit("consumer.lease:before_commit")
            with strays_raised():
                await client.commit(dict(offsets))
            failpoints.hit("consumer.lease:after_commit")
    except (KafkaError, TimeoutError, TransientError) as error:
        raise LeaseError from error
