"""What every form of Salesforce's pushes has in common: ids, times, and what makes two records the same."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, TypeVar

from synckit import identity, times
from synckit.mirror.facts import canonical
from webhook_ingest.models import MisunderstoodError, Parsed, Quarantine

MODIFIED: Final = ("SystemModstamp", "LastModifiedDate")
"""What says when a record was modified, best first: automation does not move the second."""
MOST_ITEMS: Final = 1_000
"""Of one body: five times what a vendor is known to send at once, and understood within 50 ms."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""What one body may become: a merged event is repeated for each of its records, a former one for each that follows."""
RECORD_BYTES: Final = 2 * 1024
"""What each of them costs beside its own: headers, ids, its place in a batch."""
TOO_MANY: Final = "too_many_records"

Part = TypeVar("Part", Parsed, Quarantine, Parsed | Quarantine)


def fitting(parts: Iterable[Part], room: int) -> list[Part]:
    """What a body becomes, in so many bytes at most; MisunderstoodError where that is too much."""
    found = []
    for one in parts:
        room -= size(one)
        if room < 0:
            raise MisunderstoodError(TOO_MANY)
        found.append(one)
    return found


def size(part: Parsed | Quarantine) -> int:
    """The bytes that a part costs."""
    return RECORD_BYTES + len(part.value if isinstance(part, Parsed) else part.body)


def record_id(value: object, pointer: str = "/Id") -> str:
    """The 18-character id; MisunderstoodError for what is none."""
    found = record_id_or_none(value)
    if found is None:
        raise MisunderstoodError("malformed_id", pointer)
    return found


def record_id_or_none(value: object) -> str | None:
    """The 18-character id; None for what is none."""
    try:
        return identity.salesforce_id18(value) if isinstance(value, str) else None
    except ValueError:
        return None


def modified_ms(fields: Mapping[str, Any]) -> int | None:
    """When a record says that it was modified, in milliseconds since 1970; None where it says nothing.

    MisunderstoodError where what it says is no time.
    """
    name = next((name for name in MODIFIED if fields.get(name)), None)
    if name is None:
        return None
    try:
        return times.parse(fields[name])
    except ValueError:
        raise MisunderstoodError("malformed_time", f"/{name}") from None


def fingerprint(content: object) -> str:
    """The SHA-256 of a value in canonical form: the same for the same data, however it was written down."""
    return sha256(canonical(content)).hexdigest()
