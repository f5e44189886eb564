"""The events in a delivery's body, their ids and payloads: computed from its bytes, apart from the services' code."""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from paintbox.prove import contents
from synckit.identity import event_id, salesforce_id18

_OUTBOUND: Final = "{http://soap.sforce.com/2005/09/outbound}"
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class Told(NamedTuple):
    """An event's id, the kind and the vendor's id of the record that it tells of, and a digest of its payload."""

    event_id: UUID
    object: str
    record: str
    payload: str | None
    """Of what a record of a webhook topic must carry; as `contents.digest` makes it."""


def told_by(form: str, body: bytes) -> list[Told]:
    """Every event in the body of a delivery; `form` is the simulators' name of its form."""
    return list(_READERS[form](body))


def _notifications(body: bytes) -> Iterator[Told]:
    envelope = fromstring(body)
    organization, action = (envelope.findtext(f".//{_OUTBOUND}{name}") for name in ("OrganizationId", "ActionId"))
    for notification in envelope.iter(f"{_OUTBOUND}Notification"):
        sobject = notification.find(f"{_OUTBOUND}sObject")
        if sobject is None:
            continue
        fields = dict(_fields(sobject))
        name = sobject.get(_TYPE, "").rpartition(":")[2]
        content = {"object": name, "fields": fields}
        own = (notification.findtext(f"{_OUTBOUND}Id") or "").strip()
        told = event_id("outbound_message", own, _digest(content))
        payload = {"organization_id": organization, "action_id": action, "notification_id": own, **content}
        yield Told(told, name, salesforce_id18(fields["Id"]), _payload(payload))


def _fields(element: Element) -> Iterator[tuple[str, Any]]:
    for child in element:
        name = child.tag.rpartition("}")[2]
        is_null = child.get(_NIL) in {"true", "1"} or not child.text
        yield name, dict(_fields(child)) if len(child) else None if is_null else child.text


def _change_event(body: bytes) -> Iterator[Told]:
    document = json.loads(body)
    payload = document.get("data", document.get("detail", document))["payload"]
    header: Mapping[str, Any] = payload["ChangeEventHeader"]
    for record in map(salesforce_id18, header["recordIds"]):
        own = event_id("change_event", header["transactionKey"], str(header["sequenceNumber"]), record)
        alone = {**payload, "ChangeEventHeader": {**header, "recordIds": [record]}}
        yield Told(own, header["entityName"], record, _payload(alone))


def _callout(body: bytes) -> Iterator[Told]:
    document = json.loads(body)
    new, old = ({one["Id"]: one for one in document.get(side) or ()} for side in ("new", "old"))
    for own, record in (new or old).items():
        name, told = record["attributes"]["type"], event_id("apex_callout", salesforce_id18(own), _digest(record))
        payload = {"object": name, "new": new.get(own), "old": old.get(own)}
        yield Told(told, name, salesforce_id18(own), _payload(payload))


def _webhook(body: bytes) -> Iterator[Told]:
    document = json.loads(body)
    resource = document["event_type"].partition(".")[0]
    own = event_id("companycam", str(document["webhook_id"]), sha256(body).hexdigest())
    yield Told(own, resource, str(document["payload"][resource]["id"]), contents.digest(body))


def _digest(content: Any) -> str:
    """Of the one JSON text of a value: sorted keys, no spaces, UTF-8."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _payload(content: Any) -> str | None:
    return contents.digest(json.dumps(content))


_READERS: Final = {
    "outbound_message": _notifications,
    "cometd": _change_event,
    "event_relay": _change_event,
    "apex": _callout,
    "webhook": _webhook,
}
