"""`POST /webhooks/salesforce/outbound-messages/{token}`: SOAP, acknowledged only after every notification is kept.

Salesforce signs nothing: a secret path segment and the organization's id say who pushes. Without `Ack` true it sends
the whole message again for 24 hours.
"""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from synckit import web
from webhook_ingest import records
from webhook_ingest.doors import intake
from webhook_ingest.doors.intake import not_authenticated
from webhook_ingest.models import Quarantine, Understanding
from webhook_ingest.parsers import outbound_messages, soap
from webhook_ingest.parsers.soap import Message, SoapError
from webhook_ingest.resources import Resources

DOOR: Final = records.SALESFORCE_MESSAGES
PATH: Final = f"{DOOR.source}/*"
CONTENT_TYPE: Final = "text/xml; charset=utf-8"

ACKNOWLEDGEMENT: Final = b"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">
 <soapenv:Body>
  <notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound">
   <Ack>true</Ack>
  </notificationsResponse>
 </soapenv:Body>
</soapenv:Envelope>
"""
FAULT: Final = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">
 <soapenv:Body>
  <soapenv:Fault>
   <faultcode>soapenv:{code}</faultcode>
   <faultstring>{text}</faultstring>
  </soapenv:Fault>
 </soapenv:Body>
</soapenv:Envelope>
"""
FAULT_TEXTS: Final = {
    "not_well_formed": "The body is not well-formed XML.",
    "tags_too_long": "The tags are too long for so many.",
    "too_deep": "The body is nested too deeply.",
    "wrong_encoding": "The body is neither UTF-8 nor UTF-16.",
    "wrong_root": "The body is no envelope with notifications.",
    "wrong_soap_version": "SOAP 1.1 is spoken here.",
    "xml_dtd": "A document type definition is not allowed.",
}
"""All that a sender, and so Salesforce's administrator, is ever told: Setup shows it with the message."""


def handler(resources: Resources) -> web.Handler:
    """The door, for these tokens and organizations."""

    settings = resources.settings

    async def post(request: web.Request) -> web.Response:
        if not web.is_one_of(request.tail, settings.salesforce_endpoint_tokens):
            raise not_authenticated("wrong_token")
        intake.check_headers(request)
        body = await intake.read_body(request)
        try:
            message = soap.parse(body)
            _check_organization(message, settings.salesforce_organization_ids)
            understood = outbound_messages.understand(message)
        except SoapError as error:
            await _keep(request, body, error.reason, resources)
            raise web.HttpError(_fault(error), error.reason) from None
        await intake.keep(DOOR, request, understood, resources)
        return web.Response(200, ACKNOWLEDGEMENT, CONTENT_TYPE)

    return intake.counted(DOOR, resources.admission, post)


def _check_organization(message: Message, organization_ids: Sequence[str]) -> None:
    if not outbound_messages.is_of(message, organization_ids):
        raise not_authenticated("unknown_organization")


async def _keep(request: web.Request, body: bytes, reason: str, resources: Resources) -> None:
    """Once, however often it comes again: its id is made of its bytes. The SessionId is blanked first."""
    kept = Quarantine(reason, soap.without_session(body))
    await intake.keep(DOOR, request, Understanding(quarantined=(kept,)), resources)


def _fault(error: SoapError) -> web.Response:
    text = FAULT.format(code=error.code, text=escape(FAULT_TEXTS[error.reason]))
    return web.Response(500, text.encode(), CONTENT_TYPE)
