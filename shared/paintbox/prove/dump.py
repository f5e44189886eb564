"""The topics from their first record to their end, as a reader sees them who takes only what was committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from paintbox.brokers import administration, find_topics
from paintbox.errors import OperatorError
from paintbox.prove import contents
from paintbox.prove.contents import Told
from synckit import times
from synckit.contracts import topics

COMPACTED: Final = (topics.CUSTOMERS_CHANGES, topics.PROJECTS_CHANGES, topics.FEDERATION_KEYS)
REQUESTS: Final = (topics.SYNC_REQUESTS,)
WEBHOOKS: Final = (topics.WEBHOOKS_SALESFORCE, topics.WEBHOOKS_COMPANYCAM, topics.WEBHOOKS_QUARANTINED)
POLL_MS: Final = 500
MOST_EMPTY_POLLS: Final = 60


@dataclass(frozen=True, slots=True)
class Published:
    """A record of a topic."""

    topic: str
    partition: int
    offset: int
    key: str
    event_id: UUID | None
    value: Mapping[str, Any] | None
    """None is an erasure, unless it cannot be read; of webhook topics the value is not kept (see `told`)."""
    at_ms: int = 0
    """When it was written, by the broker's clock or its writer's."""
    correlation_id: UUID | None = None
    told: Told | None = None
    """Of a webhook topic: what the record says of its event."""
    unreadable: tuple[str, ...] = ()
    """What of it is not of the form that we write: `ce_id`, `value`, `source_version`. It counts as missing."""

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return f"{self.topic}/{self.partition}@{self.offset}"

    @property
    def moment(self) -> str:
        """When it was written, as RFC 3339; "" where its writer named no moment that there is."""
        try:
            return times.rfc3339(self.at_ms)
        except ValueError:
            return ""

    @property
    def version(self) -> int:
        """The `source_version` of its value; -1 where it has none that is a number."""
        found = (self.value or {}).get("source_version")
        return found if type(found) is int else -1


async def read(servers: str, wanted: Sequence[topics.Topic], *, with_values: bool) -> list[Published]:
    """Every committed record of these topics, partition by partition, in order. Raises OperatorError."""
    async with administration(servers) as admin:
        found = await find_topics(admin, [topic.name for topic in wanted])
    places = [TopicPartition(name, number) for name in sorted(found) for number in range(found[name].partitions)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        client_id="paintbox prove",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    try:
        await consumer.start()
        records = await _read_all(consumer, places)
    except (KafkaError, OSError) as error:
        raise OperatorError(f"Kafka at {servers} does not give its records ({type(error).__name__}).") from error
    finally:
        await consumer.stop()
    return [published(record, with_values=with_values) for record in records]


async def _read_all(consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> list[Any]:
    """Until the position has passed every end: markers of transactions stand there too, and are no records."""
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    found: dict[TopicPartition, list[Any]] = {place: [] for place in places}
    empty = 0
    while any([await consumer.position(place) < ends[place] for place in places]):
        batches = await consumer.getmany(*places, timeout_ms=POLL_MS)
        for place, records in batches.items():
            found[place] += records
        empty = 0 if batches else empty + 1
        if empty > MOST_EMPTY_POLLS:
            raise OperatorError("A topic does not end: a transaction in it was never closed.")
    return [record for place in places for record in found[place]]


def published(record: ConsumerRecord[bytes | None, bytes | None], *, with_values: bool) -> Published:
    """The record, whatever somebody wrote there: what cannot be read of it is None, and named."""
    headers = dict(record.headers)
    event_id = _uuid(headers.get("ce_id"))
    value = _document(record.value) if with_values else None
    version = (value or {}).get("source_version", 0)
    found = {
        "ce_id": event_id is not None or not headers.get("ce_id"),
        "value": value is not None or record.value is None or not with_values,
        "source_version": type(version) is int,
    }
    return Published(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=(record.key or b"").decode(errors="replace"),
        event_id=event_id,
        value=value,
        at_ms=max(record.timestamp, 0),
        correlation_id=_uuid(headers.get("ce_correlationid")),
        told=None if with_values else contents.told(record.topic, headers, record.value),
        unreadable=tuple(name for name, is_readable in found.items() if not is_readable),
    )


def _uuid(header: bytes | None) -> UUID | None:
    try:
        return UUID((header or b"").decode())
    except ValueError:
        return None


def _document(value: bytes | None) -> Mapping[str, Any] | None:
    """None for what is no JSON object."""
    try:
        found = None if value is None else orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
