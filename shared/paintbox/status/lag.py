"""How far each consumer group is behind the end of each topic."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from paintbox.brokers import administration, find_committed, outsider
from paintbox.status.answers import SECONDS
from synckit.contracts import topics

READERS: Final[Mapping[str, tuple[topics.Topic, ...]]] = {
    "webhook-log": (topics.WEBHOOKS_SALESFORCE, topics.WEBHOOKS_COMPANYCAM, topics.WEBHOOKS_QUARANTINED),
    "customer-sync": (topics.WEBHOOKS_SALESFORCE, topics.FEDERATION_KEYS, topics.PROJECTS_CHANGES),
    "photo-sync": (topics.WEBHOOKS_COMPANYCAM, topics.CUSTOMERS_CHANGES),
}
"""Who reads what, so that a consumer which has never committed anything is shown as behind, and not left out."""

Offsets = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class TopicLag:
    """A topic: whether it exists, the records it took in since it was made, and what each group has not committed."""

    topic: str
    exists: bool
    end: int
    lag: Mapping[str, int]
    deleted_unread: Mapping[str, int] = field(default_factory=dict)
    """By group, the offsets that Kafka has deleted behind what the group has committed: it will never read them."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Where each partition begins and ends, and what each group has committed in it."""

    begins: Offsets
    ends: Offsets
    committed: Mapping[str, Offsets]


async def topic_lags(servers: str, wanted: Sequence[topics.Topic] = topics.TOPICS) -> list[TopicLag]:
    """The topics, by default those of the contracts, in their order. Raises OperatorError where Kafka is away."""
    found = await positions(servers, wanted)
    return [_lag(topic.name, found.begins, found.ends, found.committed) for topic in wanted]


async def positions(servers: str, wanted: Sequence[topics.Topic] = topics.TOPICS) -> Positions:
    """Of every partition of the topics. Raises OperatorError where Kafka is away."""
    async with administration(servers, SECONDS) as admin:
        described = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
        places = [
            TopicPartition(topic.name, partition)
            for topic in wanted
            for partition in range(described.get(topic.name, 0))
        ]
        (begins, ends), committed = await asyncio.gather(_bounds(servers, places), _committed(admin))
    return Positions(begins, ends, committed)


async def _bounds(servers: str, places: list[TopicPartition]) -> tuple[Offsets, Offsets]:
    async with outsider(servers, request_timeout_ms=int(SECONDS * 1000)) as consumer:
        begins, ends = await asyncio.gather(consumer.beginning_offsets(places), consumer.end_offsets(places))
    return begins, ends


async def _committed(admin: AIOKafkaAdminClient) -> Mapping[str, Offsets]:
    """By group: those that we know, and any other that has committed something."""
    return await find_committed(admin, {*READERS, *(group for group, *_ in await admin.list_consumer_groups())})


def _lag(topic: str, begins: Offsets, ends: Offsets, committed: Mapping[str, Offsets]) -> TopicLag:
    places = [place for place in ends if place.topic == topic]
    lags = {
        group: sum(max(0, ends[place] - max(offsets.get(place, 0), begins[place])) for place in places)
        for group, offsets in sorted(committed.items())
        if _reads(group, topic) or any(place in offsets for place in places)
    }
    lost = {
        group: sum(
            max(0, begins[place] - offsets.get(place, 0))
            for place in places
            if place in offsets or _reads(group, topic)
        )
        for group, offsets in sorted(committed.items())
    }
    deleted_unread = {group: many for group, many in lost.items() if many}
    return TopicLag(topic, bool(places), sum(ends[place] for place in places), lags, deleted_unread)


def _reads(group: str, topic: str) -> bool:
    return any(topic == read.name for read in READERS.get(group, ()))
