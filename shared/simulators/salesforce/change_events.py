"""Change Data Capture: what a change is as an event, in the CometD form and in that of Event Relay."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

import orjson
from pydantic import JsonValue

from simulators.records import Fields
from simulators.salesforce.definitions import USER_ID
from simulators.salesforce.records import PERSONS, pushed_value
from simulators.vendor import Change
from synckit import times

API_VERSION: Final = "67.0"
ORIGIN: Final = f"com/salesforce/api/rest/{API_VERSION};client=Simulator/"

_NAME_PARTS: Final = ("Salutation", "FirstName", "MiddleName", "LastName", "Suffix")
_ADDRESS_PARTS: Final = (
    "Street",
    "City",
    "State",
    "StateCode",
    "PostalCode",
    "Country",
    "CountryCode",
    "Latitude",
    "Longitude",
    "GeocodeAccuracy",
)
_ADDRESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "Account": ("Billing", "Shipping", "PersonMailing", "PersonOther"),
    "Contact": ("Mailing", "Other"),
    "Lead": ("",),
    "User": ("",),
}
_NOT_IN_EVENTS: Final = frozenset({"Id", "IsDeleted", "SystemModstamp"})

_TYPES: Final = {"create": "CREATE", "update": "UPDATE", "delete": "DELETE", "undelete": "UNDELETE"}


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to the records of one kind to which the same happened."""

    object: str
    type: str
    records: tuple[str, ...]
    fields: Fields
    """Flat, with REST's values: those changed, or all that are not empty."""


@dataclass(frozen=True, slots=True)
class Commit:
    """When and as what a transaction's event was committed."""

    key: UUID
    """The transaction's."""
    sequence: int
    """Of the event in the transaction, from 1."""
    number: int
    """Rises with every event of the organization."""
    replay_id: int
    """The event's place in the stream."""
    moment: int
    """Milliseconds since 1970."""


def events_of(changes: Iterable[Change]) -> list[Event]:
    """The events of one transaction, in order. Updates that are the same for several records are merged into one."""
    found: dict[object, Event] = {}
    for place, change in enumerate(changes):
        after = change.after
        kind = _TYPES[change.action]
        fields = _told(change)
        merged = (after.object, orjson.dumps(fields)) if kind == "UPDATE" else place
        records = found[merged].records if merged in found else ()
        found[merged] = Event(after.object, kind, (*records, after.id), fields)
    return list(found.values())


def _told(change: Change) -> dict[str, JsonValue]:
    after = {name: value for name, value in change.after.fields.items() if name not in _NOT_IN_EVENTS}
    if change.action == "delete":
        return {}
    if change.action != "update" or change.before is None:
        return {name: value for name, value in after.items() if value is not None}
    before = change.before.fields
    return {
        name: value
        for name, value in after.items()
        if name == "LastModifiedDate" or value != before.get(name) or type(value) is not type(before.get(name))
    }


def payload(event: Event, commit: Commit) -> dict[str, JsonValue]:
    """The event's payload: its header, and its fields with compounds nested."""
    parts = _compounds(event.object)
    changed = [".".join(parts.get(name, (name,))) for name in event.fields] if event.type == "UPDATE" else []
    header: dict[str, JsonValue] = {
        "entityName": event.object,
        "recordIds": list(event.records),
        "changeType": event.type,
        "changeOrigin": ORIGIN,
        "transactionKey": str(commit.key),
        "sequenceNumber": commit.sequence,
        "commitTimestamp": commit.moment,
        "commitNumber": commit.number,
        "commitUser": USER_ID,
        "changedFields": list(changed),
    }
    return {"ChangeEventHeader": header, **_nested(event.fields, parts)}


def cometd(event: Event, commit: Commit) -> bytes:
    """The event as a CometD client is handed it."""
    name = event_name(event.object)
    schema = base64.urlsafe_b64encode(hashlib.md5(name.encode(), usedforsecurity=False).digest()).decode().rstrip("=")
    data = {"schema": schema, "payload": payload(event, commit), "event": {"replayId": commit.replay_id}}
    return orjson.dumps({"channel": f"/data/{name}", "data": data})


def event_relay(event: Event, commit: Commit, organization_id: str) -> bytes:
    """The event as Amazon EventBridge passes it on."""
    name = event_name(event.object)
    return orjson.dumps(
        {
            "version": "0",
            "id": str(uuid5(commit.key, str(commit.sequence))),
            "detail-type": name,
            "source": f"aws.partner/salesforce.com/{organization_id}/ChangeEvents",
            "account": "000000000000",
            "time": times.rfc3339(commit.moment // 1000 * 1000).replace(".000Z", "Z"),
            "region": "us-east-1",
            "resources": [],
            "detail": {"payload": payload(event, commit)},
        }
    )


def event_name(object_name: str) -> str:
    """`ContactChangeEvent`; of a custom object `Employee__ChangeEvent`, without its `c`."""
    return f"{object_name.removesuffix('c') if object_name.endswith('__c') else object_name}ChangeEvent"


def _compounds(object_name: str) -> dict[str, tuple[str, str]]:
    """Which flat fields are parts of a compound one, and of which."""
    addresses = {
        f"{prefix}{part}": (f"{prefix}Address", part)
        for prefix in _ADDRESSES.get(object_name, ())
        for part in _ADDRESS_PARTS
    }
    return addresses | ({part: ("Name", part) for part in _NAME_PARTS} if object_name in PERSONS else {})


def _nested(fields: Fields, parts: Mapping[str, tuple[str, str]]) -> dict[str, JsonValue]:
    flat = {name: pushed_value(value) for name, value in fields.items() if name not in parts}
    compound: dict[str, dict[str, JsonValue]] = {}
    for name, value in fields.items():
        if name in parts:
            whole, part = parts[name]
            compound.setdefault(whole, {})[part] = pushed_value(value)
    return {**flat, **compound}
