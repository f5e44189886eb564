"""What the databases hold at rest: every row that the checks look at, read once nothing moves any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from paintbox.databases import Connection
from paintbox.prove import contents
from synckit import times

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of `webhook_events`."""

    id: UUID
    status: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """A row of `webhook_event_keys`."""

    event_id: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SyncLog:
    """A row of `sync_logs` that an event caused."""

    id: UUID
    status: str
    service: str
    entity_type: str
    entity_id: str | None
    external_id: str
    correlation_id: UUID | None
    started_at: datetime
    outcome: str | None
    """What was made of it: `merged`, `hint`, …"""


@dataclass(frozen=True, slots=True)
class Doubted:
    """An event whose sync log says that a record is better read: on its own word (`doubts` is empty), or for doubts."""

    id: UUID
    service: str
    """As requests spell it."""
    entity_type: str
    external_id: str
    doubts: Sequence[str]


@dataclass(frozen=True, slots=True)
class CustomerLog:
    """A row of `customer_sync_logs`: which version of which customer an event made."""

    id: UUID
    customer_id: UUID | None
    version: int | None
    status: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Entity:
    """What its owner says of something that it publishes: the key, the version, and what the value must say."""

    key: str
    version: int
    values: Document


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A record as a mirror holds it."""

    fields: Document
    is_deleted: bool
    newest: int = 0
    """The greatest version of any of its fields."""


CUSTOMER_COLUMNS: Final = (
    *("first_name", "last_name", "email", "phone", "company"),
    *("service_street", "service_city", "service_state", "service_postal_code", "status", "account_type"),
    *("created_at", "merged_into"),
)
PROJECT_COLUMNS: Final = ("customer_id", "company_cam_id", "name", "type", "status", "created_at", "merged_into")
FACT_COLUMNS: Final = ("customer_id", "name", "status", "created_at")
"""Of a project, what customer_sync keeps."""
REF_COLUMNS: Final = ("salesforce_ids", "email", "phone", "name", "merged_into")
"""Of a customer, what photo_sync keeps."""
MIRRORS: Final = {"salesforce": "customers.salesforce_records", "companycam": "projects.companycam_records"}
OUTBOX_OWNERS: Final = ("customers", "projects", "estimates")


async def events(integrations: Connection) -> list[EventRow]:
    """The webhook log."""
    rows = await integrations.fetch("SELECT id, status::text AS status, received_at FROM integrations.webhook_events")
    return [EventRow(**dict(row)) for row in rows]


async def receipts(integrations: Connection) -> list[Receipt]:
    """The keys of deduplication."""
    rows = await integrations.fetch("SELECT event_id, received_at FROM integrations.webhook_event_keys")
    return [Receipt(**dict(row)) for row in rows]


async def sync_logs(integrations: Connection) -> list[SyncLog]:
    """The sync logs of events."""
    rows = await integrations.fetch(
        """
        SELECT id, status::text AS status, service::text AS service, entity_type, entity_id, external_id,
               correlation_id, started_at, metadata ->> 'outcome' AS outcome
          FROM integrations.sync_logs
         WHERE operation = 'WEBHOOK'
        """
    )
    return [SyncLog(**dict(row)) for row in rows]


async def doubted(integrations: Connection) -> list[Doubted]:
    """The events after which a record is to be read."""
    rows = await integrations.fetch(
        """
        SELECT id, lower(replace(service::text, '_', '')) AS service, entity_type, external_id,
               ARRAY(SELECT jsonb_array_elements_text(coalesce(metadata -> 'doubts', '[]'))) AS doubts
          FROM integrations.sync_logs
         WHERE operation = 'WEBHOOK'
           AND (metadata ->> 'outcome' IN ('hint', 'implausible_time') OR metadata -> 'doubts' <> '[]')
        """
    )
    return [Doubted(**dict(row)) for row in rows]


async def customer_logs(customers: Connection) -> list[CustomerLog]:
    """Which event made which version of which customer."""
    rows = await customers.fetch(
        """
        SELECT id, customer_id, sync_version::bigint AS version, status::text AS status, started_at
          FROM customers.customer_sync_logs
        """
    )
    return [CustomerLog(**dict(row)) for row in rows]


async def published_customers(customers: Connection) -> list[Entity]:
    """The customers, as they must stand in their topic."""
    rows = await customers.fetch(
        f"""
        SELECT id::text AS key, source_version AS version, {", ".join(CUSTOMER_COLUMNS)},
               array_remove(ARRAY[salesforce_id, salesforce_account_id], NULL) AS salesforce_ids,
               deleted_at IS NOT NULL AS is_deleted
          FROM customers.customers
        """  # noqa: S608 - the columns are constants
    )
    return [_entity(dict(row)) for row in rows]


async def published_projects(projects: Connection) -> list[Entity]:
    """The projects, as they must stand in their topic."""
    rows = await projects.fetch(
        f"""
        SELECT id::text AS key, source_version AS version, {", ".join(PROJECT_COLUMNS)},
               deleted_at IS NOT NULL AS is_deleted
          FROM projects.projects
        """  # noqa: S608 - the columns are constants
    )
    return [_entity(dict(row)) for row in rows]


def _entity(row: Mapping[str, Any]) -> Entity:
    values = {name: _plain(value) for name, value in row.items() if name not in {"key", "version"}}
    return Entity(row["key"], row["version"], values)


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, datetime):
        return times.rfc3339(times.milliseconds(value))
    return str(value) if isinstance(value, UUID) else value


async def federation_keys(connection: Connection, service: str, *, owned: bool) -> list[Entity]:
    """The relationships that a service owns, or that it keeps of others' (then as their owners spell them)."""
    rows = await connection.fetch(
        f"""
        SELECT local_table, local_id::text AS local_id, external_service, external_table, external_id,
               relationship_type, source_version, deleted_at IS NOT NULL AS is_deleted
          FROM {service}.federation_keys
         WHERE is_owner = $1
        """,  # noqa: S608 - the schema is one of three names
        owned,
    )
    return [_relationship(dict(row), service, owned=owned) for row in rows]


