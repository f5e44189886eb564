"""Merging: last writer wins, field by field. Commutative, associative, idempotent; no I/O, no clock."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from synckit import versions
from synckit.mirror.facts import ABSENT, DELETED, Fact, Json, Kind, Record, Stamp, canonical

_RESHAPED: Final = re.compile(rb"-0\.0|e\+?1[6-9]")
"""What may be a number that JSONB gives back otherwise."""
_EXPONENT: Final = 1e16
"""From here on a float is written with one; JSONB gives it back as a whole number, which is read as an integer."""
_LEAST, _MOST = -(2**63), 2**64
"""What is read as an integer."""


class Doubt(StrEnum):
    """Why a merge cannot be sure, and asks for the record to be read again."""

    SAME_SECOND = "same_second"
    """Two pushes of one modified second disagree: the vendor's clock cannot tell which came last."""
    SAME_VERSION = "same_version"
    """Two facts of one version disagree; the greater canonical JSON was kept."""
    OUTDATED_READ = "outdated_read"
    """A push lost to a read that was made before the push was sent, and differs from it."""
    PUSHED_BUT_DELETED = "pushed_but_deleted"
    """A snapshot of a record came that we hold for deleted."""
    NO_VERSION = "no_version"
    """The fact does not say when the record was modified."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of a record, whether that differs from what was stored, and what is in doubt."""

    record: Record
    changed: bool
    doubts: frozenset[Doubt]


def merge(record: Record, facts: Sequence[Fact]) -> Merged:
    """The record after these facts, in whatever order they came.

    `changed` is about fields and versions: being seen once more changes nothing.
    """
    fields, stamps = dict(record.fields), record.stamps
    doubts: set[Doubt] = set()
    changed = False
    for fact in facts:
        changed |= _apply(fact, fields, stamps, doubts)
    if not changed:
        return Merged(record, changed=False, doubts=frozenset(doubts | _deleted_doubt(record, facts)))
    base, exceptions = _compress(stamps)
    seen = _seen(record, facts)
    merged = Record(
        object=record.object,
        id=record.id,
        fields=fields,
        base_version=base,
        versions=exceptions,
        parent_id=record.parent_id,
        is_deleted=_is_deleted(fields, stamps),
        merged_into=record.merged_into,
        first_seen_at=seen.first,
        last_seen_at=seen.last,
        last_event_id=seen.event_id,
        locked_at=record.locked_at,
    )
    return Merged(merged, changed=True, doubts=frozenset(doubts | _deleted_doubt(merged, facts)))


def _apply(fact: Fact, fields: dict[str, Json], stamps: dict[str, Stamp], doubts: set[Doubt]) -> bool:
    changed = False
    if fact.stamp.version == versions.UNKNOWN:
        doubts.add(Doubt.NO_VERSION)
    for name, value in fact.fields.items():
        stamp, stored = fact.stamp_of(name), stamps.get(name)
        if stored is None:
            wins = True
        elif _same(value, fields[name]):
            wins = stamp > stored
        else:
            wins = _wins(stamp, value, stored, fields[name])
            if not wins or versions.second_of(stamp.version) == versions.second_of(stored.version):
                doubts.update(_doubts(fact, stamp, stored, wins=wins))
        if wins:
            fields[name], stamps[name] = value, stamp
            changed = True
    return changed


def _same(one: Json, other: Json) -> bool:
    """Equal as JSON: Python's 1, 1.0 and True are one value, JSON's are three."""
    if one is other or type(one) is type(other) is str:
        return bool(one == other)
    return _text(one) == _text(other)


def _wins(stamp: Stamp, value: Json, stored: Stamp, stored_value: Json) -> bool:
    return stamp > stored or (stamp == stored and _text(value) > _text(stored_value))


def _doubts(fact: Fact, stamp: Stamp, stored: Stamp, *, wins: bool) -> Iterable[Doubt]:
    """What two different values of one field leave in doubt: nothing, where one won that is newer by a second."""
    if stamp.version == stored.version:
        yield Doubt.SAME_VERSION
        return
    winner = stamp if wins else stored
    if versions.second_of(stamp.version) == versions.second_of(stored.version) and not versions.is_read(winner.version):
        yield Doubt.SAME_SECOND
    lost_to_read = fact.kind is Kind.PUSH and not wins and versions.is_read(stored.version)
    if lost_to_read and versions.observed_ms(stored.version) < fact.sent_at:
        yield Doubt.OUTDATED_READ


def _deleted_doubt(record: Record, facts: Sequence[Fact]) -> set[Doubt]:
    pushed = any(fact.is_snapshot and fact.kind is Kind.PUSH for fact in facts)
    return {Doubt.PUSHED_BUT_DELETED} if record.is_deleted and pushed else set()


def _is_deleted(fields: dict[str, Json], stamps: dict[str, Stamp]) -> bool:
    if fields.get(DELETED):
        return True
    if not fields.get(ABSENT):
        return False
    return all(stamp <= stamps[ABSENT] for name, stamp in stamps.items() if name != ABSENT)


def _compress(stamps: dict[str, Stamp]) -> tuple[int, dict[str, Json]]:
    """The base version, which most fields share, and an entry for each field that has another stamp."""
    shared = {stamp: many for stamp, many in Counter(stamps.values()).items() if not stamp.sequence}
    base = max(shared, key=lambda stamp: (shared[stamp], stamp), default=Stamp())
    return base.version, {
        name: stamp.encoded() for name, stamp in stamps.items() if stamp is not base and stamp != base
    }


class _Seen(NamedTuple):
    first: int | None
    last: int | None
    event_id: UUID | None


def _seen(record: Record, facts: Sequence[Fact]) -> _Seen:
    first, last, event_id = record.first_seen_at, record.last_seen_at, record.last_event_id
    for fact in facts:
        received = fact.cause.received_at
        first = received if first is None else min(first, received)
        if last is None or received >= last:
            last, event_id = received, fact.cause.event_id
    return _Seen(first, last, event_id)


def _text(value: Json) -> bytes:
    """The one JSON text of a value, new or stored: JSONB has no -0.0, and whole numbers come back without exponent."""
    text = canonical(value)
    return canonical(_as_stored(value)) if _RESHAPED.search(text) else text


def _as_stored(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _as_stored(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_stored(one) for one in value]
    if isinstance(value, float):
        whole = int(Decimal(repr(value))) if abs(value) >= _EXPONENT else 0
        return whole if whole and _LEAST <= whole < _MOST else value or 0.0
    return value
