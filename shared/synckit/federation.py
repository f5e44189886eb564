"""Which rows of the subgraphs belong together: said by the owner of the relationship, mirrored by the other side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from synckit.contracts.values import FederationKey
from synckit.errors import PoisonError
from synckit.postgres import Connection, Row, as_json

KEY_PARTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedKey:
    """A relationship that this service owns, as it should be now."""

    local_table: str
    local_id: UUID
    external_service: str
    external_table: str
    external_id: str
    relationship_type: str
    source_version: int
    is_deleted: bool = False


async def upsert_owned(
    connection: Connection, table: str, floor: str, service: str, keys: Sequence[OwnedKey]
) -> list[FederationKey]:
    """Store the relationships that differ from what is stored; what is to be published of them, in key order.

    The caller holds the locks of the rows that they are about. `floor` is the table of the floor that the owner's
    versions have: a row below it counts as changed.
    """
    if not keys:
        return []
    rows = await connection.fetch(
        f"""
        INSERT INTO {table} AS stored
               (local_id, local_table, external_service, external_id, external_table, relationship_type, is_owner,
                source_version, deleted_at)
        SELECT local_id, local_table, external_service, external_id, external_table, relationship_type, TRUE,
               greatest(source_version, (SELECT version FROM {floor})), CASE WHEN is_deleted THEN now() END
          FROM json_to_recordset($1::json)
            AS incoming (local_id uuid, local_table text, external_service text, external_id text, external_table text,
                         relationship_type text, source_version bigint, is_deleted boolean)
         ORDER BY local_id, local_table, external_service, external_table, external_id
        ON CONFLICT (local_id, local_table, external_service, external_table, external_id) DO UPDATE
           SET relationship_type = excluded.relationship_type,
               deleted_at        = excluded.deleted_at,
               source_version    = greatest(stored.source_version + 1, excluded.source_version)
         WHERE stored.relationship_type <> excluded.relationship_type
            OR (stored.deleted_at IS NULL) <> (excluded.deleted_at IS NULL)
            OR stored.source_version < (SELECT version FROM {floor})
        RETURNING local_id, local_table, external_service, external_id, external_table, relationship_type,
                  source_version, created_at, deleted_at
        """,  # noqa: S608 - the tables' names are constants of the service
        as_json(_owned_row(key) for key in keys),
    )
    return sorted((FederationKey(local_service=service, **dict(row)) for row in rows), key=lambda key: key.key)


async def list_owned(connection: Connection, table: str, external_service: str, local_ids: Iterable[UUID]) -> list[Row]:
    """What these rows were ever in a relationship with that this service owns, and whether they are still."""
    return await connection.fetch(
        f"""
        SELECT local_id, external_id, source_version, deleted_at IS NULL AS is_living
          FROM {table}
         WHERE local_id = ANY($1::uuid[]) AND is_owner AND external_service = $2
        """,  # noqa: S608 - the table's name is a constant of the service
        list(local_ids),
        external_service,
    )


async def restore_owned(connection: Connection, table: str, keys: Iterable[FederationKey]) -> None:
    """Store the relationships of this service as it has published them, where that is newer than what is stored.

    Publishes nothing. Only while nobody else writes.
    """
    await _store_newer(connection, table, [_published_row(key) for key in keys], is_owner=True)


async def apply_counterparts(connection: Connection, table: str, keys: Iterable[FederationKey]) -> None:
    """Store the other side of relationships that others own: local and external swapped, never published.

    Idempotent, in any order: only a strictly greater version changes a row.
    """
    newest: dict[str, FederationKey] = {}
    for key in keys:
        known = newest.get(key.key)
        if known is None or key.source_version > known.source_version:
            newest[key.key] = key
    if newest:
        rows = [_counterpart_row(key) for key in newest.values()]
        await _store_newer(connection, table, rows, is_owner=False)


async def _store_newer(connection: Connection, table: str, rows: Sequence[dict[str, Any]], *, is_owner: bool) -> None:
    await connection.execute(
        f"""
        INSERT INTO {table} AS stored
               (local_id, local_table, external_service, external_id, external_table, relationship_type, is_owner,
                source_version, created_at, deleted_at)
        SELECT local_id, local_table, external_service, external_id, external_table, relationship_type, $2,
               source_version, created_at, deleted_at
          FROM json_to_recordset($1::json)
            AS incoming (local_id uuid, local_table text, external_service text, external_id text, external_table text,
                         relationship_type text, source_version bigint, created_at timestamptz, deleted_at timestamptz)
         ORDER BY local_id, local_table, external_service, external_table, external_id
        ON CONFLICT (local_id, local_table, external_service, external_table, external_id) DO UPDATE
           SET relationship_type = excluded.relationship_type,
               deleted_at        = excluded.deleted_at,
               created_at        = excluded.created_at,
               source_version    = excluded.source_version
         WHERE excluded.source_version > stored.source_version
        """,  # noqa: S608 - the table's name is a constant of the service
        as_json(rows),
        is_owner,
    )


async def erase_counterparts(connection: Connection, table: str, keys: Iterable[str]) -> None:
    """Forget the other side of the relationships under these record keys (see `FederationKey.key`)."""
    rows = sorted(_parts(key) for key in keys)
    if not rows:
        return
    await connection.execute(
        f"""
        WITH locked AS MATERIALIZED (
            SELECT stored.local_id, stored.local_table, stored.external_service, stored.external_table,
                   stored.external_id
              FROM {table} AS stored
              JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[])
                AS erased (external_service, external_table, external_id, local_table, local_id)
             USING (local_id, local_table, external_service, external_table, external_id)
             WHERE NOT stored.is_owner
             ORDER BY 1, 2, 3, 4, 5
               FOR UPDATE OF stored
        )
        DELETE FROM {table}
         WHERE (local_id, local_table, external_service, external_table, external_id) IN (SELECT * FROM locked)
        """,  # noqa: S608 - the table's name is a constant of the service
        *(list(column) for column in zip(*rows, strict=True)),
    )


def _parts(key: str) -> tuple[str, str, str, str, UUID]:
    service, table, row_id, _, local_table, local_id = key.split("/")
    return service, table, row_id, local_table, UUID(local_id)


def is_about(key: str, service: str) -> bool:
    """Whether the relationship under a record's key is with a row of this service.

    PoisonError where the key is none of ours, or names no row that could exist.
    """
    parts = key.split("/")
    if len(parts) != KEY_PARTS:
        raise PoisonError("key_mismatch", "the record's key is not that of a relationship")
    if parts[3] != service:
        return False
    try:
        is_spelled_so = str(UUID(parts[5])) == parts[5]
    except ValueError:
        is_spelled_so = False
    if not is_spelled_so:  # two spellings of one id would be two keys of one row
        raise PoisonError("key_mismatch", "the record's key names no row that could exist")
    return True


def _owned_row(key: OwnedKey) -> dict[str, Any]:
    return {
        "local_id": key.local_id,
        "local_table": key.local_table,
        "external_service": key.external_service,
        "external_id": key.external_id,
        "external_table": key.external_table,
        "relationship_type": key.relationship_type,
        "source_version": key.source_version,
        "is_deleted": key.is_deleted,
    }


def _published_row(key: FederationKey) -> dict[str, Any]:
    return {
        "local_id": key.local_id,
        "local_table": key.local_table,
        "external_service": key.external_service,
        "external_id": key.external_id,
        "external_table": key.external_table,
        "relationship_type": key.relationship_type,
        "source_version": key.source_version,
        "created_at": key.created_at,
        "deleted_at": key.deleted_at,
    }


def _counterpart_row(key: FederationKey) -> dict[str, Any]:
    return {
        "local_id": key.external_id,
        "local_table": key.external_table,
        "external_service": key.local_service,
        "external_id": str(key.local_id),
        "external_table": key.local_table,
        "relationship_type": key.relationship_type,
        "source_version": key.source_version,
        "created_at": key.created_at,
        "deleted_at": key.deleted_at,
    }