def _relationship(row: Mapping[str, Any], service: str, *, owned: bool) -> Entity:
    here = (service, row["local_table"], row["local_id"])
    there = (row["external_service"], row["external_table"], row["external_id"])
    key = "/".join((*here, *there) if owned else (*there, *here))
    values = {"relationship_type": row["relationship_type"], "is_deleted": row["is_deleted"]}
    return Entity(key, row["source_version"], values)


async def read_model(connection: Connection, table: str, key: str, columns: Sequence[str]) -> list[Entity]:
    """What another service keeps of each thing that it keeps a read model of."""
    rows = await connection.fetch(
        f"""
        SELECT {key}::text AS key, source_version AS version, {", ".join(columns)},
               deleted_at IS NOT NULL AS is_deleted
          FROM {table}
        """  # noqa: S608 - constants
    )
    return [_entity(dict(row)) for row in rows]


async def count(connection: Connection, table: str) -> int:
    """How many rows a table has, whoever's they are."""
    rows: int = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - constants
    return rows


async def mirror(connection: Connection, vendor: str) -> dict[tuple[str, str], Mirrored]:
    """A mirror, by object and vendor id."""
    rows = await connection.fetch(
        f"SELECT object, id, fields, is_deleted, base_version, versions FROM {MIRRORS[vendor]}"  # noqa: S608 - two names
    )
    return {(row["object"], row["id"]): _mirrored(dict(row)) for row in rows}


def _mirrored(row: Mapping[str, Any]) -> Mirrored:
    fields = orjson.loads(row["fields"])
    newest = contents.newest(fields, row["base_version"], orjson.loads(row["versions"]))
    return Mirrored(fields, row["is_deleted"], newest)


async def waiting(connection: Connection, schema: str) -> dict[str, int]:
    """How many rows wait in the queues of an owner's schema, and how many were refused."""
    projected = ["projection_todo", "projection_refused"] if schema != "estimates" else []
    names = ["outbox_events", "outbox_refused", *projected]
    return {f"{schema}.{name}": await _count(connection, f"{schema}.{name}") for name in names}


async def spooled(integrations: Connection) -> dict[str, int]:
    """How many records wait in the spool."""
    return {"integrations.webhook_spool": await _count(integrations, "integrations.webhook_spool")}


async def _count(connection: Connection, table: str) -> int:
    count: int = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - a constant's name
    return count


async def set_aside(integrations: Connection) -> dict[str, str]:
    """What was parked or quarantined, and why: by a name that tells where it lies."""
    rows = await integrations.fetch(
        """
        SELECT 'parked record ' || id AS name, reason_code || ': ' || reason AS reason
          FROM integrations.parked_records
         UNION ALL
        SELECT id::text, error_message
          FROM integrations.webhook_events
         WHERE status = 'FAILED'
         ORDER BY name
        """
    )
    return {row["name"]: row["reason"] for row in rows}


async def said(connections: Mapping[str, Connection]) -> Sequence[str]:
    """Every sentence that we wrote about what went wrong: reasons and messages, where nothing private may stand."""
    parked = await connections["integrations"].fetch(
        """
        SELECT reason AS text FROM integrations.parked_records
         UNION ALL SELECT error_message FROM integrations.webhook_events WHERE error_message IS NOT NULL
         UNION ALL SELECT error_message FROM integrations.sync_logs WHERE error_message IS NOT NULL
        """
    )
    refused = await connections["customers"].fetch(
        """
        SELECT error_message AS text FROM customers.customer_sync_logs WHERE error_message IS NOT NULL
         UNION ALL SELECT reason FROM customers.projection_refused
        """
    )
    refused += await connections["projects"].fetch("SELECT reason AS text FROM projects.projection_refused")
    return [row["text"] for row in (*parked, *refused)]
