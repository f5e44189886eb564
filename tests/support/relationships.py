"""Records of what other services say to customer_sync: a relationship with a customer, and a project."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from support.notifications import KafkaRecord
from synckit.contracts.headers import EventHeaders, to_kafka
from synckit.contracts.topics import FEDERATION_KEYS, PROJECTS_CHANGES
from synckit.contracts.values import FederationKey, Keyed, ProjectChanged

MADE: Final = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
PROJECT: Final = UUID(int=1)
CUSTOMER: Final = UUID(int=2)


def a_record(topic: str, value: Keyed, kind: str) -> KafkaRecord:
    head = EventHeaders(
        id=uuid4(),
        source="/projects",
        type=kind,
        subject=value.key,
        time=0,
        received_at=0,
        correlation_id=uuid4(),
        traceparent="",
    )
    return KafkaRecord(topic=topic, key=value.key.encode(), value=value.encoded(), headers=to_kafka(head.encoded()))


def a_key(version: int = 1, /, **changes: Any) -> KafkaRecord:
    fields: dict[str, Any] = {
        "local_service": "projects",
        "local_table": "projects",
        "local_id": PROJECT,
        "external_service": "customers",
        "external_table": "customers",
        "external_id": str(CUSTOMER),
        "relationship_type": "one_to_many",
        "created_at": MADE,
    }
    value = FederationKey(source_version=version, **fields | changes)
    return a_record(FEDERATION_KEYS.name, value, "paintbox.federation.key.changed.v1")


def a_project(version: int = 1, /, **changes: Any) -> KafkaRecord:
    fields: dict[str, Any] = {
        "project_id": PROJECT,
        "customer_id": CUSTOMER,
        "company_cam_id": "1",
        "name": "Fence",
        "type": "MAINTENANCE",
        "status": "PLANNING",
        "created_at": MADE,
        "merged_into": None,
        "deleted_at": None,
    }
    value = ProjectChanged(source_version=version, **fields | changes)
    return a_record(PROJECTS_CHANGES.name, value, "paintbox.project.changed.v1")
