"""The JSON door of Salesforce: change events in the CometD and Event Relay forms, and Apex callouts.

Change events: https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from synckit import documents, identity, times, versions
from synckit.errors import PoisonError
from webhook_ingest.models import MisunderstoodError, Parsed, Quarantine, Understanding
from webhook_ingest.parsers import salesforce
from webhook_ingest.parsers.salesforce import MOST_ITEMS, TOO_MANY

HEADER: Final = "ChangeEventHeader"
RECORD_IDS: Final = f"/{HEADER}/recordIds"
COMMITTED: Final = f"/{HEADER}/commitTimestamp"
LONGEST_NAME: Final = 80
LONGEST_ID: Final = 40
MOST_BYTES: Final = 16 * 1024 * 1024
"""What one body may become: a merged event is repeated for each of its records, a former one for each that follows."""
OBJECT_BY_PREFIX: Final = {"001": "Account", "003": "Contact", "005": "User", "00Q": "Lead"}


def understand(body: bytes, signed_at: int | None) -> Understanding:
    """Every event and record in a body; what is not understood is set aside, alone where it stands in a list.

    `signed_at` is the signed timestamp in milliseconds since 1970, which stands in where an Apex record has no
    modification time of its own.
    """
    try:
        document = documents.parse(body)
    except PoisonError as error:
        return Understanding(quarantined=(Quarantine(error.code, body),))
    items = document if isinstance(document, list) else [document]
    if not items or len(items) > MOST_ITEMS:
        return Understanding(quarantined=(Quarantine(TOO_MANY if items else "unknown_shape", body),))
    parsed: list[Parsed] = []
    quarantined: list[Quarantine] = []
    room = MOST_BYTES
    for item in items:
        understood, not_understood = _understood(item, body if item is document else None, signed_at, room)
        parsed += understood
        quarantined += not_understood
        is_full = any(one.reason == TOO_MANY for one in not_understood)
        room = 0 if is_full else room - Understanding(tuple(understood), tuple(not_understood)).size
    each_once = {(one.event_id, one.value): one for one in parsed}  # what a record was may be what another one became
    return Understanding(tuple(each_once.values()), tuple(quarantined))


def _understood(
    item: Any, body: bytes | None, signed_at: int | None, room: int
) -> tuple[list[Parsed], list[Quarantine]]:
    """The records of an item and those that are set aside.

    It is set aside as it came where nothing is understood, or where its records have more bytes than there is room.
    """
    payload, where = _unwrapped(item)
    try:
        each = _fitting(_parsed(payload, signed_at), room)
    except MisunderstoodError as error:
        each = [Quarantine(error.reason, b"", error.pointer)]
    parsed = [one for one in each if isinstance(one, Parsed)]
    aside = [one for one in each if isinstance(one, Quarantine)]
    if parsed or not aside:
        return parsed, aside
    whole = documents.dumps(item) if body is None else body
    return [], [Quarantine(aside[0].reason, whole, where + aside[0].pointer)]


def _fitting(parts: Iterable[Parsed | Quarantine], room: int) -> list[Parsed | Quarantine]:
    """What an item becomes, in so many bytes at most."""
    found = []
    for one in parts:
        room -= one.size
        if room < 0:
            raise MisunderstoodError(TOO_MANY)
        found.append(one)
    return found


def _parsed(payload: Any, signed_at: int | None) -> Iterable[Parsed | Quarantine]:
    if not isinstance(payload, dict):
        raise MisunderstoodError("unknown_shape")
    if HEADER in payload:
        return _change_events(payload)
    if "new" in payload or "old" in payload:
        return _apex_records(_records(payload, "new"), _records(payload, "old"), signed_at)
    if "attributes" in payload or "Id" in payload:
        return [_apex_record(salesforce.record_id(payload.get("Id")), payload, None, signed_at)]
    raise MisunderstoodError("unknown_shape")


def _unwrapped(item: Any) -> tuple[Any, str]:
    """The payload inside `{channel, data}` (CometD), `{detail}` (EventBridge) or `{payload}`, and where it stands."""
    where = ""
    for wrapper in ("data", "detail", "payload"):
        if isinstance(item, dict) and HEADER not in item and isinstance(item.get(wrapper), dict):
            item, where = item[wrapper], f"{where}/{wrapper}"
    return item, where


def _change_events(payload: dict[str, Any]) -> Iterator[Parsed | Quarantine]:
    header = payload[HEADER]
    if not isinstance(header, dict):
        raise MisunderstoodError("malformed_header", f"/{HEADER}")
    name, change, transaction = (
        _name(header.get(key), f"/{HEADER}/{key}") for key in ("entityName", "changeType", "transactionKey")
    )
    sequence, committed = header.get("sequenceNumber"), _committed(header.get("commitTimestamp"))
    ids = header.get("recordIds")
    if not isinstance(ids, list) or not ids:
        raise MisunderstoodError("malformed_header", RECORD_IDS)
    if not isinstance(sequence, int) or isinstance(sequence, bool):
        raise MisunderstoodError("malformed_header", f"/{HEADER}/sequenceNumber")
    for given in ids:
        alone = {**payload, HEADER: {**header, "recordIds": [given]}}
        try:
            record_id = _change_id(given)
        except MisunderstoodError as error:
            yield Quarantine(error.reason, documents.dumps(alone), error.pointer)
            continue
        alone[HEADER]["recordIds"] = [record_id]
        yield Parsed(
            event_id=identity.event_id("change_event", transaction, str(sequence), record_id),
            type=f"change_event.{name}.{change}",
            key=record_id,
            subject=record_id,
            value=documents.dumps(alone),
            time=committed,
            fact_version=versions.pushed(committed),
            observed_at=committed,
            vendor_event_id=f"{transaction}:{sequence}",
        )


def _name(value: object, pointer: str) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_NAME or not value.isprintable():
        raise MisunderstoodError("malformed_header", pointer)
    return value


def _committed(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MisunderstoodError("malformed_time", COMMITTED)
    try:
        times.moment(value)
    except ValueError:
        raise MisunderstoodError("malformed_time", COMMITTED) from None
    return value


def _change_id(value: object) -> str:
    """A record id, or what stands for many: a wildcard (`001*`), or the all-zero id of an overflow."""
    if isinstance(value, str) and value.endswith("*") and value[:-1].isalnum() and len(value) <= LONGEST_ID:
        return value
    return salesforce.record_id(value, f"{RECORD_IDS}/0")


def _records(payload: dict[str, Any], side: str) -> list[dict[str, Any]]:
    """Trigger.new and Trigger.old: a list, one record, or nothing."""
    value = payload.get(side)
    records = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(record, dict) for record in records):
        raise MisunderstoodError("unknown_shape", f"/{side}")
    return records


def _apex_records(
    new: list[dict[str, Any]], old: list[dict[str, Any]], signed_at: int | None
) -> Iterator[Parsed | Quarantine]:
    """Each new record with the old one of its id, then each old one that none of the new ones follows."""
    if not new and not old:
        raise MisunderstoodError("unknown_shape")
    before = {salesforce.record_id_or_none(record.get("Id")): record for record in old}
    after = {salesforce.record_id_or_none(record.get("Id")) for record in new} - {None}
    alone = [record for record in old if salesforce.record_id_or_none(record.get("Id")) not in after]
    for side, record in [*(("new", one) for one in new), *(("old", one) for one in alone)]:
        try:
            record_id = salesforce.record_id(record.get("Id"))
            former = before.get(record_id) if side == "new" else record
            yield _apex_record(record_id, record if side == "new" else None, former, signed_at)
        except MisunderstoodError as error:
            yield Quarantine(error.reason, documents.dumps({side: [record]}), f"/{side}/0{error.pointer}")


def _apex_record(
    record_id: str, new: dict[str, Any] | None, old: dict[str, Any] | None, signed_at: int | None
) -> Parsed:
    record: Mapping[str, Any] = new if new is not None else old or {}
    name = _object_of(record, record_id)
    modified = salesforce.modified_ms(record) or signed_at
    return Parsed(
        event_id=identity.event_id("apex_callout", record_id, salesforce.fingerprint(record)),
        type=f"apex_callout.{name}",
        key=record_id,
        subject=record_id,
        value=documents.dumps({"object": name, "new": new, "old": old}),
        time=modified,
        fact_version=None if modified is None else versions.pushed(modified),
        observed_at=modified,
    )


def _object_of(record: Mapping[str, Any], record_id: str) -> str:
    attributes = record.get("attributes")
    if isinstance(attributes, dict):
        return _name(attributes.get("type"), "/attributes/type")
    name = OBJECT_BY_PREFIX.get(record_id[:3])
    if name is None:
        raise MisunderstoodError("unknown_object", "/Id")
    return name
