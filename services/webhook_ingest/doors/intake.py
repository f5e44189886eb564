"""What every door does with a request: bounds it, keeps what was understood and what was not, counts it."""

import logging
from functools import lru_cache
from hashlib import sha256
from time import perf_counter, time
from typing import Final
from uuid import UUID

import orjson

from synckit import identity, web
from synckit.contracts.headers import HttpRequest
from webhook_ingest import addresses, metrics, records
from webhook_ingest.admission import Admission
from webhook_ingest.models import Understanding
from webhook_ingest.publisher import UnavailableError
from webhook_ingest.records import Door, Origin
from webhook_ingest.resources import Resources

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


_ACCEPTED: Final = {name: metrics.ACCEPTED.labels(name, "accepted") for name in metrics.DOORS}


def not_authenticated(reason: str) -> web.HttpError:
    """One and the same answer whatever was wrong; the reason is a metric only."""
    return web.HttpError(web.problem(401, "not_authenticated", "Not authenticated"), reason)


def counted(door: Door, admission: Admission, handler: web.Handler) -> web.Handler:
    """The handler, bounded, counted and timed; what it refuses is answered."""

    received, seconds = metrics.RECEIVED.labels(door.name), metrics.ANSWER_SECONDS.labels(door.name)

    async def answer(request: web.Request) -> web.Response:
        started = perf_counter()
        received.inc()
        try:
            with admission.admit(request) as admitted:
                return await handler(admitted)
        except web.HttpError as refused:
            metrics.REJECTED.labels(door.name, refused.reason).inc()
            said = {"door": door.name, "route": f"{door.source}{door.tail}", "reason": refused.reason}
            log.info("A request was refused", extra=said | {"request_id": request.id, **_described(request)})
            return refused.response
        finally:
            seconds.observe(perf_counter() - started)

    return answer


def _described(request: web.Request) -> dict[str, str]:
    """The size of the body and, where it was read, its digest; never its bytes."""
    if request.body is None:
        return {"size": request.headers.get("content-length", "")[:20]}
    return {"size": str(len(request.body)), "sha256": sha256(request.body).hexdigest()}


async def refuse_method(_: web.Request) -> web.Response:
    """Every door is posted to, and nothing else."""
    raise web.not_allowed(["POST"])


def check_headers(request: web.Request) -> None:
    """Refuses what is compressed (nothing here inflates), or announced to be too large."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise web.HttpError(
            web.problem(415, "unsupported_encoding", "Unsupported content encoding"), "unsupported_encoding"
        )
    web.check_length(request)


async def read_body(request: web.Request) -> bytes:
    """The body as sent, within its limits. What its headers say was checked before."""
    return await web.read_body(request)


async def keep(door: Door, request: web.Request, understood: Understanding, resources: Resources) -> None:
    """Returns when every part of the body is kept, understood or not.

    Refused with 503 where it cannot be, or where there is no room for what it has become.
    """
    origin, beyond = _origin(door, request, understood), max(understood.size - len(request.body or b""), 0)
    resources.admission.hold(beyond)
    try:
        await resources.custody.keep(door.name, records.of(door, origin, understood))
    except UnavailableError:
        raise web.HttpError(web.unavailable(), "unavailable") from None
    finally:
        resources.admission.let_go(beyond)
    _ACCEPTED[door.name].inc(len(understood.parsed))
    if understood.quarantined:
        metrics.ACCEPTED.labels(door.name, "quarantined").inc(len(understood.quarantined))
    for one in understood.quarantined:
        metrics.QUARANTINED.labels(door.name, one.reason).inc()


@lru_cache(maxsize=64)
def counts(accepted: int, quarantined: int) -> web.Response:
    """What both JSON doors say of a body whose parts are kept."""
    return web.json_response({"accepted": accepted, "quarantined": quarantined})


def _origin(door: Door, request: web.Request, understood: Understanding) -> Origin:
    return Origin(
        received_at=int(time() * 1000),
        correlation_id=_first_id(door, request, understood),
        traceparent=records.traceparent(request.headers.get("traceparent", "")),
        request=orjson.dumps(_kept(request, door.signature_header)).decode(),
    )


def _first_id(door: Door, request: web.Request, understood: Understanding) -> UUID:
    if understood.parsed:
        return understood.parsed[0].event_id
    if understood.quarantined:
        return records.quarantine_id(door, understood.quarantined[0].body)
    return identity.event_id("request", request.id)


def _kept(request: web.Request, signature_header: str) -> HttpRequest:
    given = request.headers
    kept: HttpRequest = {"headers": {name: given[name][:LONGEST_HEADER] for name in KEPT_HEADERS if name in given}}
    if signature_header and signature_header in given:
        kept["signature"] = given[signature_header][:LONGEST_HEADER]
    if "user-agent" in given:
        kept["user_agent"] = given["user-agent"][:LONGEST_HEADER]
    if (address := addresses.normal(request.client)) is not None:
        kept["source_ip"] = address
    return kept
