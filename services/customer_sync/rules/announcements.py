"""What customer_sync publishes of its own: customers as they stand."""

from datetime import datetime
from typing import Any, Final

from synckit import documents, times
from synckit.contracts.headers import EventHeaders
from synckit.contracts.topics import CUSTOMERS_CHANGES
from synckit.contracts.values import CustomerChanged
from synckit.identity import event_id
from synckit.mirror.facts import Cause
from synckit.outbox.store import Event
from synckit.postgres import Row

SOURCE = "/customers"
_MADE: Final = ("customer_id", "salesforce_ids", "merged_into", "created_at", "deleted_at")
_COPIED: Final = tuple(sorted(CustomerChanged.model_fields.keys() - set(_MADE)))


def customer_changed(row: Row, cause: Cause) -> Event:
    """The record for a customer whose row was written."""
    key, version = str(row["id"]), row["source_version"]
    headers = EventHeaders(
        id=event_id("customer-changed", key, str(version)),
        source=SOURCE,
        type="paintbox.customer.changed.v1",
        subject=key,
        time=cause.received_at,
        received_at=cause.received_at,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
        fact_version=version,
    )
    value = documents.dumps(_value(row, key))
    return Event(topic=CUSTOMERS_CHANGES.name, key=key, headers=headers.encoded(), value=value)


def _value(row: Row, key: str) -> dict[str, Any]:
    """What CustomerChanged writes of it, which a test compares: a model for each row is a tenth of a batch's time."""
    merged_into = row["merged_into"]
    value = {name: row[name] for name in _COPIED}
    value["customer_id"] = key
    value["salesforce_ids"] = [one for one in (row["salesforce_id"], row["salesforce_account_id"]) if one]
    value["merged_into"] = None if merged_into is None else str(merged_into)
    value["created_at"] = _moment(row["created_at"])
    value["deleted_at"] = _moment(row["deleted_at"])
    return value


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else times.rfc3339(times.milliseconds(moment))
