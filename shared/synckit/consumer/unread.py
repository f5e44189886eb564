"""Notices records that Kafka deleted before they were read: their topic keeps what is unread no longer than the rest.

The client goes on where the partition begins, and tells nobody. Nor does it where the log is another one by now, which
is read again then from where the two part.
"""

import asyncio
import logging
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Final

from aiokafka import TopicPartition

from synckit import failpoints, kafka
from synckit.consumer.batch import Incoming
from synckit.consumer.client import KafkaClient
from synckit.consumer.continuity import Continuity, Mark, OtherLogError, UnsureError
from synckit.contracts.topics import Cleanup, Topic
from synckit.failures import describe
from synckit.observability import metrics
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 10.0
"""Kafka answers the requests of a connection one after the other: over a narrow link a fetch comes first."""


class Unread:
    """What is known of one topic's partitions: how far they were read, and where they begin."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._continuity = Continuity(topic.name)
        self._told: dict[tuple[str, TopicPartition], int] = {}
        """Up to where each partition's loss was told already, by the topic's id."""
        metrics.CONSUMER_UNREAD.labels(topic.name)

    def forget(self) -> None:
        """Partitions were assigned, and nothing of them was handed out yet."""
        self._continuity.forget()

    @property
    def mark(self) -> Mark:
        """Which log the client hands out next."""
        return self._continuity.mark

    async def look(
        self, client: KafkaClient, records: Sequence[Incoming], done: MutableMapping[TopicPartition, int]
    ) -> Mark:
        """Which log a batch is of, before it is applied.

        `done`: what is committed as far as it is known, completed by what is found out. Kafka is asked about partitions
        that nothing is known of, and where offsets are missing, unless that is usual: compaction leaves gaps
        everywhere. Where it does not answer, or what makes no sense, nothing is noticed. UnsureError where the batch is
        of another log than this one, or may be, and is not to be applied: its offsets would be taken for this one's.
        """
        mark = None if self._continuity.is_fresh else self.mark  # else it may be another one by the time it is known
        firsts: dict[TopicPartition, int] = {}
        for record in records:
            firsts.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        doubtful = [at for at, first in firsts.items() if self._is_doubtful(done.get(at), first)]
        if doubtful:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    with strays_raised():
                        await self.learn(client, doubtful, done)
            except OtherLogError:
                raise
            except Exception as error:  # noqa: BLE001 - a client that fails does so again where the batch is committed
                log.debug("Where partitions begin is unknown", extra={"topic": self._topic.name, **describe(error)})
            if any(at not in done for at in doubtful):
                raise UnsureError("its offsets could not be compared")
        return mark or self.mark

    async def compare(
        self, client: KafkaClient, positions: Mapping[TopicPartition, int], done: MutableMapping[TopicPartition, int]
    ) -> None:
        """Before positions are committed that no record led to. Raises what the client raises."""
        await self.learn(client, [at for at, end in positions.items() if self._is_doubtful(done.get(at), end)], done)

    def _is_doubtful(self, done: int | None, first: int) -> bool:
        return done is None or (done < first and self._topic.cleanup is Cleanup.DELETE)

    async def learn(
        self, client: KafkaClient, partitions: Sequence[TopicPartition], done: MutableMapping[TopicPartition, int]
    ) -> None:
        """Completes `done` by what was committed before, by whomever: that is nothing (0) where no record ever came.

        Tells of what was deleted behind it. Raises what the client raises; OtherLogError where that is of another
        log, once it is replaced.
        """
        await self._continuity.look(client, done)
        if not partitions:
            return
        begins = await client.beginning_offsets(partitions)
        committed = await kafka.committed(client, [at for at in partitions if at not in done])
        other, unsure = await self._continuity.find_other(client, committed)
        if other:
            await self._go_back(client, {at: max(begins[at], offset) for at, offset in other.items()})
        for at in partitions:
            if at in unsure:
                continue  # it is asked again
            done.setdefault(at, committed.get(at, (0, ""))[0])
            if done[at] < begins[at]:
                self._tell(at, done[at], begins[at])

    async def _go_back(self, client: KafkaClient, offsets: Mapping[TopicPartition, int]) -> None:
        for at in offsets:
            self._told.pop((self.mark.id, at), None)
        places = {str(at.partition): offset for at, offset in sorted(offsets.items())}
        said = {"topic": self._topic.name, "from": places}
        log.warning("Offsets are beyond what their log has by now, and what came since is read", extra=said)
        failpoints.hit("consumer.other_log:before_commit")
        await client.commit(self.mark.put_on(offsets))
        failpoints.hit("consumer.other_log:after_commit")
        raise OtherLogError("its offsets were of another log")

    def _tell(self, at: TopicPartition, read: int, begin: int) -> None:
        place = self.mark.id, at
        missing = begin - max(read, self._told.get(place, 0))
        if missing <= 0:
            return
        self._told[place] = begin
        metrics.CONSUMER_UNREAD.labels(at.topic).inc(missing)
        log.error(
            "Records were deleted before this consumer read them",
            extra={"topic": at.topic, "partition": at.partition, "offset": read, "offsets": missing},
        )
