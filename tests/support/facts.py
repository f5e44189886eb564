"""Valid facts, of which a test names only what matters."""

from typing import Any
from uuid import UUID, uuid5

from synckit import versions
from synckit.mirror.facts import Cause, Fact, Kind, Stamp

NAMES = UUID("00000000-0000-5000-8000-000000000000")
NOON_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z"""


def at(second: int, ms: int = 0) -> int:
    """The version of a push of so many seconds after noon."""
    return versions.pushed(NOON_MS + second * 1000 + ms)


def a_cause(name: str = "event", received_at: int = NOON_MS) -> Cause:
    event_id = uuid5(NAMES, name)
    return Cause(event_id=event_id, correlation_id=event_id, traceparent="", received_at=received_at)


def a_fact(version: int = at(0), sequence: int = 0, /, **fields: Any) -> Fact:
    """A push of a contact with these fields."""
    return Fact(
        object="Contact",
        id="003000000000001AAA",
        fields=fields,
        stamp=Stamp(version, sequence),
        kind=Kind.PUSH,
        cause=a_cause(),
    )
