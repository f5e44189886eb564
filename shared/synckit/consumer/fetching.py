"""What the client gives, and what is done where it fails: nothing that it handed out is ever passed over in silence.

A client that fails has moved on behind records that it never gave (aiokafka 0.14 drops what it had gathered of other
partitions), and may never work again. FastStream would wait and ask it once more. Here it is given up: its consumer
joins its group anew, with another client, and reads from the committed offsets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError

from synckit import kafka
from synckit.consumer.batch import Incoming
from synckit.strays import strays_raised

if TYPE_CHECKING:
    from synckit.consumer.loop import Consumer

NEVER: Final = float("-inf")
WAIT_MS: Final = 500
"""How long the client waits for records. It gives the first ones at once, so this delays nothing."""
STILL_SECONDS: Final = 30.0
"""Above what an open transaction can hold back (15 s)."""
ENDLESS_SECONDS: Final = 120.0
"""Above twice what a rebalance waits for its slowest member (60 s)."""
UNSEEN_SECONDS: Final = 15.0
"""Above what a look takes at most, and the second between two."""
DEAF_SECONDS: Final = 60.0
"""Above what a broker takes to begin again, and what a client waits for one that is frozen before it asks another."""
LONGEST_DELAY: Final = 30.0
MOST_DOUBLINGS: Final = 10
FORGET_SECONDS: Final = 300.0
"""A client that lived for longer, though nothing came to be read, is no more of a row."""
MOST_BYTES: Final = {"fetch_max_bytes": 64 * 1024 * 1024, "max_partition_fetch_bytes": 9 * 1024 * 1024}
LEAST_BYTES: Final = 64 * 1024
MANY: Final = 3
"""Clients in a row that failed in a way that nobody foresaw. It is not the client then, but what it reads."""


@dataclass(frozen=True, slots=True)
class Intake:
    """How much a consumer takes at once."""

    at_most: int = 1_000
    """Records of a batch."""
    lanes: int = 1
    """How many batches are applied side by side, of different partitions, where so much is waiting."""
    linger_ms: int = WAIT_MS
    least_bytes: int = 1
    """Kafka answers once so many bytes are there, or the time is over: many, where nobody waits for what is made
    of a record."""


async def fetch(consumer: "Consumer", client: Any) -> Sequence[Incoming]:
    """The next records, or none. Ends FastStream's loop where the client fails, whatever with."""
    try:
        with strays_raised():
            found = await _gather(consumer.intake, client)
    except ConsumerStoppedError:
        raise
    except Exception as error:  # noqa: BLE001 - the consumer tells transient ones from bugs, and says so
        consumer.lose(error)
        raise ConsumerStoppedError from None
    return tuple(chain.from_iterable(found.values()))


async def _gather(intake: Intake, client: Any) -> dict[TopicPartition, Sequence[Incoming]]:
    """A batch for each lane, where there are that many already.

    Of other partitions each, since a batch is filled from one partition after another.
    """
    found: dict[TopicPartition, Sequence[Incoming]] = await client.getmany(
        timeout_ms=WAIT_MS, max_records=intake.at_most
    )
    more = found
    for _ in range(1, intake.lanes):
        others = client.assignment() - found.keys()
        if not others or sum(map(len, more.values())) < intake.at_most:
            break
        more = await client.getmany(*others, timeout_ms=0, max_records=intake.at_most)
        found |= more
    return found


class Stillness:
    """Notices a client that does not read on, though there is something to read and nothing in hand."""

    def __init__(self) -> None:
        self._since = 0.0
        self._looked_at = 0.0
        self._paused_at: float | None = None
        self._seen: tuple[int, Mapping[TopicPartition, int]] | None = None

    def lasts(self, batches: int, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> bool:
        """Whether it has been so for too long. Asked about once a second while nothing is in hand.

        What nobody looked at (Kafka was away, this process was frozen) was not still.
        """
        now, seen = monotonic(), (batches, positions)
        is_behind = any(position < ends.get(at, position) for at, position in positions.items())
        was_unseen = now - self._looked_at > UNSEEN_SECONDS
        self._looked_at = now
        if not is_behind or was_unseen or seen != self._seen:
            self._since, self._seen = now, seen
        return now - self._since > STILL_SECONDS

    def pause(self) -> None:
        """A rebalance begins: there is nothing to read on until it has ended."""
        self._paused_at = monotonic()

    def is_endless(self) -> bool:
        """Whether a rebalance has lasted for longer than any does. Said once."""
        if self._paused_at is None or monotonic() - self._paused_at <= ENDLESS_SECONDS:
            return False
        self._paused_at = None
        return True

    def forget(self) -> None:
        """Begin afresh."""
        self._seen = self._paused_at = None


class Deafness:
    """Notices a client that Kafka has not answered for long.

    aiokafka asks only the brokers that it has heard of, and never its bootstrap servers again: where all of them have
    other addresses by now it would ask in vain for ever.
    """

    def __init__(self) -> None:
        self._since = self._asked_at = NEVER

    def heard(self) -> None:
        """Kafka answers."""
        self._asked_at = NEVER

    async def lasts(self, client: Any) -> bool:
        """Whether no broker that the client has heard of has answered it for too long. It is asked here once more.

        A partition without a leader is another matter: no other client would find one. What nobody asked meanwhile
        does not count.
        """
        if await kafka.reaches_a_broker(client):
            self.heard()
            return False
        now = monotonic()
        if now - self._asked_at > UNSEEN_SECONDS:
            self._since = now
        self._asked_at = now
        return now - self._since > DEAF_SECONDS


class Losses:
    """Clients that were given up one after another, and when the next one may be tried."""

    def __init__(self) -> None:
        self._count = 0
        self._added_at = 0.0
        self._next_at = 0.0

    def add(self) -> int:
        """One more; how many there were in a row, none of which read anything or lived for five minutes."""
        now = monotonic()
        self._count = self._count + 1 if now - self._added_at < FORGET_SECONDS else 1
        self._added_at = now
        self._next_at = now + min(2.0 ** min(self._count - 1, MOST_DOUBLINGS), LONGEST_DELAY)
        return self._count

    def are_over(self) -> bool:
        """Something was read; whether that ends a row of losses."""
        count, self._count = self._count, 0
        return count > 0

    @property
    def may_try(self) -> bool:
        """Whether it is time for another client."""
        return monotonic() >= self._next_at

    @property
    def limits(self) -> Mapping[str, int]:
        """How many bytes the next client asks for at once: less after each that was lost, for over a narrow link an
        answer may take longer than anybody waits for it. A batch of records comes whole, however large it is."""
        return {name: max(most >> 2 * self._count, LEAST_BYTES) for name, most in MOST_BYTES.items()}
