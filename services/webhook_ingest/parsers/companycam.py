"""CompanyCam's webhooks: https://docs.companycam.com/docs/webhooks-1.

The payload nests the resource under its name (`payload.photo`); an older form is the resource itself. Some events are
about a part of it, a contact, a label or a tag: flat, theirs may be that part, which is never taken for the whole.
There is no delivery id: `webhook_id` is the subscription's.
"""

import re
from hashlib import sha256
from typing import Any, Final

from synckit import documents, identity, times, versions
from synckit.errors import PoisonError
from webhook_ingest.models import MisunderstoodError, Parsed, Quarantine, Understanding

LONGEST_TYPE: Final = 80
LONGEST_ID: Final = 50
_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,79}")
"""What a resource may be called: it becomes a part of keys and ids."""
CONTACT: Final = "contact"
WORD_EVENTS: Final = {"project.label_added": "label", "photo.tag_added": "tag"}
RESOURCES: Final = frozenset({"comment", CONTACT, "document", "photo", "project", "task", "todo_list", "video"})
"""What events are about by CompanyCam's own list, and so what may be said of a body in a log."""
CONTACT_EVENTS: Final = frozenset({"project.contact_created", "project.contact_updated"})
PROJECT_COMMENT: Final = "Location"
"""The `commentable_type` of a comment on a project."""


def understand(body: bytes) -> Understanding:
    """The one event in a body, or the body set aside."""
    try:
        return Understanding((_parsed(body, documents.parse(body)),))
    except PoisonError as error:
        return Understanding(quarantined=(Quarantine(error.code, body),))
    except MisunderstoodError as error:
        return Understanding(quarantined=(Quarantine(error.reason, body, error.pointer),))


def _parsed(body: bytes, document: Any) -> Parsed:
    if not isinstance(document, dict) or not isinstance(document.get("payload"), dict):
        raise MisunderstoodError("unknown_shape", "/payload" if isinstance(document, dict) else "")
    event_type, sent_at = _event_type(document.get("event_type")), _time(document, "created_at", "")
    if sent_at is None:
        raise MisunderstoodError("malformed_time", "/created_at")
    name, thing = _thing(document["payload"], event_type)
    if not _NAME.fullmatch(name):
        raise MisunderstoodError("no_resource", "/payload")
    where = _pointer(document["payload"], name, thing)
    thing_id = _id(thing, "id", where)
    modified = _time(thing, "updated_at", where)
    return Parsed(
        event_id=identity.event_id("companycam", str(document.get("webhook_id", "")), sha256(body).hexdigest()),
        type=event_type,
        key=_project_id(name, thing, where) or f"{name}:{thing_id}",
        subject=f"{name}/{thing_id}",
        value=body.removeprefix(documents.BOM),
        time=sent_at,
        fact_version=None if modified is None else versions.pushed(modified),
        observed_at=modified,
    )


def _thing(payload: dict[str, Any], event_type: str) -> tuple[str, dict[str, Any]]:
    """What the event is about: the nested resource, else the payload itself, else whatever stands there alone."""
    resource = event_type.partition(".")[0]
    if isinstance(payload.get(resource), dict):
        return resource, payload[resource]
    if "id" in payload:
        return _flat_name(payload, event_type), payload
    others = [(name, value) for name, value in payload.items() if isinstance(value, dict) and "id" in value]
    if not others:
        raise MisunderstoodError("no_resource", "/payload")
    return others[0]


def _flat_name(payload: dict[str, Any], event_type: str) -> str:
    """What a payload is that is no envelope: a part of the resource where the event is about one."""
    if event_type in CONTACT_EVENTS:
        return CONTACT
    if event_type in WORD_EVENTS and "display_value" in payload:
        return WORD_EVENTS[event_type]
    return event_type.partition(".")[0]


def _pointer(payload: dict[str, Any], name: str, thing: dict[str, Any]) -> str:
    """Where the thing stands, without a name that CompanyCam does not document."""
    if thing is payload:
        return "/payload"
    return f"/payload/{name if name in RESOURCES else '*'}"


def _project_id(name: str, thing: dict[str, Any], where: str) -> str | None:
    if name == "project":
        return _id(thing, "id", where)
    if thing.get("project_id") is not None:
        return _id(thing, "project_id", where)
    if name == "comment" and thing.get("commentable_type") == PROJECT_COMMENT:
        return _id(thing, "commentable_id", where)
    return None


def _event_type(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TYPE or not value.isprintable():
        raise MisunderstoodError("malformed_event_type", "/event_type")
    return value


def _id(thing: dict[str, Any], name: str, where: str) -> str:
    """An id in its normal form, text; CompanyCam sends numbers here and there."""
    value = thing.get(name)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_ID or not _ID.fullmatch(text):
        raise MisunderstoodError("malformed_id", f"{where}/{name}")
    return text


def _time(thing: dict[str, Any], name: str, where: str) -> int | None:
    """Epoch seconds, or ISO 8601 as the successor API writes it."""
    value = thing.get(name)
    if value is None:
        return None
    try:
        return times.parse(value)
    except ValueError:
        raise MisunderstoodError("malformed_time", f"{where}/{name}") from None
