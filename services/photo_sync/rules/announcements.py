"""What photo_sync publishes of its own: projects as they stand, and whose they are."""

from uuid import UUID

from synckit.contracts.headers import EventHeaders
from synckit.contracts.topics import FEDERATION_KEYS, PROJECTS_CHANGES, Topic
from synckit.contracts.values import FederationKey, Keyed, ProjectChanged
from synckit.federation import OwnedKey
from synckit.identity import event_id
from synckit.mirror.facts import Cause
from synckit.outbox.store import Event
from synckit.postgres import Row

SOURCE = "/projects"
SERVICE = "projects"
CUSTOMERS = "customers"
_COLUMNS = sorted(ProjectChanged.model_fields.keys() - {"project_id"})


def project_changed(row: Row, cause: Cause) -> Event:
    """The record for a project whose row was written."""
    value = ProjectChanged(project_id=row["id"], **{name: row[name] for name in _COLUMNS})
    return _event(PROJECTS_CHANGES, "paintbox.project.changed.v1", value, value.source_version, cause)


def key_changed(key: FederationKey, cause: Cause) -> Event:
    """The record for a relationship whose row was written."""
    return _event(FEDERATION_KEYS, "paintbox.federation.key.changed.v1", key, key.source_version, cause)


def owned_key(project_id: UUID, customer_id: UUID, source_version: int, *, is_deleted: bool) -> OwnedKey:
    """The relationship of a project with a customer: one customer has many projects, whichever side says it."""
    return OwnedKey(
        local_table="projects",
        local_id=project_id,
        external_service=CUSTOMERS,
        external_table="customers",
        external_id=str(customer_id),
        relationship_type="one_to_many",
        source_version=source_version,
        is_deleted=is_deleted,
    )


def _event(topic: Topic, event_type: str, value: Keyed, source_version: int, cause: Cause) -> Event:
    headers = EventHeaders(
        id=event_id(event_type, value.key, str(source_version)),
        source=SOURCE,
        type=event_type,
        subject=value.key,
        time=cause.received_at,
        received_at=cause.received_at,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
        fact_version=source_version,
    )
    return Event(topic=topic.name, key=value.key, headers=headers.encoded(), value=value.encoded())
