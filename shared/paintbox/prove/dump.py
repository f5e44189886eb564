"""What the topics say, as the proof and `trace` tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from aiokafka import ConsumerRecord

from paintbox import reading
from paintbox.prove import contents
from paintbox.prove.contents import Told
from synckit import times
from synckit.contracts import topics

COMPACTED: Final = (topics.CUSTOMERS_CHANGES, topics.PROJECTS_CHANGES, topics.FEDERATION_KEYS)
REQUESTS: Final = (topics.SYNC_REQUESTS,)
WEBHOOKS: Final = (topics.WEBHOOKS_SALESFORCE, topics.WEBHOOKS_COMPANYCAM, topics.WEBHOOKS_QUARANTINED)


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
    """What of it is not of the form that we write: `ce_id`, `value`, `source_version`, of webhook topics `headers`.

    It counts as missing."""

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
    records: list[Any] = []
    await reading.read(servers, wanted, records.extend, process="paintbox prove")
    records.sort(key=lambda record: (record.topic, record.partition, record.offset))
    return [published(record, with_values=with_values) for record in records]


def published(record: ConsumerRecord[bytes | None, bytes | None], *, with_values: bool) -> Published:
    """The record, whatever somebody wrote there: what cannot be read of it is None, and named."""
    headers = dict(record.headers)
    event_id = _uuid(headers.get("ce_id"))
    value = _document(record.value) if with_values else None
    version = (value or {}).get("source_version", 0)
    told = None if with_values else contents.told(record.topic, headers, record.value)
    found = {
        "ce_id": event_id is not None or not headers.get("ce_id"),
        "value": value is not None or record.value is None or not with_values,
        "source_version": type(version) is int,
        "headers": told is not None or with_values,
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
        told=told,
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
