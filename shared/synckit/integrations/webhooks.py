"""What every consumer of webhooks does around its own work: note the receipts before, record the outcome after."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import UUID

from synckit import documents, failpoints, parking, postgres
from synckit.consumer.batch import Batch, Incoming
from synckit.contracts import headers
from synckit.contracts.headers import EventHeaders
from synckit.errors import PoisonError
from synckit.integrations import cache, events
from synckit.integrations.events import Delivery, Outcome, Status
from synckit.integrations.receipts import Receipts, first_receipts
from synckit.integrations.services import service_of
from synckit.mirror.facts import Record
from synckit.observability import metrics
from synckit.postgres import Pool

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """The events of a batch by position, when each came first, and since when the batch is in hand."""

    heads: Mapping[int, EventHeaders]
    receipts: Receipts
    started: float

    def received_at(self, at: int) -> int:
        """The first receipt of the event at a position, in milliseconds since 1970."""
        return self.receipts[self.heads[at].id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a consumer has to say about an event that it could work on."""

    status: Status
    entity_type: str
    external_id: str
    entity_id: UUID | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


async def receive(pool: Pool, batch: Batch) -> Received:
    """Note the receipt of every event of the batch whose headers can be read; the others are condemned.

    One that was condemned before (the database refused it) is an event all the same, and is to be logged as failed.
    """
    started = monotonic()
    heads = batch.decode(_head) | dict(_heads_of_condemned(batch))
    async with postgres.session(pool) as connection:
        failpoints.hit("integrations.receive:before_commit")
        receipts = await first_receipts(connection, heads.values())
        failpoints.hit("integrations.receive:after_commit")
    return Received(heads, receipts, started)


async def conclude(
    pool: Pool,
    consumer: str,
    batch: Batch,
    received: Received,
    conclusions: Mapping[int, Conclusion],
    records: Sequence[Record],
) -> None:
    """Record a batch in the shared database, in one transaction: statuses, sync logs, parked records, the cache.

    After the owner's commit, before the offsets. `records` are the mirror's records that the batch was about.
    """
    milliseconds = round((monotonic() - received.started) * 1000)
    outcomes = [
        _outcome(batch, received, at, conclusions.get(at), milliseconds)
        for at in received.heads
        if at in conclusions or at in batch.condemned
    ]
    services = {service_of(received.heads[at]) for at in conclusions}  # what was refused may name another vendor
    async with postgres.transaction(pool, "integrations.conclude") as connection:
        duplicates = await events.record_outcomes(connection, outcomes)
        for service in sorted(services):
            await cache.store(connection, service, records)
        await parking.park(connection, consumer, batch.parked)
    if duplicates:
        topic = batch.records[0].topic
        metrics.DUPLICATES.labels(topic).inc(duplicates)
        log.info("Deliveries came again", extra={"topic": topic, "deliveries": duplicates})


def _heads_of_condemned(batch: Batch) -> Iterator[tuple[int, EventHeaders]]:
    for at in batch.condemned:
        with suppress(PoisonError):
            yield at, _head(batch.records[at])


def _head(record: Incoming) -> EventHeaders:
    head = headers.decode(record.headers)
    service_of(head)
    headers.http_request(head)
    return head


def _outcome(batch: Batch, received: Received, at: int, conclusion: Conclusion | None, milliseconds: int) -> Outcome:
    head, error = received.heads[at], batch.condemned.get(at)
    failed = Conclusion(status=Status.FAILED, entity_type="unknown", external_id=head.subject)
    said = conclusion if conclusion is not None and error is None else failed
    body = batch.records[at].value
    if said is conclusion and body is not None:
        value, raw = documents.parsed_for_jsonb(body), None
    else:
        value, raw = storable(body)
    return Outcome(
        delivery=Delivery(
            headers=head,
            value=value,
            received_at=received.received_at(at),
            status=said.status,
            error_message=None if error is None else f"parked: {error.code}: {error.reason}",
            raw=None if error is None else raw,
            duration_ms=milliseconds,
        ),
        entity_type=said.entity_type,
        external_id=said.external_id,
        entity_id=said.entity_id,
        error=error,
        metadata=said.metadata,
    )


def storable(value: bytes | None) -> tuple[bytes, bytes | None]:
    """A value as JSON that JSONB takes, and the bytes beside it where that is not what they are.

    JSON's null is no value for a column that demands one.
    """
    if value is None:
        return b"{}", None
    try:
        text = documents.for_jsonb(value)
    except PoisonError:
        return b"{}", value
    return (b"{}", value) if text.strip() == b"null" else (text, None)
