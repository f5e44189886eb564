"""Notifications of an Outbound Message as records of the webhook topic."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from synckit import documents, identity, versions
from webhook_ingest.models import MisunderstoodError, Parsed, Quarantine, Understanding
from webhook_ingest.parsers import salesforce, soap
from webhook_ingest.parsers.salesforce import MOST_ITEMS, TOO_MANY
from webhook_ingest.parsers.soap import Message, SObject

LONGEST_NAME: Final = 80
SOBJECT: Final = "/Notification/sObject"
COMPARED, LONGEST_ID = 15, 18
"""Characters of an organization's id: the others follow from these."""


def is_of(message: Message, organization_ids: Sequence[str]) -> bool:
    """Whether one of these organizations sent it, whose ids have 15 characters."""
    given = message.organization_id
    return len(given) <= LONGEST_ID and given[:COMPARED] in organization_ids


def understand(message: Message) -> Understanding:
    """A record a notification, each once; what names no record of its own is set aside, and a message of too many."""
    if len(message.notifications) > MOST_ITEMS:
        return Understanding(quarantined=(Quarantine(TOO_MANY, soap.without_session(message.body)),))
    parsed: dict[UUID, Parsed] = {}
    misunderstood: dict[int, MisunderstoodError] = {}
    for index, notification in enumerate(message.notifications):
        try:
            record = _parsed(message, soap.sobject_of(notification))
        except MisunderstoodError as error:
            misunderstood[index] = error
        else:
            parsed[record.event_id] = record
    return Understanding(tuple(parsed.values()), tuple(_set_aside(message, misunderstood)))


def _set_aside(message: Message, misunderstood: Mapping[int, MisunderstoodError]) -> Iterator[Quarantine]:
    alone = soap.alone(message, list(misunderstood))
    for error, body in zip(misunderstood.values(), alone, strict=True):
        yield Quarantine(error.reason, body, f"{SOBJECT}{error.pointer}")


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
