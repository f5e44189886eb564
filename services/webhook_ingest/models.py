"""What the parsers make of a body, records that they understood and parts that they did not, and what goes on."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from synckit.contracts.headers import EventHeaders

RECORD_BYTES: Final = 2 * 1024
"""What a record costs beside its value: headers, ids, its place in a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A record for a webhook topic. Times are milliseconds since 1970."""

    event_id: UUID
    type: str
    """What the vendor calls it: `photo.created`, `change_event.Contact.UPDATE`."""
    key: str
    subject: str
    value: bytes
    time: int | None = None
    """When it happened, as far as the vendor says."""
    fact_version: int | None = None
    observed_at: int | None = None
    vendor_event_id: str | None = None

    @property
    def size(self) -> int:
        """Bytes, with what the record costs beside its value."""
        return RECORD_BYTES + len(self.value)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Bytes that were not understood, and why: a code of ours, nothing of theirs."""

    reason: str
    body: bytes
    pointer: str = ""
    """Where in the body, as a JSON pointer of documented names, `*` and numbers; empty for all of it."""

    @property
    def why(self) -> str:
        """The reason, and where."""
        return f"{self.reason}: {self.pointer}" if self.pointer else self.reason

    @property
    def size(self) -> int:
        """Bytes, with what the record costs beside its value."""
        return RECORD_BYTES + len(self.body)


@dataclass(frozen=True, slots=True)
class Understanding:
    """A body in parts."""

    parsed: tuple[Parsed, ...] = ()
    quarantined: tuple[Quarantine, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(one.size for one in self.parsed) + sum(one.size for one in self.quarantined)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to publish."""

    topic: str
    key: str
    headers: EventHeaders
    value: bytes


class MisunderstoodError(Exception):
    """A part of a body is not what the vendor documents. `reason` is a code of ours, `pointer` says where."""

    def __init__(self, reason: str, pointer: str = "") -> None:
        super().__init__(reason, pointer)
        self.reason = reason
        self.pointer = pointer
