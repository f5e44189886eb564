"""What customer_sync publishes: customers as they stand, and requests to read a record again."""

from customer_sync.models.events import Hint
from synckit import times
from synckit.contracts.headers import EventHeaders
from synckit.contracts.topics import CUSTOMERS_CHANGES, SYNC_REQUESTS
from synckit.contracts.values import CustomerChanged, SyncRequest
from synckit.identity import event_id
from synckit.mirror.facts import Cause
from synckit.outbox.store import Event
from synckit.postgres import Row

SOURCE = "/customers"
_COLUMNS = sorted(CustomerChanged.model_fields.keys() - {"customer_id", "salesforce_ids"})


def customer_changed(row: Row, account_id: str | None, cause: Cause) -> Event:
    """The record for a customer whose row was written."""
    value = CustomerChanged(
        customer_id=row["id"],
        salesforce_ids=tuple(one for one in (row["salesforce_id"], account_id) if one),
        **{name: row[name] for name in _COLUMNS},
    )
    key = str(value.customer_id)
    headers = EventHeaders(
        id=event_id("customer-changed", key, str(value.source_version)),
        source=SOURCE,
        type="paintbox.customer.changed.v1",
        subject=key,
        time=cause.received_at,
        received_at=cause.received_at,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
        fact_version=value.source_version,
    )
    return Event(topic=CUSTOMERS_CHANGES.name, key=key, headers=headers.encoded(), value=value.encoded())


def sync_requested(hint: Hint, cause: Cause) -> Event:
    """The record that asks for a read."""
    value = SyncRequest(
        service="salesforce",
        entity_type=hint.object,
        ids=() if hint.id is None else (hint.id,),
        reason=hint.reason,
        requested_at=times.moment(cause.received_at),
        cause=cause.event_id,
    )
    headers = EventHeaders(
        id=event_id("sync-requested", str(cause.event_id), hint.object, hint.id or "", hint.reason),
        source=SOURCE,
        type="paintbox.sync.requested.v1",
        subject=value.key,
        time=cause.received_at,
        received_at=cause.received_at,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
    )
    return Event(topic=SYNC_REQUESTS.name, key=value.key, headers=headers.encoded(), value=value.encoded())
