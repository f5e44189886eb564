"""Ids as Salesforce makes them: three characters for the kind, a place, a number in base 62, three of checksum."""

from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final
from zlib import crc32

from synckit.identity import salesforce_id18

_DIGITS: Final = digits + ascii_uppercase + ascii_lowercase
_PLACE: Final = "5e0"
_NUMBER_LENGTH: Final = 9

_PREFIXES: Final = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "RecordType": "012",
    "Lead": "00Q",
    "Task": "00T",
    "Event": "00U",
    "Campaign": "701",
}
NOTIFICATION_PREFIX: Final = "04l"


def record_id(object_name: str, number: int) -> str:
    """The 18-character id of the nth record of this kind."""
    return numbered_id(_PREFIXES.get(object_name) or _custom_prefix(object_name), number)


def notification_id(number: int) -> str:
    """The id of the nth notification of an Outbound Message."""
    return numbered_id(NOTIFICATION_PREFIX, number)


def numbered_id(prefix: str, number: int) -> str:
    """The 18-character id with this prefix and number."""
    return salesforce_id18(prefix + _PLACE + _base62(number, _NUMBER_LENGTH))


def _custom_prefix(object_name: str) -> str:
    """Custom objects get `a` and two more characters, in the order of their making; here they come from the name."""
    return "a" + _base62(crc32(object_name.encode()) % len(_DIGITS) ** 2, 2)


def _base62(number: int, length: int) -> str:
    text = ""
    for _ in range(length):
        number, rest = divmod(number, len(_DIGITS))
        text = _DIGITS[rest] + text
    return text
