"""Ids that are computed, never drawn: the same event, record or row has the same id on every replay."""

from hashlib import sha1
from string import ascii_uppercase
from uuid import UUID, uuid5

NAMESPACE = UUID("8d7c3f1e-52f5-5a39-9c1d-0a4f5a3b6c20")
EVENTS = uuid5(NAMESPACE, "events")
ROWS = uuid5(NAMESPACE, "rows")
_EVENTS, _ROWS = EVENTS.bytes, ROWS.bytes

SYSTEM_USER = UUID(int=0)
"""Who wrote a row that no person wrote (`created_by`, `updated_by`)."""

_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT, _LONG, _BLOCK = 15, 18, 5
_FREE_BITS = ~((0xF000 << 64) | (0xC000 << 48))
_VERSION_5 = (5 << 76) | (0x8000 << 48)


def event_id(*parts: str) -> UUID:
    """The id of the event with this identity; each part counts, also an empty one."""
    return _uuid5(_EVENTS, "\x1f".join(parts))


def row_id(table: str, *parts: str) -> UUID:
    """The id of the row that stands for this thing of a vendor or for this effect of an event."""
    return _uuid5(_ROWS, "\x1f".join((table, *parts)))


def _uuid5(namespace: bytes, name: str) -> UUID:
    """As `uuid.uuid5`, which takes twice as long; several are made of every event."""
    digest = sha1(namespace + name.encode(), usedforsecurity=False).digest()
    return UUID(int=(int.from_bytes(digest[:16], "big") & _FREE_BITS) | _VERSION_5)


def customer_id(salesforce_id: str) -> UUID:
    """The customer of a Contact (a person account's PersonContactId) or of a Lead, by its 18-character id."""
    return row_id("customers", salesforce_id)


def project_id(companycam_id: str) -> UUID:
    """The project of a CompanyCam project."""
    return row_id("projects", companycam_id)


def photo_id(companycam_id: str) -> UUID:
    """The photo of a CompanyCam photo."""
    return row_id("project_photos", companycam_id)


def salesforce_id18(text: str) -> str:
    """The 18-character form of a Salesforce id; ValueError for what has neither 15 nor 18 letters and digits.

    The three characters that are added encode which of the fifteen are capitals (salesforce.com, "ID Field Type").
    An 18-character id is taken as it is.
    """
    if len(text) not in {_SHORT, _LONG} or not (text.isascii() and text.isalnum()):
        raise ValueError("not a Salesforce id: 15 or 18 letters and digits")
    if len(text) == _LONG:
        return text
    blocks = (text[start : start + _BLOCK] for start in range(0, _SHORT, _BLOCK))
    return text + "".join(
        _CHECKSUM[sum(1 << at for at, c in enumerate(block) if c in ascii_uppercase)] for block in blocks
    )
