"""What one delivery or read says about one record, and what is stored of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from synckit import versions

Json = Any
"""A JSON value in normal form: text, number, true, false, null, list or object."""

OURS = "$"
"""What the names of our own fields begin with, and no vendor's."""
DELETED = "$deleted"
"""Deletion is a field of its own: a DELETE sets it, an UNDELETE or a read clears it, a pushed snapshot leaves it."""
ABSENT = "$absent"
"""Not found by a full sweep. Any newer fact about the record outdates it."""


class Kind(Enum):
    """How a fact came to us."""

    READ = "read"
    PUSH = "push"


class Stamp(NamedTuple):
    """How new the value of one field is. Greater wins; equal ones are decided by the values.

    `sequence` is the place of a change event among those of its transaction, which share one version; 0 is the first,
    and whatever has no such place. Only versions of one transaction are equal and have places, so comparing places
    without asking for the transaction keeps the order total, and merging associative.
    """

    version: int = versions.UNKNOWN
    sequence: int = 0

    def encoded(self) -> Json:
        """What stands for it in the column `versions`: the bare number for nearly every fact."""
        return [self.version, self.sequence] if self.sequence else self.version

    @staticmethod
    def decoded(value: Json) -> "Stamp":
        """The stamp that `encoded` wrote."""
        return Stamp(*value) if isinstance(value, list) else Stamp(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The event behind a fact, as it is carried to whatever the fact leads to."""

    event_id: UUID
    correlation_id: UUID
    traceparent: str
    received_at: int
    """Of its first receipt, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What one delivery or read says about one record."""

    object: str
    id: str
    fields: Mapping[str, Json]
    stamp: Stamp
    kind: Kind
    cause: Cause
    own_stamps: Mapping[str, Stamp] = field(default_factory=dict)
    """Fields (of `fields`) that are newer or older than the rest: a deletion, a label."""
    sent_at: int = 0
    """When the vendor sent it, in milliseconds since 1970; 0 where unknown."""
    is_snapshot: bool = False
    """Whether it shows the record as it stood, so that it must not exist deleted."""

    def stamp_of(self, name: str) -> Stamp:
        """How new this fact's value of a field is."""
        return self.own_stamps.get(name, self.stamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The merged record, as the mirror stores it.

    `base_version` is the version of exactly the fields that stand in `fields` and have no entry in `versions`; a
    field in neither has version 0.
    """

    object: str
    id: str
    fields: Mapping[str, Json] = field(default_factory=dict)
    base_version: int = versions.UNKNOWN
    versions: Mapping[str, Json] = field(default_factory=dict)
    parent_id: str | None = None
    is_deleted: bool = False
    merged_into: str | None = None
    first_seen_at: int | None = None
    last_seen_at: int | None = None
    last_event_id: UUID | None = None
    locked_at: datetime | None = field(default=None, compare=False)
    """Since when the transaction that read it has held its lock, by its database's clock: of two states of a record
    the one that was locked later is the newer, also where their versions are equal. None where it was read unlocked."""

    def stamp_of(self, name: str) -> Stamp:
        """How new the stored value of a field is."""
        encoded = self.versions.get(name)
        if encoded is not None:
            return Stamp.decoded(encoded)
        return Stamp(self.base_version) if name in self.fields else Stamp()

    @property
    def stamps(self) -> dict[str, Stamp]:
        """The effective stamp of every field that is stored."""
        stamps = dict.fromkeys(self.fields, Stamp(self.base_version))
        for name, encoded in self.versions.items():
            if name in stamps:
                stamps[name] = Stamp.decoded(encoded)
        return stamps

    @property
    def newest(self) -> int:
        """The greatest version of any field: how new the record is as a whole."""
        own = [
            value if isinstance(value, int) else Stamp.decoded(value).version
            for name, value in self.versions.items()
            if name in self.fields
        ]
        if len(own) < len(self.fields):
            own.append(self.base_version)
        return max(own, default=versions.UNKNOWN)

    def get(self, name: str) -> Json:
        """The value of a field; None where it is null and where nobody ever said."""
        return self.fields.get(name)


def canonical(value: Json) -> bytes:
    """The one JSON text of a value: what ties are decided by, and what hashes are made of."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
