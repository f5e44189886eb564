"""paintbox_customers in SQL. The caller owns the transaction; every statement goes in the order of its primary key."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from customer_sync.models.columns import COLUMNS
from customer_sync.models.customer import Customer
from synckit import times
from synckit.contracts.values import ProjectChanged
from synckit.errors import PoisonError
from synckit.identity import SYSTEM_USER, row_id
from synckit.mirror.facts import Cause
from synckit.mirror.store import Mirror
from synckit.outbox.store import Outbox
from synckit.postgres import Connection, Row, as_json

MIRROR: Final = Mirror(
    records="customers.salesforce_records",
    notes="customers.projection_todo",
    refused="customers.projection_refused",
    parents={"Contact": "AccountId"},
)
OUTBOX: Final = Outbox(
    name="paintbox_customers.outbox", events="customers.outbox_events", refused="customers.outbox_refused"
)
FEDERATION_KEYS: Final = "customers.federation_keys"
VERSION_FLOOR: Final = "customers.version_floor"


async def upsert_customers(connection: Connection, customers: Sequence[Customer]) -> list[Row]:
    """Store each customer that differs from what is stored; the rows that changed, in key order.

    The caller holds the locks of the mirror rows, so what it projected is the newest. Writes the columns of the
    mapping and the ids of the contact and its account, and no other; status and account type only while no person has
    decided them. One of whom only the deletion was ever told gets no row; told in whatever order, all others do. A row
    whose version is below the floor counts as changed: readers were perhaps told what this database has forgotten.
    """
    if not customers:
        return []
    mapped = tuple(sorted(customers[0].columns))
    return await connection.fetch(_upsert_statement(mapped), as_json(map(_row, customers)), SYSTEM_USER)


@lru_cache(maxsize=8)
def _upsert_statement(mapped: tuple[str, ...]) -> str:
    """The statement for these columns, whose names are keys of COLUMNS and so ours, never input.

    Not by ON CONFLICT, which runs the triggers and checks of an insert for every row that it then updates. Nobody else
    inserts these rows: whoever does holds the lock of the mirror's row. Those that are there are locked in key order.
    """
    names = ", ".join(mapped)
    return _UPSERT.format(
        names=names,
        typed=", ".join(f"{name} {COLUMNS[name].sql_type}" for name in mapped),
        updates=", ".join(f"{name} = changed.{name}" for name in mapped),
        stored=_qualified("stored", names),
        incoming=_qualified("incoming", names),
        given=_GIVEN,
        incoming_given=_qualified("incoming", _GIVEN),
        floor=VERSION_FLOOR,
        told=_TOLD,
        stored_told=_qualified("stored", _TOLD),
    )


_GIVEN: Final = "id, salesforce_id, salesforce_account_id, status, account_type, deleted_at, source_modified_at"
_TOLD: Final = """id, salesforce_id, salesforce_account_id, first_name, last_name, email, phone, company,
               service_street, service_city, service_state, service_postal_code, status, account_type, created_at,
               merged_into, deleted_at, source_version"""
_UPSERT: Final = """
WITH incoming AS MATERIALIZED (
    SELECT {given}, greatest(source_version, (SELECT version FROM {floor})) AS source_version, is_known, {names}
      FROM json_to_recordset($1::json)
        AS given (id uuid, salesforce_id text, salesforce_account_id text,
                  status customers.customer_status_enum, account_type customers.account_type_enum,
                  is_known boolean, deleted_at timestamptz, source_modified_at timestamptz,
                  source_version bigint, {typed})
), changed AS MATERIALIZED (
    SELECT {incoming_given}, incoming.source_version, {incoming}
      FROM incoming
      JOIN customers.customers AS stored ON stored.id = incoming.id
     WHERE ({stored}, stored.salesforce_id, stored.salesforce_account_id, stored.deleted_at)
           IS DISTINCT FROM
           ({incoming}, incoming.salesforce_id, incoming.salesforce_account_id, incoming.deleted_at)
        OR (coalesce(stored.updated_by, $2) = $2
            AND (stored.status, stored.account_type) IS DISTINCT FROM (incoming.status, incoming.account_type))
        OR stored.source_version < (SELECT version FROM {floor})
     ORDER BY stored.id
       FOR NO KEY UPDATE OF stored
), updated AS (
    UPDATE customers.customers AS stored
       SET {updates},
           salesforce_id = changed.salesforce_id,
           salesforce_account_id = changed.salesforce_account_id,
           status = CASE WHEN coalesce(stored.updated_by, $2) = $2 THEN changed.status ELSE stored.status END,
           account_type = CASE WHEN coalesce(stored.updated_by, $2) = $2 THEN changed.account_type
                               ELSE stored.account_type END,
           deleted_at = changed.deleted_at,
           source_modified_at = changed.source_modified_at,
           source_version = greatest(stored.source_version + 1, changed.source_version),
           last_sync_at = now()
      FROM changed
     WHERE stored.id = changed.id
    RETURNING {stored_told}
), inserted AS (
    INSERT INTO customers.customers AS stored ({given}, source_version, last_sync_at, {names})
    SELECT {given}, source_version, now(), {names}
      FROM incoming
     WHERE is_known AND NOT EXISTS (SELECT FROM customers.customers AS known WHERE known.id = incoming.id)
     ORDER BY id
    RETURNING {stored_told}
)
SELECT {told} FROM updated UNION ALL SELECT {told} FROM inserted ORDER BY id
"""


def _qualified(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{name.strip()}" for name in columns.split(","))


def _row(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "salesforce_id": customer.salesforce_id,
        "salesforce_account_id": customer.account_id,
        "status": customer.status,
        "account_type": customer.account_type,
        "is_known": customer.is_known,
        "deleted_at": None if customer.deleted_at is None else times.rfc3339(customer.deleted_at),
        "source_modified_at": times.rfc3339(customer.source_modified_at),
        "source_version": customer.source_version,
        **customer.columns,
    }


async def insert_sync_logs(
    connection: Connection, changed: Sequence[Row], details: Mapping[UUID, tuple[Cause, Any]]
) -> None:
    """Log, once an event and customer, which event changed which customer. `details` by customer: cause and payload."""
    rows = sorted(
        (_log_row(row, *details[row["id"]]) for row in changed if row["id"] in details),
        key=lambda log: (log["id"], log["started_at"]),
    )
    if not rows:
        return
    await connection.execute(
        """
        INSERT INTO customers.customer_sync_logs
               (id, customer_id, salesforce_id, sync_type, status, started_at, completed_at, duration_ms, sync_version,
                payload)
        SELECT id, customer_id, salesforce_id, 'WEBHOOK', 'COMPLETED', started_at, now(),
               greatest(extract(epoch FROM now() - started_at) * 1000, 0)::bigint, sync_version, payload
          FROM json_to_recordset($1::json)
            AS incoming (id uuid, customer_id uuid, salesforce_id text, started_at timestamptz, sync_version text,
                         payload jsonb)
         ORDER BY id, started_at
        ON CONFLICT (id, started_at) DO NOTHING
        """,
        as_json(rows),
    )


def _log_row(row: Row, cause: Cause, payload: Any) -> dict[str, Any]:
    return {
        "id": str(row_id("customer_sync_logs", str(cause.event_id), str(row["id"]))),
        "customer_id": row["id"],
        "salesforce_id": row["salesforce_id"],
        "started_at": times.rfc3339(cause.received_at),
        "sync_version": str(row["source_version"]),
        "payload": payload,
    }


async def insert_refusal(connection: Connection, cause: Cause, salesforce_id: str, error: PoisonError) -> None:
    """Log, once an event, that the row of a customer could not be written. It is not named: it may not exist."""
    await connection.execute(
        """
        INSERT INTO customers.customer_sync_logs
               (id, salesforce_id, sync_type, status, started_at, completed_at, error_code, error_message)
        VALUES ($1, $2, 'WEBHOOK', 'FAILED', $3, now(), $4, $5)
        ON CONFLICT (id, started_at) DO NOTHING
        """,
        row_id("customer_sync_logs", str(cause.event_id), salesforce_id, "refused"),
        salesforce_id,
        times.moment(cause.received_at),
        error.code[:50],
        error.reason,
    )


async def apply_project_facts(connection: Connection, projects: Iterable[ProjectChanged]) -> None:
    """Keep what we know of these projects as new as what their owner says. Idempotent, in any order."""
    newest: dict[UUID, ProjectChanged] = {}
    for project in projects:
        known = newest.get(project.project_id)
        if known is None or project.source_version > known.source_version:
            newest[project.project_id] = project
    if not newest:
        return
    await connection.execute(
        """
        INSERT INTO customers.project_facts AS stored
               (project_id, customer_id, name, status, created_at, deleted_at, source_version)
        SELECT project_id, customer_id, name, status, created_at, deleted_at, source_version
          FROM json_to_recordset($1::json)
            AS incoming (project_id uuid, customer_id uuid, name text, status text, created_at timestamptz,
                         deleted_at timestamptz, source_version bigint)
         ORDER BY project_id
        ON CONFLICT (project_id) DO UPDATE
           SET customer_id    = excluded.customer_id,
               name           = excluded.name,
               status         = excluded.status,
               created_at     = excluded.created_at,
               deleted_at     = excluded.deleted_at,
               source_version = excluded.source_version
         WHERE excluded.source_version > stored.source_version
        """,
        as_json(_fact(project) for project in newest.values()),
    )


def _fact(project: ProjectChanged) -> dict[str, Any]:
    fields = ("project_id", "customer_id", "name", "status", "created_at", "deleted_at", "source_version")
    return {name: getattr(project, name) for name in fields}


async def erase_project_facts(connection: Connection, keys: Iterable[str]) -> None:
    """Forget the projects under these record keys."""
    ids = sorted(UUID(key) for key in keys)
    await connection.execute("DELETE FROM customers.project_facts WHERE project_id = ANY($1::uuid[])", ids)


async def find_customers(connection: Connection, ids: Sequence[UUID]) -> list[Row]:
    """Which of these customers exist: id, deleted, merged_into."""
    return await connection.fetch(
        """
        SELECT id, deleted_at IS NOT NULL AS deleted, merged_into
          FROM customers.customers
         WHERE id = ANY($1::uuid[])
        """,
        ids,
    )
