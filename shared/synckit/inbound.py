"""From a webhook's record to facts, hints and a conclusion: what the consumers of both vendors share."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal
from uuid import UUID

from synckit import documents, times, versions
from synckit.columns import Problem
from synckit.consumer.batch import Incoming
from synckit.contracts.headers import LATE, EventHeaders
from synckit.contracts.topics import SYNC_REQUESTS
from synckit.contracts.values import SyncRequest
from synckit.errors import PoisonError
from synckit.identity import event_id
from synckit.integrations.events import Status
from synckit.integrations.webhooks import Conclusion
from synckit.mirror.facts import Cause, Fact
from synckit.mirror.merge import Merged
from synckit.mirror.store import Touched
from synckit.outbox.store import Event

EARLIEST_SECOND: Final = 915_148_800
"""1999-01-01: neither vendor has an older record."""
IMPLAUSIBLE: Final = "implausible_time"


@dataclass(frozen=True, slots=True)
class Notification:
    """A record of a webhook topic, decoded as far as every form allows."""

    headers: EventHeaders
    body: dict[str, Any]
    cause: Cause
    told_at: int
    """When this delivery came, in milliseconds since 1970, by the later of two clocks: the door's and the broker's.
    Of one that came from the spool by the door's alone."""

    @property
    def version(self) -> int:
        """How new the record was that it shows, as the door computed it; UNKNOWN where the vendor does not say."""
        return self.headers.fact_version or versions.UNKNOWN


@dataclass(frozen=True, slots=True)
class Hint:
    """Something about a record, or (no id) about all of an object, that is better read than believed."""

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


Asked = tuple[Hint, Cause]
"""A record to read, and the event that made us ask."""


def decode(record: Incoming, head: EventHeaders, received_at: int) -> Notification:
    """The notification in a record, received first at a time; PoisonError where its value is no JSON object."""
    if record.value is None:
        raise PoisonError("null_value", "a webhook record has no value")
    body = documents.parse(record.value)
    if not isinstance(body, dict):
        raise PoisonError("malformed_value", "the value is no JSON object")
    cause = Cause(
        event_id=head.id, correlation_id=head.correlation_id, traceparent=head.traceparent, received_at=received_at
    )
    known_at = (head.spooled_at or 0) if LATE in record.headers else record.timestamp
    return Notification(head, body, cause, told_at=max(head.received_at, known_at))


def believed(notification: Notification, reading: Reading) -> Reading:
    """The reading, or a hint instead where the record claims a time that cannot be: a wrong clock must not win.

    As of this delivery, which may show again what was first received long ago. A door's clock may be behind: what is
    true now would be taken for the future.
    """
    if not reading.facts:
        return reading
    own = (stamp.version for fact in reading.facts if fact.own_stamps for stamp in fact.own_stamps.values())
    if all(_is_plausible(claimed, notification.told_at) for claimed in (notification.version, *own)):
        return reading
    return hinting(notification, reading.object, reading.id, IMPLAUSIBLE)


def _is_plausible(version: int, told_at: int) -> bool:
    return version == versions.UNKNOWN or (
        not versions.is_ahead(version, told_at) and versions.second_of(version) >= EARLIEST_SECOND
    )


def hinting(notification: Notification, name: str, record_id: str | None, reason: str) -> Reading:
    """A reading that only asks for a read."""
    outcome = reason if reason == IMPLAUSIBLE else "hint"
    hints = (Hint(name, record_id, reason),)
    return Reading(name, record_id or notification.headers.subject, notification.cause, hints=hints, outcome=outcome)


def nothing_more(_: Merged) -> Iterable[str]:
    """No further reason to read a merged record again."""
    return ()


def asked_by(
    readings: Iterable[Reading], touched: Touched, further: Callable[[Merged], Iterable[str]] = nothing_more
) -> list[Asked]:
    """Every read that a batch asks for, once a record and reason, in the order of records."""
    asked: dict[Hint, Cause] = {}
    for reading in readings:
        for hint in (*reading.hints, *_doubts(reading, touched, further)):
            asked[hint] = reading.cause
    return sorted(asked.items(), key=lambda one: (one[0].object, one[0].id or "", one[0].reason))


def _doubts(reading: Reading, touched: Touched, further: Callable[[Merged], Iterable[str]]) -> Iterator[Hint]:
    for fact in reading.facts:
        merged = touched.merged[fact.object, fact.id]
        for reason in (*merged.doubts, *further(merged)):
            yield Hint(fact.object, fact.id, reason)


def sync_requested(service: Literal["salesforce", "companycam"], source: str, hint: Hint, cause: Cause) -> Event:
    """The record that asks for a read."""
    value = SyncRequest(
        service=service,
        entity_type=hint.object,
        ids=() if hint.id is None else (hint.id,),
        reason=hint.reason,
        requested_at=times.moment(cause.received_at),
        cause=cause.event_id,
    )
    headers = EventHeaders(
        id=event_id("sync-requested", str(cause.event_id), hint.object, hint.id or "", hint.reason),
        source=source,
        type="paintbox.sync.requested.v1",
        subject=value.key,
        time=cause.received_at,
        received_at=cause.received_at,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
    )
    return Event(topic=SYNC_REQUESTS.name, key=value.key, headers=headers.encoded(), value=value.encoded())


def conclusion(
    reading: Reading, touched: Touched, entity_id: UUID | None, problems: Callable[[Fact], Iterable[Problem]]
) -> Conclusion:
    """Merged is processed, also where nothing changed or the record is held; a hint or an unknown type is ignored.

    What the columns cannot take of a fact stands in the log of its event, whether a row changed or not.
    """
    merged = touched.merged[reading.object, reading.id] if reading.facts else None
    return Conclusion(
        status=Status.IGNORED if merged is None else Status.PROCESSED,
        entity_type=reading.object,
        external_id=reading.id,
        entity_id=None if merged is None else entity_id,
        metadata={
            "outcome": reading.outcome,
            "changed": merged is not None and merged.changed,
            "doubts": [] if merged is None else sorted(merged.doubts),
            "problems": [asdict(problem) for fact in reading.facts for problem in problems(fact)],
        },
    )
