"""Records as CompanyCam's REST gives them, and what can be done to one."""

import base64
from collections.abc import Sequence
from dataclasses import replace as changed_copy
from typing import Final

from pydantic import JsonValue

from simulators.companycam.shapes import ADDRESS, CONTACT_PARTS, SHAPES
from simulators.companycam.store import count_photos
from simulators.records import Fields, Record
from simulators.storage import Connection
from simulators.vendor import InvalidInputError

READ_ONLY: Final = frozenset(
    {
        "id",
        "company_id",
        "status",
        "archived",
        "slug",
        "project_url",
        "public_url",
        "embedded_project_url",
        "photo_url",
        "created_at",
        "updated_at",
    }
)
COMPUTED: Final = frozenset({"photo_count", "capture_photo_deeplink"})
"""They follow from other records and fields whenever a project is shown, so what is given for them does not count."""
NESTED: Final = frozenset({"address", "primary_contact", "coordinates"})
LISTS: Final = frozenset({"geofence", "integrations", "feature_image", "uris", "sections", "sectionless_tasks"})
_LONGEST_ID: Final = 18
_CONTACT_ID_PREFIX: Final = "7"


def is_known(object_name: str) -> bool:
    """Whether CompanyCam has such records here."""
    return object_name in SHAPES


def parse_id(given: JsonValue) -> str:
    """The id, which is text of digits."""
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) <= _LONGEST_ID:
        return given
    raise InvalidInputError(f"An id is no text of 1 to {_LONGEST_ID} digits.")


def create(object_name: str, record_id: str, given: Fields, moment: int) -> Record:
    """A new record: what was given, and what CompanyCam sets."""
    second = moment // 1000
    shape = SHAPES[object_name](record_id, second)
    accepted = _accepted(given, {**shape, "id": given.get("id")})
    fields = _completed({**shape, **accepted, "id": record_id}, {}, second)
    return Record(object_name, record_id, fields, second)


def change(record: Record, given: Fields, moment: int) -> Record:
    """The record with these fields changed; nested objects are replaced whole."""
    return _stamped(record, {**record.fields, **_accepted(given, record.fields)}, moment)


def replace(record: Record, given: Fields, moment: int) -> Record:
    """The record with these fields, and all others as if they had not been given when it was made."""
    created = record.fields["created_at"]
    shape = SHAPES[record.object](record.id, created if isinstance(created, int) else 0)
    kept = {name: value for name, value in record.fields.items() if name in READ_ONLY}
    return _stamped(record, {**shape, **kept, **_accepted(given, record.fields)}, moment)


def delete(record: Record, moment: int) -> Record:
    """The record deleted; the very same where it is already."""
    if record.deleted:
        return record
    return changed_copy(_stamped(record, {**record.fields, "status": "deleted"}, moment), deleted=True)


def archive(record: Record, moment: int) -> Record:
    """The project archived; the very same where it is already, or where it is deleted."""
    if record.deleted or record.fields["archived"]:
        return record
    return _stamped(record, {**record.fields, "archived": True}, moment)


def restore(record: Record, moment: int) -> Record:
    """The project neither archived nor deleted; the very same where it is neither."""
    if not (record.deleted or record.fields["archived"]):
        return record
    back = _stamped(record, {**record.fields, "archived": False, "status": "active"}, moment)
    return changed_copy(back, deleted=False)


def show(connection: Connection, found: Sequence[Record]) -> list[Fields]:
    """The records as REST gives them."""
    photos = count_photos(connection, [each.id for each in found if each.object == "projects"])
    return [
        _shown_project(each, photos.get(each.id, 0)) if each.object == "projects" else each.fields for each in found
    ]


def _shown_project(record: Record, photos: int) -> Fields:
    name = str(record.fields["name"] or "")
    deeplink = f"ccam://camera/{record.id}/{base64.b64encode(name.encode()).decode()}"
    return {**record.fields, "photo_count": photos, "capture_photo_deeplink": deeplink}


def _stamped(record: Record, fields: Fields, moment: int) -> Record:
    second = moment // 1000
    completed = _completed({**fields, "updated_at": second}, record.fields, second)
    return changed_copy(record, fields=completed, stamped=second)


def _completed(fields: Fields, before: Fields, second: int) -> Fields:
    """With all the parts that an address and a contact have."""
    completed = dict(fields)
    if "address" in fields:
        completed["address"] = {**ADDRESS, **_object(fields["address"])}
    if fields.get("primary_contact") is not None:
        completed["primary_contact"] = _contact(fields, _object(before.get("primary_contact")), second)
    return completed


def _contact(fields: Fields, before: Fields, second: int) -> dict[str, JsonValue]:
    given = _object(fields["primary_contact"])
    parts = {part: given.get(part) for part in CONTACT_PARTS}
    is_same = bool(before) and all(parts[part] == before[part] for part in CONTACT_PARTS)
    return {
        "id": before.get("id", f"{_CONTACT_ID_PREFIX}{fields['id']}"),
        "project_id": fields["id"],
        **parts,
        "created_at": before.get("created_at", second),
        "updated_at": before["updated_at"] if is_same else second,
    }


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _accepted(given: Fields, current: Fields) -> Fields:
    """What counts of the given fields. One that only CompanyCam sets may be given with the value that it has."""
    for name, value in given.items():
        if name in READ_ONLY and value != current.get(name):
            raise InvalidInputError(f"{name} is set by CompanyCam.")
        if value is not None and (wrong := _wrong(name, value)):
            raise InvalidInputError(wrong)
    return {name: value for name, value in given.items() if name not in COMPUTED}


def _wrong(name: str, value: JsonValue) -> str | None:
    """What is wrong with the type of a value, in words."""
    if name.endswith("_id") and not isinstance(value, str):
        return "A field whose name ends in _id is not text."
    if name.endswith("_at") and (not isinstance(value, int) or isinstance(value, bool)):
        return "A field whose name ends in _at is no whole number of seconds."
    if name in NESTED and not isinstance(value, dict):
        return f"{name} is no object."
    if name in LISTS and not isinstance(value, list):
        return f"{name} is no array."
    return None
