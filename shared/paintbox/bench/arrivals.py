"""Records as the doors make them of what vendors post: by the doors' own parsers."""

from collections.abc import Iterable
from uuid import UUID

import orjson

from paintbox.bench.broker import Record
from synckit.contracts.headers import to_kafka
from webhook_ingest import records
from webhook_ingest.models import Outgoing, Understanding
from webhook_ingest.parsers import companycam, outbound_messages, salesforce_events, soap
from webhook_ingest.records import Origin

_REQUEST = orjson.dumps(
    {"headers": {"content-type": "application/json"}, "user_agent": "bench/1", "source_ip": "127.0.0.1"}
).decode()


def of_body(body: bytes, received_at: int) -> list[Outgoing]:
    """What the door would publish of a body that came at this time (ms): SOAP is Salesforce's, JSON CompanyCam's."""
    if body.lstrip().startswith(b"<"):
        return _of(records.SALESFORCE_MESSAGES, outbound_messages.understand(soap.parse(body)), received_at)
    return _of(records.COMPANYCAM, companycam.understand(body), received_at)


def of_events(events: Iterable[object], received_at: int) -> list[Outgoing]:
    """What the door would publish of Salesforce's change events."""
    body = orjson.dumps(list(events))
    return _of(records.SALESFORCE_EVENTS, salesforce_events.understand(body, received_at), received_at)


def _of(door: records.Door, understood: Understanding, received_at: int) -> list[Outgoing]:
    first = next((one.event_id for one in understood.parsed), UUID(int=0))
    traceparent = f"00-{first.hex}-{first.hex[:16]}-01"
    return records.of(door, Origin(received_at, first, traceparent, _REQUEST), understood)


def record(one: Outgoing) -> Record:
    """As it goes to Kafka."""
    return Record(one.key.encode(), one.value, to_kafka(one.headers.encoded()))
