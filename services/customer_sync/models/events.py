"""What customer_sync makes of a record of the webhook topic, before and after the merge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synckit.contracts.headers import EventHeaders
from synckit.mirror.facts import Cause, Fact


@dataclass(frozen=True, slots=True)
class Notification:
    """A record of the webhook topic, decoded as far as every form allows."""

    headers: EventHeaders
    body: dict[str, Any]
    cause: Cause


@dataclass(frozen=True, slots=True)
class Hint:
    """Something about a record, or about all of an object, that is better read than believed."""

    object: str
    id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a notification says: facts to merge, and what it asks to be read."""

    object: str
    id: str
    cause: Cause
    facts: Sequence[Fact] = ()
    hints: Sequence[Hint] = ()
    outcome: str = "merged"
    """merged, hint, implausible_time, or ignored (nobody needs it)."""
