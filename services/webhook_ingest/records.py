"""From what was understood of a body to records: which door it came through, and what all its records share."""

import random
import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from synckit import identity
from synckit.contracts.headers import (
    SOURCE_COMPANYCAM,
    SOURCE_SALESFORCE_EVENTS,
    SOURCE_SALESFORCE_MESSAGES,
    EventHeaders,
)
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM, WEBHOOKS_QUARANTINED, WEBHOOKS_SALESFORCE, Topic
from synckit.contracts.values import Quarantined
from synckit.times import moment
from webhook_ingest.models import Outgoing, Parsed, Quarantine, Understanding

_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Door:
    """A door: its name in metrics, its path, whose it is, where its records go, what carries its signature.

    `tail` is what follows the path in a request, by what it is and never by its value.
    """

    name: str
    source: str
    vendor: str
    topic: Topic
    signature_header: str = ""
    tail: str = ""


SALESFORCE_MESSAGES: Final = Door(
    "salesforce_messages", SOURCE_SALESFORCE_MESSAGES, "salesforce", WEBHOOKS_SALESFORCE, tail="/{token}"
)
SALESFORCE_EVENTS: Final = Door(
    "salesforce_events", SOURCE_SALESFORCE_EVENTS, "salesforce", WEBHOOKS_SALESFORCE, "x-salesforce-signature"
)
COMPANYCAM: Final = Door("companycam", SOURCE_COMPANYCAM, "companycam", WEBHOOKS_COMPANYCAM, "x-companycam-signature")
DOORS: Final = (SALESFORCE_MESSAGES, SALESFORCE_EVENTS, COMPANYCAM)


@dataclass(frozen=True, slots=True)
class Origin:
    """What all records of one request share; `received_at` in milliseconds since 1970."""

    received_at: int
    correlation_id: UUID
    traceparent: str
    request: str


def of(door: Door, origin: Origin, understood: Understanding) -> list[Outgoing]:
    """A record for each part of a body, understood or not."""
    parsed = [_record(door, one, origin) for one in understood.parsed]
    return parsed + [_set_aside(door, one, origin) for one in understood.quarantined]


def traceparent(given: str) -> str:
    """The caller's trace, else one that begins here (W3C Trace Context, level 1)."""
    if given and _TRACEPARENT.fullmatch(given):
        return given
    drawn = f"{random.getrandbits(8 * (16 + 8)):048x}"  # no secret: unlike every other is all that it has to be
    return f"00-{drawn[:32]}-{drawn[32:]}-01"


def quarantine_id(door: Door, body: bytes) -> UUID:
    """The id of a body that is set aside: the same however often it comes."""
    return identity.event_id("quarantined", door.source, sha256(body).hexdigest())


def door_of(event_id: UUID, body: bytes) -> Door | None:
    """The door that a quarantined body came through, which its id tells; None where it came through none of these."""
    return next((door for door in DOORS if quarantine_id(door, body) == event_id), None)


def _record(door: Door, parsed: Parsed, origin: Origin) -> Outgoing:
    headers = EventHeaders(
        id=parsed.event_id,
        source=door.source,
        type=f"{door.vendor}.{parsed.type}.v1",
        subject=parsed.subject,
        time=origin.received_at if parsed.time is None else parsed.time,
        received_at=origin.received_at,
        correlation_id=origin.correlation_id,
        traceparent=origin.traceparent,
        fact_version=parsed.fact_version,
        observed_at=parsed.observed_at,
        vendor_event_id=parsed.vendor_event_id,
        request=origin.request,
    )
    return Outgoing(door.topic.name, parsed.key, headers, parsed.value)


def _set_aside(door: Door, part: Quarantine, origin: Origin) -> Outgoing:
    event_id = quarantine_id(door, part.body)
    headers = EventHeaders(
        id=event_id,
        source=door.source,
        type=f"{door.vendor}.quarantined.v1",
        subject=str(event_id),
        time=origin.received_at,
        received_at=origin.received_at,
        correlation_id=origin.correlation_id,
        traceparent=origin.traceparent,
        request=origin.request,
    )
    value = Quarantined(
        source=door.source,
        received_at=moment(origin.received_at),
        reason=part.reason,
        pointer=part.pointer,
        body_base64=b64encode(part.body).decode(),
    )
    return Outgoing(WEBHOOKS_QUARANTINED.name, str(event_id), headers, value.encoded())
