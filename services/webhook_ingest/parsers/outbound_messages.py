"""Notifications of an Outbound Message as records of the webhook topic."""

from typing import Final
from uuid import UUID

from synckit import documents, identity, versions
from webhook_ingest.models import MisunderstoodError, Parsed, Quarantine, Understanding
from webhook_ingest.parsers import salesforce, soap
from webhook_ingest.parsers.soap import Message, SObject

LONGEST_NAME: Final = 80
SOBJECT: Final = "/Notification/sObject"


def understand(message: Message) -> Understanding:
    """A record a notification, each once; what names no record of its own is set aside."""
    parsed: dict[UUID, Parsed] = {}
    quarantined = []
    for index, notification in enumerate(message.notifications):
        try:
            record = _parsed(message, soap.sobject_of(notification))
        except MisunderstoodError as error:
            aside = Quarantine(error.reason, soap.alone(message, index), f"{SOBJECT}{error.pointer}")
            quarantined.append(aside)
        else:
            parsed[record.event_id] = record
    return Understanding(tuple(parsed.values()), tuple(quarantined))


def _parsed(message: Message, sobject: SObject | None) -> Parsed:
    if sobject is None or len(sobject.object) > LONGEST_NAME:
        raise MisunderstoodError("no_record")
    record_id = salesforce.record_id(sobject.fields.get("Id"))
    modified = salesforce.modified_ms(sobject.fields)
    content = {"object": sobject.object, "fields": sobject.fields}
    return Parsed(
        event_id=identity.event_id("outbound_message", sobject.notification_id, salesforce.fingerprint(content)),
        type=f"outbound_message.{sobject.object}",
        key=record_id,
        subject=record_id,
        value=documents.dumps(
            {
                "organization_id": message.organization_id,
                "action_id": message.action_id,
                "notification_id": sobject.notification_id,
                **content,
            }
        ),
        time=modified,
        fact_version=None if modified is None else versions.pushed(modified),
        observed_at=modified,
        vendor_event_id=sobject.notification_id,
    )
