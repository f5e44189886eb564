"""`POST /webhooks/salesforce/events`: change events and Apex callouts as JSON, signed or with a bearer token."""

from time import time
from typing import Final

from synckit import web
from webhook_ingest import records, signatures
from webhook_ingest.doors import intake
from webhook_ingest.doors.intake import not_authenticated
from webhook_ingest.parsers import salesforce_events
from webhook_ingest.resources import Resources
from webhook_ingest.settings import IngestSettings

TIMESTAMP: Final = "x-salesforce-timestamp"
DOOR: Final = records.SALESFORCE_EVENTS
SIGNATURE: Final = DOOR.signature_header


def handler(resources: Resources) -> web.Handler:
    """The door, for these secrets and tokens."""

    settings = resources.settings

    async def post(request: web.Request) -> web.Response:
        intake.check_headers(request)
        if SIGNATURE not in request.headers:
            _check_bearer(request, settings)
        body = await intake.read_body(request)
        signed_at = _signed_at(request, body, settings) if SIGNATURE in request.headers else None
        understood = salesforce_events.understand(body, signed_at)
        await intake.keep(DOOR, request, understood, resources)
        return intake.counts(len(understood.parsed), len(understood.quarantined))

    return intake.counted(DOOR, resources.admission, post)


def _check_bearer(request: web.Request, settings: IngestSettings) -> None:
    """Refuses what is not signed and carries no token of ours: that needs no body."""
    if not web.has_bearer(request, settings.salesforce_bearer_tokens):
        raise not_authenticated("no_bearer" if "authorization" in request.headers else "invalid_signature")


def _signed_at(request: web.Request, body: bytes, settings: IngestSettings) -> int:
    """The signed timestamp in milliseconds since 1970; refused where it, or the signature, is wrong."""
    timestamp = request.headers.get(TIMESTAMP, "")
    if not signatures.salesforce_signed(
        request.headers[SIGNATURE], timestamp, body, settings.salesforce_webhook_secrets
    ):
        raise not_authenticated("invalid_signature")
    if not signatures.is_fresh(timestamp, time()):
        raise not_authenticated("stale_timestamp")
    return int(timestamp) * 1000
