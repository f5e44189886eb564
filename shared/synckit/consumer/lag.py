"""How far a consumer is behind the ends of its partitions, also while it is out of its group."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from synckit.failures import describe
from synckit.observability import metrics
from synckit.strays import strays_raised

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0

Offsets = Mapping[TopicPartition, int]


class Lag:
    """What the metric shows of one topic."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._shown: set[TopicPartition] = set()
        self._looked_at = 0.0

    def show(self, ends: Offsets, done: Offsets) -> None:
        """Of each of these partitions, what is not committed. What is not in `done` is not known yet."""
        known = ends.keys() & done.keys()
        for at in known:
            metrics.CONSUMER_LAG.labels(at.topic, str(at.partition)).set(max(ends[at] - done[at], 0))
        self._shown |= known

    def keep(self, partitions: Collection[TopicPartition]) -> None:
        """Show nothing any more of partitions that are none of these."""
        for at in self._shown.difference(partitions):
            metrics.CONSUMER_LAG.remove(at.topic, str(at.partition))
        self._shown.intersection_update(partitions)

    async def look(self, servers: str, group: str) -> None:
        """Every 5 s at most: show it of all partitions, while the consumer has none and nobody may have any.

        Every copy of a process does, so a partition may be shown more than once. Where Kafka is away, what was seen
        last stays.
        """
        if monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                with strays_raised():
                    ends, done = await _from_outside(servers, group, self._topic)
        except Exception as error:  # noqa: BLE001 - whatever Kafka answers, the consumer goes its own way
            log.debug("The lag is unknown", extra={"topic": self._topic, **describe(error)})
        else:
            self.keep(ends)
            self.show(ends, done)


async def _from_outside(servers: str, group: str, topic: str) -> tuple[Offsets, Offsets]:
    """Where the partitions of a topic end, and what a group has committed, or where they begin. It joins no group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    client = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, isolation_level="read_committed")
    try:
        await admin.start()
        described = (await admin.describe_topics([topic]))[0]["partitions"]
        partitions = [TopicPartition(topic, one["partition"]) for one in described]
        committed = await admin.list_consumer_group_offsets(group)
        await client.start()
        begins, ends = await client.beginning_offsets(partitions), await client.end_offsets(partitions)
    finally:
        await client.stop()
        await admin.close()
    done = {at: committed[at].offset for at in partitions if at in committed and committed[at].offset >= 0}
    return ends, begins | done
