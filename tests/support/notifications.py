"""Records of the webhook topics as the doors make them, from the samples or from what a test gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from support.facts import NOON_MS
from synckit import inbound
from synckit.contracts import headers
from synckit.contracts.headers import EventHeaders, to_kafka
from synckit.inbound import Notification
from webhook_ingest.models import Parsed
from webhook_ingest.parsers import companycam, outbound_messages, salesforce_events, soap

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaRecord:
    """What a consumer is handed."""

    value: bytes | None
    key: bytes | None = b"key"
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    topic: str = "paintbox.webhooks.salesforce.v1"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


def event_headers(
    parsed: Parsed, source: str, vendor: str, received_at: int = NOON_MS, correlation_id: UUID | None = None
) -> EventHeaders:
    """The headers that a door gives a parsed record. Without a correlation it is the only one of its body."""
    return EventHeaders(
        id=parsed.event_id,
        source=source,
        type=f"{vendor}.{parsed.type}.v1",
        subject=parsed.subject,
        time=received_at if parsed.time is None else parsed.time,
        received_at=received_at,
        correlation_id=correlation_id or parsed.event_id,
        traceparent=TRACE,
        fact_version=parsed.fact_version,
        observed_at=parsed.observed_at,
        vendor_event_id=parsed.vendor_event_id,
        request='{"headers": {"content-type": "text/xml"}, "source_ip": "192.0.2.1", "user_agent": "test"}',
    )


def records_of(parsed: Sequence[Parsed], source: str, vendor: str, received_at: int = NOON_MS) -> list[KafkaRecord]:
    """The Kafka records that a door makes of a body's parsed records: one correlation for all of them."""
    heads = [event_headers(one, source, vendor, received_at, parsed[0].event_id) for one in parsed]
    return [
        KafkaRecord(value=one.value, key=one.key.encode(), headers=to_kafka(head.encoded()))
        for one, head in zip(parsed, heads, strict=True)
    ]


def salesforce_messages(body: bytes, received_at: int = NOON_MS) -> list[KafkaRecord]:
    """The records of an Outbound Message."""
    parsed = outbound_messages.understand(soap.parse(body)).parsed
    return records_of(parsed, headers.SOURCE_SALESFORCE_MESSAGES, "salesforce", received_at)


def salesforce_event_records(body: bytes, received_at: int = NOON_MS) -> list[KafkaRecord]:
    """The records of a body at Salesforce's JSON door."""
    parsed = salesforce_events.understand(body, received_at).parsed
    return records_of(parsed, headers.SOURCE_SALESFORCE_EVENTS, "salesforce", received_at)


def companycam_record(body: bytes, received_at: int = NOON_MS) -> KafkaRecord:
    """The record of a body at CompanyCam's door."""
    (record,) = records_of(companycam.understand(body).parsed, headers.SOURCE_COMPANYCAM, "companycam", received_at)
    return record


def notification(record: Any, received_at: int = NOON_MS) -> Notification:
    """The record as its consumer decodes it."""
    return inbound.decode(record, headers.decode(record.headers), received_at)
