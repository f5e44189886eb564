"""The normal form of Salesforce's values: REST's flat names and JSON types, whatever channel they came by."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from customer_sync.models.configuration import FieldType
from synckit import times
from synckit.identity import salesforce_id18
from synckit.mirror.facts import OURS

ADDRESS_PARTS: Final = (
    *("Street", "City", "State", "StateCode", "PostalCode", "Country", "CountryCode"),
    *("Latitude", "Longitude", "GeocodeAccuracy"),
)
PLACE_PARTS: Final = ("Latitude", "Longitude")
NESTED: Final = frozenset({"attributes", "records"})
_MAYBE_COMPOUND: Final = ("Address", "__c")
_MOST_DIGITS: Final = 17


def normal_fields(fields: Mapping[str, Any], types: Mapping[str, FieldType]) -> dict[str, Any]:
    """The fields under REST's flat names (`MailingStreet`), in REST's JSON types.

    A value that is not of its field's type stays as it came: the projection says what is wrong with it. Names that
    begin as ours do are no field of Salesforce's: they are left out, or anybody could delete by an attribute.
    """
    normal = {}
    for name, value in _flat(fields, types):
        kind = types.get(name)
        if not name.startswith(OURS):
            normal[name] = value if kind is None else normal_value(value, kind)
    return normal


def changed_fields(
    header: Mapping[str, Any], fields: Mapping[str, Any], types: Mapping[str, FieldType]
) -> tuple[dict[str, Any], bool]:
    """What a change event changed, and whether it changed more than it shows; `header` is its ChangeEventHeader.

    As Pub/Sub and Apex have it (theirs alone names nulled fields) an UPDATE holds every field, and those that did not
    change are null too. A long text may be a difference to what it was, and bitmaps name what only a schema tells. A
    DELETE shows no field, or every one as null.
    """
    if header.get("changeType") == "DELETE":
        return {}, False
    values = normal_fields(fields, types)
    if not isinstance(header.get("nulledFields"), list) or header.get("changeType") != "UPDATE":
        return values, False
    nulled, differing = _named(header["nulledFields"], types), _named(header.get("diffFields"), types)
    shown = {
        name: value for name, value in values.items() if name not in differing and (value is not None or name in nulled)
    }
    return shown, bool(differing or nulled - values.keys())


def _named(names: Any, types: Mapping[str, FieldType]) -> set[str]:
    """The flat names of fields in a header: `Email`, `MailingAddress.Street`."""
    found: set[str] = set()
    for name in names if isinstance(names, list) else ():
        compound, _, part = str(name).partition(".")
        found |= normal_fields({compound: {part: None} if part else None}, types).keys()
    return found


def normal_value(value: Any, kind: FieldType | None) -> Any:
    """One value in its field's JSON type."""
    if value is None or kind is None:
        return value
    try:
        return _CONVERSIONS[kind](value)
    except (ValueError, OverflowError):
        return value


def _flat(fields: Mapping[str, Any], types: Mapping[str, FieldType]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict) or (value is None and name.endswith(_MAYBE_COMPOUND)):
            yield from _parts(name, value, types)
        else:
            yield name, value


def _parts(name: str, value: Any, types: Mapping[str, FieldType]) -> Iterator[tuple[str, Any]]:
    """Compound fields by their parts: `MailingAddress.Street` is `MailingStreet`, `Name.LastName` is `LastName`.

    A custom field that is null is a place only where the types name its parts: nothing else tells. Records and lists of
    records that are nested are no fields of this one.
    """
    is_address = name.endswith("Address")
    prefix = name.removesuffix("Address") if is_address else ""
    if isinstance(value, dict) and "attributes" not in value and (is_address or name == "Name"):
        yield from ((prefix + _capital(part), inner) for part, inner in value.items())
    elif isinstance(value, dict) and "attributes" not in value and name.endswith("__c"):
        yield from ((_place_part(name, part), inner) for part, inner in value.items())
    elif is_address and value is None:
        yield from ((prefix + part, None) for part in ADDRESS_PARTS)
    elif value is None and name.endswith("__c") and _place_part(name, "Latitude") in types:
        yield from ((_place_part(name, part), None) for part in PLACE_PARTS)
    elif not isinstance(value, dict) or not value.keys() & NESTED:
        yield name, value


def _place_part(name: str, part: str) -> str:
    return f"{name[:-1]}{_capital(part)}__s"


def _capital(part: str) -> str:
    return part[:1].upper() + part[1:]


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError("no truth value")


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 2 * _MOST_DIGITS:
        raise ValueError("no number")
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN is the value unlike itself
        raise ValueError("no finite number")
    return int(number) if number.is_integer() and abs(number) < 10**_MOST_DIGITS else number


def _datetime(value: Any) -> str:
    return times.rfc3339(times.parse(value))


def _id(value: Any) -> Any:
    return salesforce_id18(value) if isinstance(value, str) else value


_CONVERSIONS: Final = {"boolean": _boolean, "number": _number, "datetime": _datetime, "id": _id}
