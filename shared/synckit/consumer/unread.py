"""Notices records that Kafka deleted before they were read: their topic keeps what is unread no longer than the rest.

The client goes on where the partition begins, and tells nobody. Nor does it where the whole topic was made anew, which
is read from its beginning then.
"""

import asyncio
import logging
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition

from synckit import failpoints, kafka
from synckit.consumer.batch import Incoming
from synckit.consumer.client import KafkaClient
from synckit.consumer.topic_identity import AnewError, Identity
from synckit.contracts.topics import Cleanup, Topic
from synckit.failures import describe
from synckit.observability import metrics
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 3.0


class Unread:
    """What is known of one topic's partitions: how far they were read, and where they begin."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._identity = Identity(topic.name)
        self._told: dict[TopicPartition, int] = {}
        """Up to where each partition's loss was told already."""
        metrics.CONSUMER_UNREAD.labels(topic.name)

    def forget(self) -> None:
        """Partitions were assigned, and nothing of them was handed out yet."""
        self._identity.forget()

    def mark(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
        """The offsets as they are committed."""
        return self._identity.mark(offsets)

    async def look(
        self, client: KafkaClient, records: Sequence[Incoming], done: MutableMapping[TopicPartition, int]
    ) -> None:
        """Before a batch is applied. `done`: what is committed as far as it is known, completed by what is found out.

        Kafka is asked about partitions that nothing is known of, and where offsets are missing, unless that is usual:
        compaction leaves gaps everywhere. Where it does not answer, or what makes no sense, nothing is noticed.
        AnewError where the topic was made anew: the batch is not to be applied.
        """
        firsts: dict[TopicPartition, int] = {}
        for record in records:
            firsts.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        doubtful = [at for at, first in firsts.items() if self._is_doubtful(done.get(at), first)]
        if doubtful:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    with strays_raised():
                        await self.learn(client, doubtful, done)
            except AnewError:
                raise
            except Exception as error:  # noqa: BLE001 - a client that fails does so again where the batch is committed
                log.debug("Where partitions begin is unknown", extra={"topic": self._topic.name, **describe(error)})

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

        Tells of what was deleted behind it. Raises what the client raises; AnewError where the topic was made anew,
        once what is committed of the one before is replaced.
        """
        await self._identity.look(client)
        if not partitions:
            return
        begins = await client.beginning_offsets(partitions)
        committed = await kafka.committed(client, [at for at in partitions if at not in done])
        stale = [at for at, (_, mark) in committed.items() if self._identity.is_of_another(mark)]
        if stale:
            await self._start_over(client, {at: begins[at] for at in stale})
        for at in partitions:
            done.setdefault(at, committed.get(at, (0, ""))[0])
            if done[at] < begins[at]:
                self._tell(at, done[at], begins[at])

    async def _start_over(self, client: KafkaClient, begins: Mapping[TopicPartition, int]) -> None:
        self._told.clear()
        log.error(
            "Offsets are of a topic that was made anew since: the new one is read from its beginning",
            extra={"topic": self._topic.name, "partitions": sorted(at.partition for at in begins)},
        )
        failpoints.hit("consumer.anew:before_commit")
        await client.commit(self.mark(begins))
        failpoints.hit("consumer.anew:after_commit")
        raise AnewError("its topic was made anew")

    def _tell(self, at: TopicPartition, read: int, begin: int) -> None:
        missing = begin - max(read, self._told.get(at, 0))
        if missing <= 0:
            return
        self._told[at] = begin
        metrics.CONSUMER_UNREAD.labels(at.topic).inc(missing)
        log.error(
            "Records were deleted before this consumer read them",
            extra={"topic": at.topic, "partition": at.partition, "offset": read, "offsets": missing},
        )
