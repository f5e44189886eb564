"""What every door does with a request: bounds it, keeps what was understood and what was not, counts it."""

import logging
import re
import secrets
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from time import perf_counter, time
from typing import Final
from uuid import UUID

import orjson

from synckit import identity, web
from synckit.contracts.headers import EventHeaders, HttpRequest
from synckit.contracts.topics import WEBHOOKS_QUARANTINED, Topic
from synckit.contracts.values import Quarantined
from synckit.times import moment
from webhook_ingest import metrics
from webhook_ingest.admission import Admission
from webhook_ingest.custody import Custody
from webhook_ingest.models import Outgoing, Parsed, Quarantine, Understanding
from webhook_ingest.publisher import UnavailableError

log = logging.getLogger(__name__)

KEPT_HEADERS: Final = (
    "content-length",
    "content-type",
    "soapaction",
    "traceparent",
    "x-forwarded-for",
    "x-request-id",
    "x-salesforce-timestamp",
)
"""The headers that the webhook log keeps. None of them carries a secret."""
LONGEST_HEADER: Final = 500
RETRY_AFTER_SECONDS: Final = "5"
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Door:
    """A door: its name in metrics, its path, whose it is, where its records go, what carries its signature."""

    name: str
    source: str
    vendor: str
    topic: Topic
    signature_header: str = ""


def not_authenticated(reason: str) -> web.HttpError:
    """One and the same answer whatever was wrong; the reason is a metric only."""
    return web.HttpError(web.problem(401, "not_authenticated", "Not authenticated"), reason)


def counted(door: Door, admission: Admission, handler: web.Handler) -> web.Handler:
    """The handler, bounded, counted and timed; what it refuses is answered."""

    async def answer(request: web.Request) -> web.Response:
        started = perf_counter()
        metrics.RECEIVED.labels(door.name).inc()
        try:
            with admission.admit(request) as admitted:
                return await handler(admitted)
        except web.HttpError as refused:
            metrics.REJECTED.labels(door.name, refused.reason).inc()
            size = request.headers.get("content-length", "")
            said = {"door": door.name, "reason": refused.reason, "request_id": request.id, "size": size[:20]}
            log.info("A request was refused", extra=said)
            return refused.response
        finally:
            metrics.ANSWER_SECONDS.labels(door.name).observe(perf_counter() - started)

    return answer


async def read_body(request: web.Request) -> bytes:
    """The body as sent; refused where it is compressed (nothing here inflates) or beyond its limits."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise web.HttpError(
            web.problem(415, "unsupported_encoding", "Unsupported content encoding"), "unsupported_encoding"
        )
    return await web.read_body(request)


async def keep(door: Door, request: web.Request, understood: Understanding, custody: Custody) -> None:
    """Returns when every part of the body is kept, understood or not. Refused with 503 where it cannot be."""
    origin = _origin(door, request, understood)
    outgoing = [_record(door, one, origin) for one in understood.parsed]
    outgoing += [_set_aside(door, one, origin) for one in understood.quarantined]
    try:
        await custody.keep(door.name, outgoing)
    except UnavailableError:
        later = web.problem(503, "unavailable", "Unavailable", headers=(("retry-after", RETRY_AFTER_SECONDS),))
        raise web.HttpError(later, "unavailable") from None
    metrics.ACCEPTED.labels(door.name, "accepted").inc(len(understood.parsed))
    metrics.ACCEPTED.labels(door.name, "quarantined").inc(len(understood.quarantined))
    for one in understood.quarantined:
        metrics.QUARANTINED.labels(door.name, one.reason).inc()


@dataclass(frozen=True, slots=True)
class _Origin:
    """What all records of one request share."""

    received_at: int
    correlation_id: UUID
    traceparent: str
    request: str


def _origin(door: Door, request: web.Request, understood: Understanding) -> _Origin:
    ids = [one.event_id for one in understood.parsed] + [_quarantine_id(door, one) for one in understood.quarantined]
    return _Origin(
        received_at=int(time() * 1000),
        correlation_id=ids[0] if ids else identity.event_id("request", request.id),
        traceparent=_traceparent(request),
        request=orjson.dumps(_kept(request, door.signature_header)).decode(),
    )


def _record(door: Door, parsed: Parsed, origin: _Origin) -> Outgoing:
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


def _set_aside(door: Door, part: Quarantine, origin: _Origin) -> Outgoing:
    event_id = _quarantine_id(door, part)
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
        body_base64=b64encode(part.body).decode(),
    )
    return Outgoing(WEBHOOKS_QUARANTINED.name, str(event_id), headers, value.encoded())


def _quarantine_id(door: Door, part: Quarantine) -> UUID:
    return identity.event_id("quarantined", door.source, sha256(part.body).hexdigest())


def _kept(request: web.Request, signature_header: str) -> HttpRequest:
    kept: HttpRequest = {
        "headers": {name: request.headers[name][:LONGEST_HEADER] for name in KEPT_HEADERS if name in request.headers}
    }
    if signature_header and signature_header in request.headers:
        kept["signature"] = request.headers[signature_header][:LONGEST_HEADER]
    if "user-agent" in request.headers:
        kept["user_agent"] = request.headers["user-agent"][:LONGEST_HEADER]
    with suppress(ValueError):
        kept["source_ip"] = str(ip_address(request.client))
    return kept


def _traceparent(request: web.Request) -> str:
    """The caller's trace, else one that begins here (W3C Trace Context, level 1)."""
    given = request.headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
