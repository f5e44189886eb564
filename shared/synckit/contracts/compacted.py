"""Reading a compacted topic: the last value of a key counts, and a null value erases it."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from synckit import versions
from synckit.contracts import headers, values
from synckit.contracts.headers import EventHeaders
from synckit.contracts.values import Versioned
from synckit.errors import PoisonError


class KafkaRecord(Protocol):
    """What a Kafka record holds."""

    @property
    def key(self) -> bytes | None:
        """The bytes of its key."""

    @property
    def value(self) -> bytes | None:
        """The bytes of its value; None erases, on a compacted topic."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers in their order."""


Value = TypeVar("Value", bound=Versioned)

BEHIND_MS: Final = 7 * versions.DAY_MS
"""How far the clock of whoever reads may be behind, so that a receipt counts before it is reached. A header is what its
sender wrote: one of the far future must not carry a version of the far future past the check."""


@dataclass(frozen=True, slots=True)
class Standing(Generic[Value]):
    """A value under its key, and the headers that it came with."""

    key: str
    value: Value
    headers: EventHeaders


@dataclass(frozen=True, slots=True)
class Erased:
    """A key that is to be forgotten."""

    key: str


@dataclass(frozen=True, slots=True)
class Compacted(Generic[Value]):
    """What a stretch of a compacted topic says: keys to erase first, then what stands, in order."""

    erased: tuple[str, ...]
    standing: tuple[Standing[Value], ...]


def decode(kind: type[Value], record: KafkaRecord) -> Standing[Value] | Erased:
    """What a record says. PoisonError where its key, headers or value are not of this kind."""
    if record.key is None:
        raise PoisonError("key_mismatch", "a record of a compacted topic has no key")
    try:
        key = record.key.decode()
    except UnicodeDecodeError:
        raise PoisonError("key_mismatch", "the record's key is not UTF-8") from None
    if record.value is None:
        return Erased(key)
    head = headers.decode(record.headers)
    value = values.decode(kind, record.value)
    if key != value.key:
        raise PoisonError("key_mismatch", "the record's key is not that of its value")
    # The clock of whoever reads may be behind; a receipt may be of long ago, where an old record was put through again.
    now = int(time.time() * 1000)
    if versions.is_ahead(value.source_version, max(now, min(head.received_at, now + BEHIND_MS))):
        raise PoisonError("implausible_version", "source_version is of a time that is yet to come")
    return Standing(key, value, head)


def with_uuid(one: Standing[Value] | Erased) -> Standing[Value] | Erased:
    """The same, where the key is a UUID as we spell it; PoisonError where it is none, so that it never named a row."""
    try:
        is_spelled_so = str(UUID(one.key)) == one.key
    except ValueError:
        is_spelled_so = False
    if not is_spelled_so:  # an erasure under another spelling is of another key, whose row there is not
        raise PoisonError("key_mismatch", "the record's key is no UUID")
    return one


def compact(said: Iterable[Standing[Value] | Erased]) -> Compacted[Value]:
    """Erasures first: what came before one, under its key, no longer counts."""
    standing: dict[str, list[Standing[Value]]] = {}
    erased: dict[str, None] = {}
    for one in said:
        if isinstance(one, Erased):
            standing.pop(one.key, None)
            erased[one.key] = None
        else:
            standing.setdefault(one.key, []).append(one)
    return Compacted(tuple(erased), tuple(one for group in standing.values() for one in group))
