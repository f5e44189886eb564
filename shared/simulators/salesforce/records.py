"""Records as Salesforce keeps them: flat fields as REST gives them, and the stamps that only it sets."""

import re
from collections.abc import Sequence
from dataclasses import replace as changed_copy
from typing import Final

from pydantic import JsonValue

from simulators.records import Fields, Record
from simulators.salesforce.definitions import USER_ID
from simulators.storage import Connection
from simulators.vendor import InvalidInputError
from synckit import times
from synckit.identity import salesforce_id18

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REST_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")

PERSONS: Final = frozenset({"Contact", "Lead", "User"})
"""Their Name is made of its parts."""
STAMPS: Final = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp"})
READ_ONLY: Final = STAMPS | {"Id", "IsDeleted", "CreatedById", "LastModifiedById"}


def is_known(object_name: str) -> bool:
    """Whether it can be an object's name: any organization may have its own."""
    return _NAME.fullmatch(object_name) is not None


def parse_id(given: JsonValue) -> str:
    """The 18-character form of an id of 15 or 18 characters."""
    try:
        return salesforce_id18(given if isinstance(given, str) else "")
    except ValueError as error:
        raise InvalidInputError(f"An id is {error}.") from None


def create(object_name: str, record_id: str, given: Fields, moment: int) -> Record:
    """A new record: what was given, and what Salesforce sets."""
    _check(object_name, given, {"Id": given.get("Id")})
    stamp = rest_time(moment)
    owner: Fields = {} if object_name == "User" else {"OwnerId": USER_ID}
    system: Fields = {
        "Id": record_id,
        "IsDeleted": False,
        "CreatedDate": stamp,
        "CreatedById": USER_ID,
        "LastModifiedDate": stamp,
        "LastModifiedById": USER_ID,
        "SystemModstamp": stamp,
    }
    return Record(object_name, record_id, {"Id": record_id, **owner, **given, **system}, moment // 1000)


def change(record: Record, given: Fields, moment: int) -> Record:
    """The record with these fields changed; null empties one."""
    _check(record.object, given, record.fields)
    return _stamped(record, {**record.fields, **given, "Id": record.id}, moment)


def replace(record: Record, given: Fields, moment: int) -> Record:
    """The record with these fields; what it had beside them is null, as REST shows an emptied field."""
    emptied = {name: None for name in record.fields if name not in READ_ONLY | {"OwnerId"}}
    return change(record, {**emptied, **given}, moment)


def delete(record: Record, moment: int) -> Record:
    """The record in the recycle bin; the very same where it is there already."""
    if record.deleted:
        return record
    return changed_copy(_stamped(record, {**record.fields, "IsDeleted": True}, moment), deleted=True)


def undelete(record: Record, moment: int) -> Record:
    """The record back from the recycle bin; the very same where it was not there."""
    if not record.deleted:
        return record
    return changed_copy(_stamped(record, {**record.fields, "IsDeleted": False}, moment), deleted=False)


def show(_: Connection, found: Sequence[Record]) -> list[Fields]:
    """The records as REST gives them."""
    return [each.fields for each in found]


def rest_time(moment: int) -> str:
    """A moment (ms) as REST writes it, in whole seconds: `2013-05-20T20:49:32.000+0000`."""
    return times.rfc3339(moment // 1000 * 1000).replace("Z", "+0000")


def pushed_value(value: JsonValue) -> JsonValue:
    """A value as messages carry it: times end in `Z` there, in `+0000` in REST."""
    if isinstance(value, str) and _REST_TIME.fullmatch(value):
        return value.removesuffix("+0000") + "Z"
    return value


def _stamped(record: Record, fields: Fields, moment: int) -> Record:
    stamp = rest_time(moment)
    stamps = {"LastModifiedDate": stamp, "SystemModstamp": stamp}
    return changed_copy(record, fields={**fields, **stamps}, stamped=moment // 1000)


def _check(object_name: str, given: Fields, current: Fields) -> None:
    """Refuses what Salesforce would. A field that only it sets may be given with the value that it has."""
    for name, value in given.items():
        if not is_known(name):
            raise InvalidInputError("A field's name is not made of letters, digits and underscores.")
        if name in READ_ONLY and value != current.get(name):
            raise InvalidInputError(f"{name} is set by Salesforce.")
        if name == "Name" and object_name in PERSONS:
            raise InvalidInputError(f"Name of a {object_name} is made of FirstName and LastName: give those.")
        if isinstance(value, dict | list):
            raise InvalidInputError("A value is not a scalar: give the flat fields that REST gives.")
        if isinstance(value, str) and _UNPRINTABLE.search(value):
            raise InvalidInputError("A text holds a character that XML cannot carry.")
