"""The Kafka headers of every record: CloudEvents 1.0, binary content mode, and W3C trace context."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Annotated, Final, TypedDict, cast
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from synckit import documents, times
from synckit.errors import PoisonError

CONTENT_TYPE: Final = "application/json"
MAJOR_VERSION: Final = 1
LONGEST_SUBJECT: Final = 150
"""Above what any door makes of an id: the databases keep 100 characters of an id, and of the name of its type."""
_MAJOR = re.compile(r"\.v(\d+)$")

SOURCE_SALESFORCE_MESSAGES: Final = "/webhooks/salesforce/outbound-messages"
SOURCE_SALESFORCE_EVENTS: Final = "/webhooks/salesforce/events"
SOURCE_COMPANYCAM: Final = "/webhooks/companycam"
"""`ce_source` of what came through a door: the door."""

LATE: Final = ("ce_late", b"true")
"""Of a record that comes to its topic after its receipt, from the spool: Kafka's time is not that of its telling."""

KafkaHeaders = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHeaders:
    """Who says what about which thing, and since when. Times are milliseconds since 1970."""

    id: UUID
    source: str
    type: str
    """What happened, with the schema's major version at the end: `companycam.photo.created.v1`."""
    subject: str
    time: int
    received_at: int
    correlation_id: UUID
    traceparent: str
    fact_version: int | None = None
    observed_at: int | None = None
    spooled_at: int | None = None
    """By the database's clock: when a door that could not reach Kafka kept it."""
    vendor_event_id: str | None = None
    """The vendor's own id of the event, where it has one."""
    request: str | None = None
    """What the log keeps of the HTTP request that brought it, as JSON (see `HttpRequest`)."""

    def encoded(self) -> dict[str, str]:
        """The headers by name, as text."""
        headers = {
            "ce_specversion": "1.0",
            "ce_id": str(self.id),
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_time": times.rfc3339(self.time),
            "ce_subject": self.subject,
            "ce_correlationid": str(self.correlation_id),
            "ce_receivedat": times.rfc3339(self.received_at),
            "traceparent": self.traceparent,
            "content-type": CONTENT_TYPE,
        }
        if self.fact_version is not None:
            headers["ce_factversion"] = str(self.fact_version)
        if self.observed_at is not None:
            headers["ce_observedat"] = times.rfc3339(self.observed_at)
        if self.spooled_at is not None:
            headers["ce_spooledat"] = times.rfc3339(self.spooled_at)
        if self.vendor_event_id is not None:
            headers["ce_vendoreventid"] = self.vendor_event_id
        if self.request is not None:
            headers["request"] = self.request
        return headers


def _address(text: str) -> str:
    return str(ip_address(text.partition("%")[0]))  # a zone is no part of PostgreSQL's inet


_READ: Final = frozenset(
    {
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_correlationid",
        "ce_receivedat",
        "ce_factversion",
        "ce_observedat",
        "ce_spooledat",
        "ce_vendoreventid",
        "traceparent",
        "request",
    }
)
"""Others are other people's, and may hold whatever they like."""


class HttpRequest(TypedDict, total=False):
    """What the webhook log keeps of a request. Headers pass an allow-list; the signature is no secret."""

    headers: dict[str, str]
    signature: str
    source_ip: str
    user_agent: str


class _Described(BaseModel):
    """The same, as the columns of `webhook_events` take it."""

    headers: dict[str, str] | None = None
    signature: Annotated[str, Field(max_length=500)] | None = None
    source_ip: Annotated[str, AfterValidator(_address)] | None = None
    user_agent: str | None = None


def to_kafka(headers: Mapping[str, str]) -> KafkaHeaders:
    """The same headers as a Kafka client takes them."""
    return [(name, value.encode()) for name, value in headers.items()]


def decode(raw: Iterable[tuple[str, bytes | None]]) -> EventHeaders:
    """The headers of a record; PoisonError where one is missing, malformed or of a major version unknown to us.

    What they hold here is what every column takes that they end up in: nothing is found out after the first write.
    """
    try:
        texts = {name: (value or b"").decode() for name, value in raw if name in _READ}
    except UnicodeDecodeError:
        raise PoisonError("malformed_headers", "a header is not UTF-8") from None
    if "\x00" in "".join(texts.values()):
        raise PoisonError("malformed_headers", "a header holds U+0000, which PostgreSQL cannot store")
    try:
        headers = _from_texts(texts)
    except KeyError as missing:
        raise PoisonError("missing_header", f"header {missing.args[0]} is missing") from None
    except ValueError:
        raise PoisonError("malformed_headers", "a CloudEvents header is malformed") from None
    _check_major_version(texts["ce_specversion"], headers.type)
    if not 0 < len(headers.subject) <= LONGEST_SUBJECT:
        raise PoisonError("malformed_headers", f"ce_subject has not 1 to {LONGEST_SUBJECT} characters")
    return headers


def http_request(event: EventHeaders) -> HttpRequest:
    """What the log keeps of the request; empty where none brought it. PoisonError where the header is no such thing."""
    return _described(event.request) if event.request else {}


@lru_cache(maxsize=2048)
def _described(request: str) -> HttpRequest:
    """Asked before the first write and for the row, and the same for all records of one request."""
    try:
        described = _Described.model_validate(documents.parse(request.encode()))
    except (PoisonError, ValidationError):
        raise PoisonError("malformed_headers", "the header request does not describe an HTTP request") from None
    return cast("HttpRequest", described.model_dump(exclude_none=True))


def _from_texts(texts: Mapping[str, str]) -> EventHeaders:
    version, observed_at, spooled_at = map(texts.get, ("ce_factversion", "ce_observedat", "ce_spooledat"))
    return EventHeaders(
        id=UUID(texts["ce_id"]),
        source=texts["ce_source"],
        type=texts["ce_type"],
        subject=texts["ce_subject"],
        time=times.parse(texts["ce_time"]),
        received_at=times.parse(texts["ce_receivedat"]),
        correlation_id=_uuid(texts["ce_correlationid"]),
        traceparent=texts.get("traceparent", ""),
        fact_version=int(version) if version is not None else None,
        observed_at=times.parse(observed_at) if observed_at is not None else None,
        spooled_at=times.parse(spooled_at) if spooled_at is not None else None,
        vendor_event_id=texts.get("ce_vendoreventid"),
        request=texts.get("request"),
    )


_uuid: Final = lru_cache(maxsize=1024)(UUID)
"""Of what many records share, as those of one request do."""


@lru_cache(maxsize=1024)
def _check_major_version(specversion: str, event_type: str) -> None:
    major = _MAJOR.search(event_type)
    if not specversion.startswith("1."):
        raise PoisonError("unknown_major_version", "ce_specversion is not 1.x")
    if major is None or major.group(1) != str(MAJOR_VERSION):
        raise PoisonError("unknown_major_version", f"ce_type does not end in .v{MAJOR_VERSION}")
