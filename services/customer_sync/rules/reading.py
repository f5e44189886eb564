"""What a notification says about which record: the three forms that Salesforce pushes become one kind of fact."""

from collections.abc import Mapping
from typing import Any, Final

from customer_sync.models.configuration import SalesforceConfig
from customer_sync.models.events import Hint, Notification, Reading
from customer_sync.rules.normal import normal_fields
from synckit import documents, versions
from synckit.consumer.batch import Incoming
from synckit.contracts.headers import EventHeaders
from synckit.errors import PoisonError
from synckit.identity import salesforce_id18
from synckit.mirror.facts import DELETED, Cause, Fact, Kind, Stamp

MIRRORED: Final = frozenset({"Contact", "Account", "Lead", "User"})
"""Objects whose records are kept. Others are ignored."""
DAY_MS: Final = 24 * 60 * 60 * 1000
BEFORE_SALESFORCE: Final = 915_148_800
"""1999-01-01: Salesforce, Inc. has no older record."""
NO_RECORD: Final = "0" * 15
"""The id in a change event that stands for no single record (GAP_OVERFLOW)."""
_CHANGES: Final = frozenset({"CREATE", "UPDATE", "DELETE", "UNDELETE"})


def decode(record: Incoming, head: EventHeaders, received_at: int) -> Notification:
    """The notification in a record, received first at a time; PoisonError where its key or value is not a door's."""
    if record.value is None:
        raise PoisonError("null_value", "a webhook record has no value")
    body = documents.parse(record.value)
    if not isinstance(body, dict):
        raise PoisonError("malformed_value", "the value is no JSON object")
    if record.key is None or record.key != head.subject.encode():
        raise PoisonError("key_mismatch", "the record's key is not the id of the record that it is about")
    cause = Cause(
        event_id=head.id, correlation_id=head.correlation_id, traceparent=head.traceparent, received_at=received_at
    )
    return Notification(head, body, cause)


def read(notification: Notification, config: SalesforceConfig) -> Reading:
    """What a notification says. PoisonError where it is not of the form that its type names."""
    reader = _READERS.get(notification.headers.type.split(".")[1])
    if reader is None:
        raise PoisonError("unknown_event_type", "ce_type names no form that Salesforce pushes")
    reading = reader(notification, config)
    if reading.facts and _is_implausible(_version(notification), notification.cause.received_at):
        return _hint(notification, reading.object, reading.id, "implausible_time")
    return reading


def _is_implausible(version: int, received_at: int) -> bool:
    if version == versions.UNKNOWN:
        return False
    return versions.second_of(version) < BEFORE_SALESFORCE or versions.modified_ms(version) > received_at + DAY_MS


def _outbound_message(notification: Notification, config: SalesforceConfig) -> Reading:
    body = notification.body
    name, fields = _text(body, "object"), _object(body, "fields")
    record_id = _record_id(fields.get("Id"))
    if name not in MIRRORED:
        return _ignored(notification, name, record_id)
    if not fields.keys() - {"Id"}:
        return _hint(notification, name, record_id, "without_data")  # deleted before it was sent
    definition = config.outbound_messages.get(_text(body, "action_id"))
    listed = definition.fields if definition is not None and definition.object == name else ()
    values = normal_fields(dict.fromkeys(listed) | fields, config.types_of(name))
    outcome = "merged" if definition is not None else "merged_unlisted"
    return _merged(notification, name, record_id, values, snapshot=True, outcome=outcome)


def _apex_callout(notification: Notification, config: SalesforceConfig) -> Reading:
    body = notification.body
    name, new = _text(body, "object"), body.get("new")
    record_id = _record_id((new if isinstance(new, dict) else _object(body, "old")).get("Id"))
    if name not in MIRRORED:
        return _ignored(notification, name, record_id)
    if not isinstance(new, dict):
        return _hint(notification, name, record_id, "only_old")
    fields = {key: value for key, value in new.items() if key != "attributes"}
    return _merged(notification, name, record_id, normal_fields(fields, config.types_of(name)), snapshot=True)


def _change_event(notification: Notification, config: SalesforceConfig) -> Reading:
    header = _object(notification.body, "ChangeEventHeader")
    name, change = _text(header, "entityName"), _text(header, "changeType")
    subject = notification.headers.subject
    if name not in MIRRORED:
        return _ignored(notification, name, subject)
    record_id = _id_or_none(subject)
    if change not in _CHANGES or record_id is None:
        return _hint(notification, name, None if change == "GAP_OVERFLOW" else record_id, change.lower())
    fields = {key: value for key, value in notification.body.items() if key != "ChangeEventHeader"}
    values = normal_fields(fields, config.types_of(name))
    if change in {"DELETE", "UNDELETE"}:
        values[DELETED] = change == "DELETE"
    return _merged(notification, name, record_id, values, transaction=_transaction(header))


def _transaction(header: Mapping[str, Any]) -> tuple[str, int]:
    sequence = header.get("sequenceNumber")
    return _text(header, "transactionKey"), sequence if isinstance(sequence, int) else 0


def _merged(
    notification: Notification,
    name: str,
    record_id: str,
    values: Mapping[str, Any],
    *,
    snapshot: bool = False,
    transaction: tuple[str, int] = ("", 0),
    outcome: str = "merged",
) -> Reading:
    fact = Fact(
        object=name,
        id=record_id,
        fields=values,
        stamp=Stamp(_version(notification), *transaction),
        kind=Kind.PUSH,
        cause=notification.cause,
        sent_at=notification.headers.received_at,
        is_snapshot=snapshot,
    )
    return Reading(name, record_id, notification.cause, facts=(fact,), outcome=outcome)


def _hint(notification: Notification, name: str, record_id: str | None, reason: str) -> Reading:
    outcome = reason if reason == "implausible_time" else "hint"
    hints = (Hint(name, record_id, reason),)
    return Reading(name, record_id or notification.headers.subject, notification.cause, hints=hints, outcome=outcome)


def _ignored(notification: Notification, name: str, record_id: str) -> Reading:
    return Reading(name, record_id, notification.cause, outcome="ignored")


def _version(notification: Notification) -> int:
    return notification.headers.fact_version or versions.UNKNOWN


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise PoisonError("malformed_value", f"/{name}: is no text")
    return value


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise PoisonError("malformed_value", f"/{name}: is no object")
    return value


def _record_id(value: object) -> str:
    record_id = _id_or_none(value)
    if record_id is None:
        raise PoisonError("malformed_value", "/Id: is no Salesforce id")
    return record_id


def _id_or_none(value: object) -> str | None:
    """The 18-character id; None for a wildcard (`001*`), an all-zero id, or what is no id."""
    try:
        record_id = salesforce_id18(value) if isinstance(value, str) else ""
    except ValueError:
        return None
    return None if not record_id or record_id.startswith(NO_RECORD) else record_id


_READERS: Final = {
    "outbound_message": _outbound_message,
    "change_event": _change_event,
    "apex_callout": _apex_callout,
}
