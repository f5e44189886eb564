"""Pieces of evidence for the checks of `paintbox prove`, without any server."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from paintbox.prove.contents import Told
from paintbox.prove.dump import Published
from paintbox.prove.ledger import Answered, Attempt, Delivery
from paintbox.prove.tables import CustomerLog, Doubted, Entity, EventRow, Mirrored, Receipt, SyncLog
from paintbox.prove.verdicts import Verdict
from synckit.identity import customer_id
from synckit.times import milliseconds, rfc3339

ONE: Final = UUID(int=1)
TWO: Final = UUID(int=2)
NOON: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
CORRELATION: Final = UUID(int=3)
TOPIC: Final = "paintbox.customers.changes.v1"
HEADERS: Final = {
    "ce_id": str(ONE).encode(),
    "ce_type": b"companycam.photo.created.v1",
    "ce_receivedat": rfc3339(milliseconds(NOON)).encode(),
    "ce_correlationid": str(CORRELATION).encode(),
    "ce_vendoreventid": b"7",
    "request": b'{"user_agent": "test"}',
}
"""Of a record of a webhook topic."""


def an_answer(event_id: UUID = ONE) -> Answered:
    return Answered(event_id, "Contact", "003", "salesforce delivery 1", 0)


def an_event(event_id: UUID = ONE, status: str = "PROCESSED", received_at: datetime = NOON) -> EventRow:
    return EventRow(event_id, status, received_at)


def a_receipt(event_id: UUID = ONE, received_at: datetime = NOON) -> Receipt:
    return Receipt(event_id, received_at)


def a_sync_log(event_id: UUID = ONE, status: str = "COMPLETED", **changes: Any) -> SyncLog:
    values: dict[str, Any] = {
        "service": "SALESFORCE",
        "entity_type": "Contact",
        "entity_id": str(customer_id("003")),
        "external_id": "003",
        "correlation_id": CORRELATION,
        "started_at": NOON,
        "outcome": "merged",
    }
    return SyncLog(event_id, status, **values | changes)


def a_told(one: UUID = ONE, received_at: datetime = NOON, raw: str | None = None, **said: str | None) -> Told:
    """As the log keeps it; with the bytes as a record carries it."""
    values: dict[str, str | None] = {
        "service": "SALESFORCE",
        "event_type": "outbound_message.Contact",
        "event_id": None,
        "correlation_id": str(CORRELATION),
        "request": "request",
        "payload": "payload",
    }
    return Told(one, milliseconds(received_at), values | said, raw)


def a_doubted(*doubts: str, record: str = "003") -> Doubted:
    return Doubted(ONE, "salesforce", "Contact", record, doubts)


def a_request(*ids: str, reason: str = "same_second") -> Published:
    said = {"service": "salesforce", "entity_type": "Contact", "ids": list(ids), "reason": reason}
    return Published("paintbox.sync.requests.v1", 0, 0, "k", TWO, said)


def a_customer_log(
    log_id: UUID = ONE, customer: UUID | None = TWO, version: int | None = 5, status: str = "COMPLETED"
) -> CustomerLog:
    return CustomerLog(log_id, customer, version, status, NOON)


def an_entity(key: str = "k", version: int = 5, **values: Any) -> Entity:
    return Entity(key, version, values or {"name": "Fence", "is_deleted": False})


def a_record(key: str = "k", version: int = 5, offset: int = 0, partition: int = 0, **value: Any) -> Published:
    said = {"source_version": version, "name": "Fence", "deleted_at": None, **value}
    return Published(TOPIC, partition, offset, key, ONE, said, correlation_id=CORRELATION)


def an_erasure(key: str = "k", offset: int = 1) -> Published:
    return Published(TOPIC, 0, offset, key, ONE, None)


def unreadable_record(key: str = "k", offset: int = 1) -> Published:
    return Published(TOPIC, 0, offset, key, ONE, None, unreadable=("value",))


def a_mirrored(deleted: Any = False, **fields: Any) -> Mirrored:
    return Mirrored({"id": "7", "name": "Fence", "created_at": "2026-11-22T12:00:00.000Z", **fields}, bool(deleted))


def a_delivery(*attempts: Attempt, **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "vendor": "companycam",
        "seq": 1,
        "form": "webhook",
        "event": "project.created",
        "records": ("7",),
        "copy_of": None,
        "state": "delivered",
        "attempts": attempts or (an_attempt(),),
        "sha256": "aa",
        "body": b"{}",
    }
    return Delivery(**values | changes)


def an_attempt(
    seconds: float = 0.01, status: int | None = 200, at_ms: int = 0, retry_after: str | None = None
) -> Attempt:
    return Attempt(at_ms, seconds, status, None if status == 200 else "refused", retry_after)


def subjects(verdict: Verdict) -> list[str]:
    """What violates it."""
    return [violation.subject for violation in verdict.violations]
