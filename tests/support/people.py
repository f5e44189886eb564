"""Douglas, his project and its photo: as CompanyCam sends them, and as customer_sync says that he is."""

from typing import Any, Final
from uuid import uuid4

from support import samples
from support.notifications import KafkaRecord
from support.samples import ACME, DOUGLAS
from synckit.contracts.headers import EventHeaders, to_kafka
from synckit.contracts.topics import CUSTOMERS_CHANGES
from synckit.contracts.values import CustomerChanged
from synckit.identity import customer_id

NOW: Final = 1_767_342_000
"""When the events of the samples were sent, in Unix seconds."""


def project(event_type: str = "project.created", /, sent_at: int = NOW, **changes: Any) -> bytes:
    """An event of the sample project, whose primary contact is Douglas."""
    document = samples.document("companycam_project_created.json")
    document["payload"]["project"] |= {"primary_contact": {"name": "D", "email": "douglas@example.com"}} | changes
    return samples.dumped(document | {"event_type": event_type, "created_at": sent_at})


def photo(event_type: str = "photo.created", /, **changes: Any) -> bytes:
    """An event of a photo of the sample project."""
    document = samples.document("companycam_photo_created.json")
    document["payload"]["photo"] |= changes
    return samples.dumped(document | {"event_type": event_type})


def customer(
    salesforce_id: str = DOUGLAS, version: int = 1, /, account: str | None = ACME, **changes: Any
) -> KafkaRecord:
    """What customer_sync says of a customer: Douglas, unless said."""
    row = customer_id(salesforce_id)
    fields: dict[str, Any] = {
        "salesforce_ids": tuple(one for one in (salesforce_id, account) if one),
        "first_name": "Douglas",
        "last_name": "Hunting",
        "email": "Douglas@Example.com",
        "status": "ACTIVE",
        "account_type": "RESIDENTIAL",
        "created_at": "2026-01-02T10:00:00Z",
    }
    unset = dict.fromkeys(set(CustomerChanged.model_fields) - {"customer_id", "source_version"})
    value = CustomerChanged(customer_id=row, source_version=version, **unset | fields | changes)
    head = EventHeaders(
        id=uuid4(),
        source="/customers",
        type="paintbox.customer.changed.v1",
        subject=value.key,
        time=NOW * 1000,
        received_at=NOW * 1000,
        correlation_id=uuid4(),
        traceparent="",
        fact_version=version,
    )
    return KafkaRecord(
        topic=CUSTOMERS_CHANGES.name,
        key=value.key.encode(),
        value=value.encoded(),
        headers=to_kafka(head.encoded()),
    )
