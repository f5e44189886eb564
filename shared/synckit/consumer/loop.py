"""One consumer of one topic: batches in, offsets out, and what happens between when something fails."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import monotonic
from typing import Final, Protocol

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from synckit import failpoints
from synckit.consumer.batch import Batch, Incoming
from synckit.consumer.failures import Verdict, as_poison, describe, verdict
from synckit.contracts.topics import Topic
from synckit.observability import metrics

log = logging.getLogger(__name__)

Apply = Callable[[Batch], Awaitable[None]]
"""Applies the living records of a batch and parks the condemned ones, durably, before it returns. May be called again
with the same records, or some of them, at any time."""

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 30.0
RACE_TRIES: Final = 5
SETTLE_SECONDS: Final = 45.0
TEND_SECONDS: Final = 1.0
ALARM_SECONDS: Final = 60.0
ALARM_PARKED: Final = 100
ALARM_SHARE: Final = 0.05


class KafkaClient(Protocol):
    """What we use of the Kafka consumer."""

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that it reads now."""

    async def position(self, partition: TopicPartition) -> int:
        """The offset of the next record that it will hand out."""

    def highwater(self, partition: TopicPartition) -> int | None:
        """The end of the partition, as last seen."""

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit these offsets."""


class GivenUpError(Exception):
    """The batch is no longer ours, or the process stops: whoever reads it next applies it."""


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """The state of one subscription: what is being applied, what is committed, what it waits for."""

    def __init__(self, topic: Topic, apply: Apply, *, at_most: int = 1_000) -> None:
        self.topic = topic
        self.at_most = at_most
        self._apply = apply
        self._idle = asyncio.Event()
        self._idle.set()
        self._given_up = asyncio.Event()
        self._batches = 0
        self._committed: dict[TopicPartition, int] = {}
        self._quiet: tuple[int, dict[TopicPartition, int]] | None = None
        self._recent: deque[tuple[float, int, int]] = deque()
        self._waiting_since: float | None = None
        self._trouble: str | None = "has not joined its group yet"
        self.stopped = asyncio.Event()
        """Set for good by a bug, or by more parked records than bad data explains."""

    async def check(self) -> str | None:
        """For readiness: what keeps this consumer from its work."""
        return self._trouble

    def give_up(self) -> None:
        """Do not try again: the process stops."""
        self._given_up.set()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Ends the batch in hand before the partitions go to others (heartbeats go on meanwhile)."""
        self._given_up.set()
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            log.warning("A batch outlived its partitions", extra={"topic": self.topic.name, "partitions": len(revoked)})

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Starts afresh: positions are the committed ones again."""
        for at in self._committed.keys() - assigned:
            metrics.CONSUMER_LAG.remove(at.topic, str(at.partition))
        self._committed.clear()
        self._quiet = None
        if not self.stopped.is_set():
            self._given_up.clear()
            self._trouble = None
        log.info("Partitions were assigned", extra={"topic": self.topic.name, "partitions": len(assigned)})

    async def handle(self, records: Sequence[Incoming], client: KafkaClient) -> None:
        """Apply a batch, whatever it takes, and commit the offsets of exactly these records."""
        if self.stopped.is_set():
            return
        started = monotonic()
        self._idle.clear()
        self._batches += 1
        try:
            failpoints.hit("consumer.apply:before")
            parked = await self._apply_whole(Batch(records))
            failpoints.hit("consumer.offsets:before_commit")
            await self._commit(client, _ends(records))
            failpoints.hit("consumer.offsets:after_commit")
            self._report(records, parked, monotonic() - started)
        except GivenUpError:
            metrics.RECORDS.labels(self.topic.name, "abandoned").inc(len(records))
        except Exception as error:  # noqa: BLE001 - nobody foresaw it: the consumer stops, and says so
            self._stop("stopped by a bug", describe(error), error)
        finally:
            self._idle.set()

    async def tend(self, client: KafkaClient) -> None:
        """Between batches: commit the positions behind transaction markers, and measure the lag. Once a second."""
        try:
            async with asyncio.timeout(TEND_SECONDS):
                positions = {at: await client.position(at) for at in client.assignment()}
                await self._commit_markers(client, positions)
        except (KafkaError, TimeoutError) as error:
            log.debug("The lag is unknown", extra={"topic": self.topic.name, **describe(error)})
        self._measure(client)

    async def _commit_markers(self, client: KafkaClient, positions: dict[TopicPartition, int]) -> None:
        """A position that did not lead to a batch within a second stands behind markers, not behind records."""
        before, self._quiet = self._quiet, (self._batches, positions)
        if before is None or before[0] != self._batches or not self._idle.is_set() or self.stopped.is_set():
            return
        behind = {at: end for at, end in before[1].items() if end > self._committed.get(at, 0) and at in positions}
        if behind:
            await self._commit(client, behind)

    async def _apply_whole(self, batch: Batch) -> int:
        """Until it is applied: wait for what is away, look for what is poison. How many records were parked."""
        delays, races = _delays(), 0
        while True:
            try:
                await self._apply(batch)
            except Exception as error:
                kind = verdict(error)
                races += kind is Verdict.RACE
                if kind is Verdict.TRANSIENT or (kind is Verdict.RACE and races < RACE_TRIES):
                    await self._wait(error, next(delays))
                elif kind is Verdict.BUG:
                    raise
                else:
                    return await self._isolate(batch, error)
            else:
                self._recovered()
                return len(batch.condemned)

    async def _isolate(self, batch: Batch, error: Exception) -> int:
        """Bisect to the record that cannot work, condemn it, apply the rest."""
        living = batch.living
        if not living:
            raise error
        if len(living) == 1:
            batch.condemned[living[0]] = as_poison(error)
            return await self._apply_whole(batch)
        first, second = batch.halves()
        return await self._apply_whole(first) + await self._apply_whole(second)

    async def _wait(self, error: Exception, seconds: float) -> None:
        if self._waiting_since is None:
            self._waiting_since = monotonic()
            log.warning("A consumer waits", extra={"topic": self.topic.name, **describe(error)})
        self._trouble = f"waits: {' '.join(describe(error).values())}"
        metrics.CONSUMER_WAITING.labels(self.topic.name).set(monotonic() - self._waiting_since)
        try:
            async with asyncio.timeout(seconds):
                await self._given_up.wait()
        except TimeoutError:
            return
        raise GivenUpError

    def _recovered(self) -> None:
        if self._waiting_since is not None:
            seconds = round(monotonic() - self._waiting_since, 3)
            log.info("A consumer goes on", extra={"topic": self.topic.name, "waited_seconds": seconds})
        self._waiting_since = None
        self._trouble = None
        metrics.CONSUMER_WAITING.labels(self.topic.name).set(0)

    async def _commit(self, client: KafkaClient, offsets: dict[TopicPartition, int]) -> None:
        """Failing is harmless: whoever reads the records again applies them again, which changes nothing."""
        try:
            await client.commit(offsets)
        except KafkaError as error:
            log.warning("Offsets were not committed", extra={"topic": self.topic.name, **describe(error)})
        else:
            self._committed |= offsets

    def _report(self, records: Sequence[Incoming], parked: int, seconds: float) -> None:
        topic = self.topic.name
        metrics.BATCH_RECORDS.labels(topic).observe(len(records))
        metrics.BATCH_SECONDS.labels(topic).observe(seconds)
        metrics.RECORDS.labels(topic, "applied").inc(len(records) - parked)
        metrics.RECORDS.labels(topic, "parked").inc(parked)
        log.info(
            "A batch was applied",
            extra={"topic": topic, "records": len(records), "parked": parked, "seconds": round(seconds, 4)},
        )
        self._alarm(len(records), parked)

    def _alarm(self, records: int, parked: int) -> None:
        """Too many parked within a minute is not bad data but a bad release."""
        now = monotonic()
        self._recent.append((now, records, parked))
        while self._recent[0][0] < now - ALARM_SECONDS:
            self._recent.popleft()
        total, bad = (sum(entry[at] for entry in self._recent) for at in (1, 2))
        if bad > ALARM_PARKED and bad > total * ALARM_SHARE:
            self._stop("stopped: too many records were parked within a minute", {"parked": str(bad)}, None)

    def _stop(self, trouble: str, said: dict[str, str], error: BaseException | None) -> None:
        self._trouble = trouble
        self.stopped.set()
        metrics.CONSUMER_STOPPED.labels(self.topic.name).set(1)
        log.error("A consumer stopped", exc_info=error, extra={"topic": self.topic.name, "trouble": trouble, **said})

    def _measure(self, client: KafkaClient) -> None:
        for at in client.assignment():
            end, done = client.highwater(at), self._committed.get(at)
            if end is not None and done is not None:
                metrics.CONSUMER_LAG.labels(at.topic, str(at.partition)).set(max(end - done, 0))


def _ends(records: Sequence[Incoming]) -> dict[TopicPartition, int]:
    """For each partition of the batch, the offset after its last record."""
    ends: dict[TopicPartition, int] = {}
    for record in records:
        at = TopicPartition(record.topic, record.partition)
        ends[at] = max(ends.get(at, 0), record.offset + 1)
    return ends


def _delays() -> Iterator[float]:
    """0.1 s, doubling up to 30 s, each between half and the whole of that."""
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, protects nothing
        delay = min(delay * 2, LONGEST_DELAY)
