"""What customer_sync publishes of its own: customers as they stand."""

from synckit.contracts.headers import EventHeaders
from synckit.contracts.topics import CUSTOMERS_CHANGES
from synckit.contracts.values import CustomerChanged
from synckit.identity import event_id
from synckit.mirror.facts import Cause
from synckit.outbox.store import Event
from synckit.postgres import Row

SOURCE = "/customers"
_COLUMNS = sorted(CustomerChanged.model_fields.keys() - {"customer_id", "salesforce_ids"})


def customer_changed(row: Row, cause: Cause) -> Event:
    """The record for a customer whose row was written."""
    value = CustomerChanged(
        customer_id=row["id"],
        salesforce_ids=tuple(one for one in (row["salesforce_id"], row["salesforce_account_id"]) if one),
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
