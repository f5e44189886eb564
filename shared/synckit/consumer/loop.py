"""One consumer of one topic: batches in, offsets out, and when it does not consume."""

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic
from typing import Final

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from synckit import failpoints
from synckit.consumer.alarms import Alarms, Count
from synckit.consumer.applying import Apply
from synckit.consumer.batch import Incoming, correlation_ids, offsets_after, offsets_before
from synckit.consumer.client import KafkaClient
from synckit.consumer.continuity import GoneLogError, Mark, OtherLogError, UnsureError
from synckit.consumer.fetching import MANY, Deafness, Intake, Losses, Stillness
from synckit.consumer.lag import Lag
from synckit.consumer.lanes import Lanes
from synckit.consumer.lease import GivenUpError, Lease, ask
from synckit.consumer.unread import Unread
from synckit.contracts.topics import Topic
from synckit.errors import TransientError
from synckit.failures import Verdict, describe, explain, may_be_restored, passes, verdict
from synckit.observability import metrics
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

SETTLE_SECONDS: Final = 45.0
TEND_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 4.0
"""Kafka answers one request after the other, and each waits for a fetch that waits for records (0.5 s)."""
COMMIT_SECONDS: Final = 10.0
"""The client would try for as long as Kafka is away, and a batch in hand be done with nothing else meanwhile."""
NOT_JOINED: Final = "has not joined its group yet"
ALARMED: Final = "stopped by an alarm: too many records were parked within a minute; `paintbox parked resume` clears it"


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """The state of one subscription, the process's `at`th of its topic: what it applies, has committed, waits for."""

    def __init__(self, topic: Topic, apply: Apply, alarms: Alarms, intake: Intake | None = None, at: int = 1) -> None:
        self.name: Final = topic.name if at == 1 else f"{topic.name} ({at})"
        self.topic, self.apply, self.intake, self.lag = topic, apply, intake or Intake(), Lag(topic.name)
        self._unread, self._lanes = Unread(topic), Lanes(topic.name, apply, self.intake.at_most, self.intake.lanes)
        self._idle = asyncio.Event()
        self._idle.set()
        self._committed: dict[TopicPartition, int] = {}
        self._batches, self._lease = 0, Lease()
        self._quiet: tuple[int, dict[TopicPartition, int], Mark] | None = None
        self._stillness, self._deafness = Stillness(), Deafness()
        self._gone: GoneLogError | None = None
        self.losses = Losses()
        """Of its clients: when the next one may be tried, and how much it asks for at once."""
        self._alarms, self._window = alarms, alarms.window(topic.name)
        self._alarmed_at: float | None = None
        self._unsaved: Count | None = None
        self._trouble: str | None = NOT_JOINED
        self.stopped = asyncio.Event()
        """Set for good by a bug, and until it is cleared by an alarm."""
        self.lost = False
        """Whether its client failed and is still its own: it is to leave its group."""

    async def check(self) -> str | None:
        """For readiness: what keeps this consumer from its work."""
        return self._trouble or self._lanes.trouble

    def give_up(self) -> None:
        """The process stops: do not try again, nor begin anew, whatever is assigned meanwhile."""
        self._lanes.end()

    def lose(self, error: Exception) -> None:
        """Its client failed: apply and commit nothing more until it has joined its group anew.

        What looks like a bug may be the client's own, which was frozen, cut off in an odd moment, or given what was
        damaged on its way: that too is given another client, for ever. Once three in a row have failed, an error says
        that what Kafka gives cannot be read.
        """
        self._lanes.given_up.set()
        self._lease.lapse()  # it leaves its group, and others begin at once with what it has in hand
        self.lost = True
        metrics.CONSUMER_LOSSES.labels(self.topic.name).inc()
        is_bug, many = verdict(error) in {Verdict.BUG, Verdict.POISON}, self.losses.add()
        said = {"topic": self.topic.name, **describe(error)}
        self.hold(f"reads again from its committed offsets: {explain(error)}")
        if is_bug and many > MANY:
            self.hold(f"cannot read what Kafka gives, and tries again: {explain(error)}")
            metrics.CONSUMER_STOPPED.labels(self.name).set(1)
        if is_bug and many == MANY + 1:
            log.error("A consumer cannot read what Kafka gives", exc_info=error, extra=said)
        elif many == 1:
            log.warning("A consumer's client failed, and is replaced", exc_info=error if is_bug else None, extra=said)

    def hold(self, trouble: str) -> None:
        """It cannot go on yet, and this is why. Says nothing new where it was stopped."""
        if not self.stopped.is_set():
            self._trouble = trouble

    async def heed(self, raised: frozenset[str], asked_at: float, *, has_left: bool) -> None:
        """Stop, or go on, as the alarms say that were in force at `asked_at` (monotonic seconds).

        Saves first what could not be saved when it was raised; errors of the database are the caller's. Goes on only
        once it has left its group: what it was handed while it stood still is read again from the committed offsets.
        """
        if self._unsaved is not None:
            await self._save(self._unsaved)
        elif self.topic.name in raised:
            self._stop_by_alarm()
        elif has_left and self._alarmed_at is not None and self._alarmed_at < asked_at:
            self._resume()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Ends the batch in hand before the partitions go to others (heartbeats go on meanwhile)."""
        self._lanes.given_up.set()
        self._stillness.pause()
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            self._lease.lapse()
            log.warning("A batch outlived its partitions", extra={"topic": self.topic.name, "partitions": len(revoked)})

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Starts afresh: positions are the committed ones again."""
        self.lag.keep(assigned)
        self._committed, self._quiet, self._gone = {}, None, None
        self._unread.forget()
        self._stillness.forget()
        if not self.stopped.is_set():
            self._lanes.begin()
            self._trouble = None
            metrics.CONSUMER_STOPPED.labels(self.name).set(0)
        log.info("Partitions were assigned", extra={"topic": self.topic.name, "partitions": len(assigned)})

    async def handle(self, records: Sequence[Incoming], client: KafkaClient) -> None:
        """Apply a batch, whatever it takes, and commit the offsets of exactly these records."""
        if self.stopped.is_set() or self._lanes.given_up.is_set():
            return  # read again from the committed offsets, by whoever has the partitions then
        started = monotonic()
        before = offsets_before(records)
        mark = self._unread.mark
        self._lease = Lease(lambda: ask(client, mark.put_on(before)))
        self._idle.clear()
        self._batches += 1
        try:
            mark = await self._unread.look(client, records, self._committed)
            if self.losses.are_over():
                log.info("A consumer reads again", extra={"topic": self.topic.name})
            failpoints.hit("consumer.apply:before")
            applied = await self._lanes.apply(records, self._lease)
            is_safe = await self._watch(Count(len(applied.records), len(applied.parked)))
            failpoints.hit("consumer.offsets:before_commit")
            if is_safe:
                await self._commit(client, offsets_after(applied.records), mark)
            failpoints.hit("consumer.offsets:after_commit")
            applied.report(self.topic.name, len(records), monotonic() - started)
        except GivenUpError:
            metrics.RECORDS.labels(self.topic.name, "abandoned").inc(len(records))
        except UnsureError as error:
            self.lose(error)
        except Exception as error:  # noqa: BLE001 - nobody foresaw it: the consumer stops, and says so
            said = describe(error) | {"correlation_ids": " ".join(correlation_ids(records))}
            self._stop("stopped by a bug", said, error)
        finally:
            self._idle.set()
            if self._gone is not None:
                self.lose(self._gone)
            self._lease = Lease()  # what the batch has left is nobody's

    async def tend(self, client: KafkaClient) -> None:
        """Between batches: commit the positions behind transaction markers, and measure the lag. Once a second.

        What the client raises that is no trouble of Kafka's is taken as everywhere: it is given another client.
        """
        metrics.CONSUMER_WAITING.labels(self.name).set(self._lanes.waited_seconds)
        try:
            with strays_raised():
                if not await self._look(client) and await self._deafness.lasts(client):
                    self.lose(KafkaConnectionError())
                elif self._stillness.is_endless():
                    self.lose(TransientError("its group does not come to rest"))
        except Exception as error:  # noqa: BLE001 - lost, it says so
            self.lose(error)

    async def _look(self, client: KafkaClient) -> bool:
        """Whether Kafka has answered: of a client without partitions nobody knows."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                unknown = [at for at in client.assignment() if at not in self._committed]
                await self._unread.learn(client, unknown, self._committed)
                positions = {at: await client.position(at) for at in client.assignment()}
                await self._commit_markers(client, positions)
                ends = await self._measure(client)
        except GoneLogError as error:
            if self._idle.is_set():
                raise
            self._gone = error
            return True
        except (KafkaError, TimeoutError, UnsureError) as error:
            if isinstance(error, OtherLogError):
                raise
            log.debug("The lag is unknown", extra={"topic": self.topic.name, **describe(error)})
            return False
        reads_on = self._idle.is_set() and not self._lanes.given_up.is_set()  # a rebalance may take longer than that
        if reads_on and self._stillness.lasts(self._batches, positions, ends):
            self.lose(TransientError("its client does not read on"))
        if ends:
            self._deafness.heard()
        return bool(ends)

    async def _commit_markers(self, client: KafkaClient, positions: dict[TopicPartition, int]) -> None:
        """A position that did not lead to a batch within a second stands behind markers, not behind records."""
        before, self._quiet = self._quiet, (self._batches, positions, self._unread.mark)
        if self.stopped.is_set() or self._lanes.given_up.is_set():
            return  # a batch may have been given up: the positions stand behind records that nobody applied
        if before is None or before[0] != self._batches or not self._idle.is_set():
            return
        behind = {at: end for at, end in before[1].items() if end > self._committed.get(at, end) and at in positions}
        if behind:
            await self._unread.compare(client, behind, self._committed)
            failpoints.hit("consumer.markers:before_commit")
            await self._commit(client, behind, before[2])
            failpoints.hit("consumer.markers:after_commit")

    async def _commit(self, client: KafkaClient, offsets: dict[TopicPartition, int], mark: Mark) -> None:
        """Failing is harmless: whoever reads the records again applies them again, which changes nothing."""
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                with strays_raised():
                    await client.commit(mark.put_on(offsets))
            self._committed = self._committed | offsets
        except (KafkaError, TimeoutError) as error:
            log.warning("Offsets were not committed", extra={"topic": self.topic.name, **describe(error)})
        except Exception as error:  # noqa: BLE001 - lost, it says so
            self.lose(error)

    async def _watch(self, count: Count) -> bool:
        """Stop where too many were parked. False where nobody could look or save: the offsets are not committed then.

        They are parked by then, so whoever reads them again changes nothing, and neither does a later batch's commit.
        Saved before the offsets: a process that is killed here is stopped by its own alarm when it comes back. Of the
        others it is known at once what they parked, and later what they applied: so our share has to be too large too.
        """
        known = mine = self._window.add(monotonic(), count)
        if not count.parked:
            return True
        try:
            known = await self._alarms.count_all(self.topic.name, mine)
            if not (known.is_alarming and mine.is_large_share):
                return True
            self._stop_by_alarm(known)
            self._unsaved = known  # also where this is cancelled
            await self._save(known)
        except Exception as error:
            if not passes(error) and not may_be_restored(error):
                raise
            if known.is_alarming and mine.is_large_share:
                log.warning("An alarm could not be saved yet", extra={"topic": self.topic.name, **describe(error)})
                self._stop_by_alarm(known)
                self._unsaved = known
            return False
        return True

    async def _save(self, count: Count) -> None:
        await self._alarms.raise_alarm(self.topic.name, count)
        self._unsaved, self._alarmed_at = None, monotonic()

    def _stop_by_alarm(self, count: Count | None = None) -> None:
        if not self.stopped.is_set():
            self._alarmed_at = monotonic()
            metrics.CONSUMER_ALARM.labels(self.name).set(1)
            said = {} if count is None else {"records": str(count.records), "parked": str(count.parked)}
            self._stop(ALARMED, said, None)

    def _resume(self) -> None:
        """Somebody cleared the alarm: join again, and read from the committed offsets."""
        self._alarmed_at = None
        self._window.clear()
        self._trouble = NOT_JOINED
        self.stopped.clear()
        metrics.CONSUMER_STOPPED.labels(self.name).set(0)
        metrics.CONSUMER_ALARM.labels(self.name).set(0)
        log.info("A consumer goes on: its alarm was cleared", extra={"topic": self.topic.name})

    def _stop(self, trouble: str, said: dict[str, str], error: BaseException | None) -> None:
        self._trouble = trouble
        self.stopped.set()
        self._lease.lapse()
        metrics.CONSUMER_STOPPED.labels(self.name).set(1)
        log.error("A consumer stopped", exc_info=error, extra={"topic": self.topic.name, "trouble": trouble, **said})

    async def _measure(self, client: KafkaClient) -> dict[TopicPartition, int]:
        """The lag behind what is committed, by whomever, and where each partition ends. They may move meanwhile."""
        done = self._committed
        ends = await client.end_offsets(list(client.assignment()))
        if done is self._committed:
            self.lag.show(ends, done)
        return ends
