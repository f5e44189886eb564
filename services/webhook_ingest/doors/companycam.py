"""`POST /webhooks/companycam`: signed with the token of the subscription.

Only exactly 200 counts with CompanyCam, which tries ten times and disables a webhook after 25 errors.
"""

from typing import Final

from synckit import web
from webhook_ingest import records, signatures
from webhook_ingest.doors import intake
from webhook_ingest.doors.intake import not_authenticated
from webhook_ingest.parsers import companycam
from webhook_ingest.resources import Resources

DOOR: Final = records.COMPANYCAM
SIGNATURE: Final = DOOR.signature_header


def handler(resources: Resources) -> web.Handler:
    """The door, for these tokens."""

    settings = resources.settings

    async def post(request: web.Request) -> web.Response:
        intake.check_headers(request)
        signature = request.headers.get(SIGNATURE, "")
        if not signature:
            raise not_authenticated("invalid_signature")
        body = await intake.read_body(request)
        if not signatures.companycam_signed(signature, body, settings.companycam_webhook_tokens):
            raise not_authenticated("invalid_signature")
        understood = companycam.understand(body)
        await intake.keep(DOOR, request, understood, resources)
        return intake.counts(len(understood.parsed), len(understood.quarantined))

    return intake.counted(DOOR, resources.admission, post)
