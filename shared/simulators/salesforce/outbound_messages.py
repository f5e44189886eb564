"""Outbound Messages: the SOAP envelope of 1 to 100 notifications, and the acknowledgement that ends them."""

from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import JsonValue

from simulators.records import Fields, Record
from simulators.salesforce.records import pushed_value
from simulators.salesforce.subscriptions import OutboundMessage

LARGEST_ENVELOPE: Final = 100
TIMEOUT_SECONDS: Final = 60.0
"""help.salesforce.com, "Considerations for Outbound Messages"."""
KEPT_SECONDS: Final = 86_400.0
"""Dropped when 24 hours old (Understanding Notifications, SOAP API Developer Guide)."""
HEADERS: Final[Mapping[str, str]] = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}

_ACK: Final = "{http://soap.sforce.com/2005/09/outbound}Ack"
_OK: Final = 200

_ENVELOPE: Final = """\
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"\
 xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>{organization}</OrganizationId>
   <ActionId>{action}</ActionId>
   <SessionId>{session}</SessionId>
   <EnterpriseUrl>https://simulator.my.salesforce.com/services/Soap/c/67.0/{short}</EnterpriseUrl>
   <PartnerUrl>https://simulator.my.salesforce.com/services/Soap/u/67.0/{short}</PartnerUrl>
{notifications}  </notifications>
 </soapenv:Body>
</soapenv:Envelope>
"""
_NOTIFICATION: Final = """\
   <Notification>
    <Id>{id}</Id>
    <sObject xsi:type="sf:{object}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
{fields}    </sObject>
   </Notification>
"""
_FIELD: Final = "     <sf:{name}>{value}</sf:{name}>\n"


def envelope(definition: OutboundMessage, notifications: Sequence[tuple[str, Fields]]) -> bytes:
    """The request that tells of records with these fields, each under its notification's id."""
    short = definition.organization_id[:15]
    text = _ENVELOPE.format(
        organization=definition.organization_id,
        action=definition.action_id,
        session=f"{short}!AQ.simulated",
        short=short,
        notifications="".join(_notification(definition, each, fields) for each, fields in notifications),
    )
    return text.encode()


def is_acknowledged(status: int, body: bytes) -> bool:
    """Whether an answer ends the notifications: HTTP 200 with an `Ack` of true, and nothing else."""
    if status != _OK:
        return False
    try:
        ack = fromstring(body).find(f".//{_ACK}")
    except (ParseError, DefusedXmlException, ValueError, LookupError):  # the last two: encodings that expat has not
        return False
    return ack is not None and (ack.text or "").strip() in {"true", "1"}


def told_of(record_id: str, record: Record | None) -> Fields:
    """What a notification has to tell of a record as it is now; of one that was deleted meanwhile only its id.

    "If the record is deleted before the notification is delivered, the notification contains no data" beside the "ID
    that uniquely identifies a record": help.salesforce.com, "Considerations for Outbound Messages".
    """
    return {"Id": record_id} if record is None or record.deleted else record.fields


def _notification(definition: OutboundMessage, notification_id: str, values: Fields) -> str:
    names = ["Id", *sorted(set(definition.fields) - {"Id"})]
    fields = "".join(
        _FIELD.format(name=name, value=_text(value)) for name in names if (value := values.get(name)) not in (None, "")
    )
    return _NOTIFICATION.format(id=notification_id, object=definition.object, fields=fields)


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(pushed_value(value))
    for character, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        text = text.replace(character, escaped)
    return text
