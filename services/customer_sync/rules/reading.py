"""What a notification says about which record: the three forms that Salesforce pushes become one kind of fact."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from customer_sync.models.configuration import SalesforceConfig
from customer_sync.rules.normal import changed_fields, normal_fields
from synckit.contracts.headers import SOURCE_SALESFORCE_EVENTS, SOURCE_SALESFORCE_MESSAGES
from synckit.errors import PoisonError
from synckit.identity import salesforce_id18
from synckit.inbound import Hint, Notification, Reading, believed, hinting
from synckit.mirror.facts import DELETED, Fact, Kind, Stamp
from synckit.mirror.merge import Merged

MIRRORED: Final = frozenset({"Contact", "Account", "Lead", "User"})
"""Objects whose records are kept. Others are ignored."""
NO_RECORD: Final = "0" * 15
"""The id in a change event that stands for no single record (GAP_OVERFLOW)."""
_SOURCES: Final = frozenset({SOURCE_SALESFORCE_MESSAGES, SOURCE_SALESFORCE_EVENTS})
_GAPS: Final = frozenset({"GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW"})
_CHANGES: Final = frozenset({"CREATE", "UPDATE", "DELETE", "UNDELETE"})


def read(notification: Notification, key: bytes | None, config: SalesforceConfig) -> Reading:
    """What a notification says. PoisonError where its source, key or body is not what its type promises."""
    if notification.headers.source not in _SOURCES:
        raise PoisonError("unknown_source", "ce_source names no door for Salesforce")
    if key != notification.headers.subject.encode():
        raise _mismatch()
    reader = _READERS.get(notification.headers.type.split(".")[1])
    if reader is None:
        raise PoisonError("unknown_event_type", "ce_type names no form that Salesforce pushes")
    return believed(notification, reader(notification, config))


def fragment(merged: Merged) -> Iterable[str]:
    """A reason to read a contact without a last name, which Salesforce demands: we have seen only a part of it."""
    record = merged.record
    is_known = record.is_deleted or record.get("LastName") is not None
    return ("fragment",) if merged.changed and record.object == "Contact" and not is_known else ()


def _outbound_message(notification: Notification, config: SalesforceConfig) -> Reading:
    body = notification.body
    name, fields = _text(body, "object"), _object(body, "fields")
    record_id = _record_id(fields.get("Id"), notification)
    if name not in MIRRORED:
        return _ignored(notification, name, record_id)
    if not fields.keys() - {"Id"}:
        return hinting(notification, name, record_id, "without_data")  # deleted before it was sent
    action_id = _text(body, "action_id") if body.get("action_id") != "" else ""
    definition = config.outbound_messages.get(action_id)
    listed = definition.fields if definition is not None and definition.object == name else ()
    values = normal_fields(dict.fromkeys(listed) | fields, config.types_of(name))
    outcome = "merged" if definition is not None else "merged_unlisted"
    return _merged(notification, name, record_id, values, snapshot=True, outcome=outcome)


def _apex_callout(notification: Notification, config: SalesforceConfig) -> Reading:
    body = notification.body
    name, new = _text(body, "object"), body.get("new")
    record_id = _record_id((new if isinstance(new, dict) else _object(body, "old")).get("Id"), notification)
    if name not in MIRRORED:
        return _ignored(notification, name, record_id)
    if not isinstance(new, dict):
        return hinting(notification, name, record_id, "only_old")
    fields = {key: value for key, value in new.items() if key != "attributes"}
    return _merged(notification, name, record_id, normal_fields(fields, config.types_of(name)), snapshot=True)


def _change_event(notification: Notification, config: SalesforceConfig) -> Reading:
    header = _object(notification.body, "ChangeEventHeader")
    name, change = _text(header, "entityName"), _text(header, "changeType")
    subject = notification.headers.subject
    if header.get("recordIds") != [subject]:
        raise _mismatch()
    if name not in MIRRORED:
        return _ignored(notification, name, subject)
    record_id = _id_or_none(subject)
    if change not in _CHANGES or record_id is None:
        return hinting(notification, name, None if change == "GAP_OVERFLOW" else record_id, _why(change))
    fields = {key: value for key, value in notification.body.items() if key != "ChangeEventHeader"}
    values, is_partial = changed_fields(header, fields, config.types_of(name))
    if change in {"DELETE", "UNDELETE"}:
        values[DELETED] = change == "DELETE"
    merged = _merged(notification, name, record_id, values, place=_place(header))
    return replace(merged, hints=(Hint(name, record_id, "hidden_change"),)) if is_partial else merged


def _why(change: str) -> str:
    """Why a change event is not applied: its own kind, or that it is about many records."""
    if change in _CHANGES:
        return "wildcard"
    return change.lower() if change in _GAPS else "unknown_change"


def _place(header: Mapping[str, Any]) -> int:
    """The place of a change event among those of its transaction, from 0; Salesforce counts from 1, with holes."""
    sequence = header.get("sequenceNumber")
    return max(sequence - 1, 0) if isinstance(sequence, int) else 0


def _merged(
    notification: Notification,
    name: str,
    record_id: str,
    values: Mapping[str, Any],
    *,
    snapshot: bool = False,
    place: int = 0,
    outcome: str = "merged",
) -> Reading:
    fact = Fact(
        object=name,
        id=record_id,
        fields=values,
        stamp=Stamp(notification.version, place),
        kind=Kind.PUSH,
        cause=notification.cause,
        sent_at=notification.headers.received_at,
        is_snapshot=snapshot,
    )
    return Reading(name, record_id, notification.cause, facts=(fact,), outcome=outcome)


def _ignored(notification: Notification, name: str, record_id: str) -> Reading:
    return Reading(name, record_id, notification.cause, outcome="ignored")


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


def _record_id(value: object, notification: Notification) -> str:
    record_id = _id_or_none(value)
    if record_id is None:
        raise PoisonError("malformed_value", "/Id: is no Salesforce id")
    if record_id != notification.headers.subject:
        raise _mismatch()
    return record_id


def _mismatch() -> PoisonError:
    return PoisonError("key_mismatch", "the record's key is not the id of the record that it is about")


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
