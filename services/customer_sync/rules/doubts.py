"""What is better read again than believed."""

from collections.abc import Iterable, Iterator

from customer_sync.models.events import Hint, Reading
from synckit.mirror.facts import Cause
from synckit.mirror.merge import Merged
from synckit.mirror.store import Touched

Asked = tuple[Hint, Cause]
"""A record to read, and the event that made us ask."""


def asked_by(readings: Iterable[Reading], touched: Touched) -> list[Asked]:
    """Every read that a batch asks for, once a record and reason."""
    asked = dict((*_by_readings(readings), *_by_merge(readings, touched)))
    return sorted(asked.items(), key=lambda one: (one[0].object, one[0].id or "", one[0].reason))


def _by_readings(readings: Iterable[Reading]) -> Iterator[Asked]:
    for reading in readings:
        for hint in reading.hints:
            yield hint, reading.cause


def _by_merge(readings: Iterable[Reading], touched: Touched) -> Iterator[Asked]:
    for reading in readings:
        for fact in reading.facts:
            merged = touched.merged[fact.object, fact.id]
            for reason in (*merged.doubts, *_fragment(merged)):
                yield Hint(fact.object, fact.id, reason), fact.cause


def _fragment(merged: Merged) -> Iterator[str]:
    """A contact without a last name, which Salesforce demands: we have seen only a part of it."""
    record = merged.record
    if merged.changed and record.object == "Contact" and not record.is_deleted and record.get("LastName") is None:
        yield "fragment"
