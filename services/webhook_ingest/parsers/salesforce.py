"""What every form of Salesforce's pushes has in common: ids, times, and what makes two records the same."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from synckit import identity, times
from synckit.mirror.facts import canonical
from webhook_ingest.models import MisunderstoodError

MODIFIED: Final = ("SystemModstamp", "LastModifiedDate")
"""What says when a record was modified, best first: automation does not move the second."""
MOST_ITEMS: Final = 1_000
"""Of one body: five times what a vendor is known to send at once, and understood within 50 ms."""
TOO_MANY: Final = "too_many_records"


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
