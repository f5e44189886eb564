"""What an event of CompanyCam says about which record, in one normal form.

Ids are text, times UTC with milliseconds, whichever of the two envelopes and time forms they came in.
"""

from collections.abc import Mapping
from typing import Any, Final

from synckit import times, versions
from synckit.contracts.headers import SOURCE_COMPANYCAM
from synckit.errors import PoisonError
from synckit.inbound import Notification, Reading, believed, hinting
from synckit.mirror.facts import DELETED, OURS, Fact, Kind, Stamp

PROJECT: Final = "project"
PHOTO: Final = "photo"
ARCHIVED: Final = "archived"
LONGEST_ID: Final = 100
"""What the shared cache and the logs keep of an id."""
LABEL: Final = "$label:"
TAG: Final = "$tag:"
"""Each label and tag is a field of its own: an event tells of one that was added, never of the whole list."""

_IDS: Final = frozenset({"id", "company_id", "creator_id", "project_id"})
_TIMES: Final = frozenset({"created_at", "updated_at", "captured_at"})
_DERIVED: Final = frozenset({"photo_count"})
"""What CompanyCam counts from other records: it moves while `updated_at` stands still, so no version fits it."""
_PROJECT_EVENTS: Final = frozenset({"created", "updated", "label_added", "archived", "deleted"})
_CONTACT_EVENTS: Final = frozenset({"contact_created", "contact_updated"})
_PHOTO_EVENTS: Final = frozenset({"created", "updated", "tag_added", "description_updated"})


def read(notification: Notification) -> Reading:
    """What a notification says. PoisonError where its subject names no record, or its door is another vendor's."""
    if notification.headers.source != SOURCE_COMPANYCAM:
        raise PoisonError("unknown_source", "ce_source names no door for CompanyCam")
    resource, _, change = _event_type(notification).partition(".")
    name, _, record_id = notification.headers.subject.partition("/")
    if not name or not 0 < len(record_id) <= LONGEST_ID:
        raise PoisonError("malformed_headers", "ce_subject names no record")
    if resource == PROJECT and change == "merged":
        return hinting(notification, PROJECT, record_id, "project_merged")
    if resource == PROJECT and change in _CONTACT_EVENTS:
        is_told = name == PROJECT and isinstance(_payload(notification).get(PROJECT), dict)
        return _project(notification, record_id, change) if is_told else _contact(notification, name, record_id)
    if resource == PROJECT and name == PROJECT and change in _PROJECT_EVENTS:
        return _project(notification, record_id, change)
    if resource == PHOTO and name == PHOTO and change in _PHOTO_EVENTS:
        return _photo(notification, record_id)
    return Reading(name, record_id, notification.cause, outcome="ignored")


def _event_type(notification: Notification) -> str:
    value = notification.body.get("event_type")
    return value if isinstance(value, str) else ""


def _payload(notification: Notification) -> Mapping[str, Any]:
    payload = notification.body.get("payload")
    return payload if isinstance(payload, dict) else {}


def _contact(notification: Notification, name: str, record_id: str) -> Reading:
    """A contact without its project: whether it is the primary one only the project can tell.

    Ignored where it does not say whose it is: its own id names no project.
    """
    payload = _payload(notification)
    contact = payload.get(name)
    project_id = _normal("project_id", (contact if isinstance(contact, dict) else payload).get("project_id"))
    if not isinstance(project_id, str) or not 0 < len(project_id) <= LONGEST_ID:
        return Reading(name, record_id, notification.cause, outcome="ignored")
    return hinting(notification, PROJECT, project_id, "contact_changed")


def _project(notification: Notification, record_id: str, change: str) -> Reading:
    own: dict[str, Any] = {}
    if change == "archived":
        is_told = _snapshot(notification, PROJECT).get(ARCHIVED) is True and notification.version != versions.UNKNOWN
        own |= {} if is_told else {ARCHIVED: True}
    elif change == "deleted":
        own[DELETED] = True
    elif change == "label_added":
        own |= _word(LABEL, _payload(notification).get("label"))
    return _merged(notification, PROJECT, record_id, own)


def _photo(notification: Notification, record_id: str) -> Reading:
    return _merged(notification, PHOTO, record_id, _word(TAG, _payload(notification).get("tag")))


def _snapshot(notification: Notification, name: str) -> Mapping[str, Any]:
    """The record as the event shows it: as new as its modification, and not as the event's sending."""
    payload = _payload(notification)
    thing = payload.get(name)
    return thing if isinstance(thing, dict) else payload


def _word(prefix: str, word: Any) -> dict[str, Any]:
    """A label or tag that was added, under its own id."""
    word_id = _normal("id", word.get("id")) if isinstance(word, dict) else None
    if not isinstance(word_id, str) or not word_id:
        return {}
    return {f"{prefix}{word_id}": word.get("display_value") or word.get("value") or ""}


def _merged(notification: Notification, name: str, record_id: str, own: Mapping[str, Any]) -> Reading:
    """The snapshot in the event, and beside it what the event itself adds, which is as new as its sending."""
    fields = normal_fields(_snapshot(notification, name))
    sent_at = notification.headers.time
    fact = Fact(
        object=name,
        id=record_id,
        fields={**fields, **own},
        stamp=Stamp(notification.version),
        kind=Kind.PUSH,
        cause=notification.cause,
        own_stamps=dict.fromkeys(own, Stamp(versions.pushed(sent_at))),
        sent_at=sent_at,
        is_snapshot=DELETED not in own,
    )
    return believed(notification, Reading(name, record_id, notification.cause, facts=(fact,)))


def normal_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with its ids as text and its times as UTC with milliseconds. What is neither stays as it came.

    Names that begin as ours do are no field of CompanyCam's: they are left out, and so is what it derives.
    """
    return {
        name: _normal(name, value)
        for name, value in record.items()
        if not name.startswith(OURS) and name not in _DERIVED
    }


def _normal(name: str, value: Any) -> Any:
    if name in _IDS and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name in _TIMES and value is not None:
        try:
            return times.rfc3339(times.parse(value))
        except ValueError:
            return value
    return value
