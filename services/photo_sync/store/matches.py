"""Whose projects are, in SQL: what they are matched by, the customers that we know of, and what was decided."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from photo_sync.models.matching import CustomerRef, Match, MatchKeys
from synckit.postgres import Connection, Row, as_json


async def upsert_keys(connection: Connection, keys: Iterable[MatchKeys]) -> None:
    """Keep what these projects are matched by, in the transaction that merged them: whoever comes later looks here."""
    rows = sorted((_keys_row(one) for one in keys), key=lambda row: row["project_id"])
    if not rows:
        return
    await connection.execute(
        """
        INSERT INTO projects.customer_matches AS stored (project_id, relation_ids, email, phone)
        SELECT project_id, relation_ids, email, phone
          FROM json_to_recordset($1::json) AS incoming (project_id text, relation_ids text[], email text, phone text)
         ORDER BY project_id
        ON CONFLICT (project_id) DO UPDATE
           SET relation_ids = excluded.relation_ids, email = excluded.email, phone = excluded.phone
         WHERE (stored.relation_ids, stored.email, stored.phone)
            IS DISTINCT FROM (excluded.relation_ids, excluded.email, excluded.phone)
        """,
        as_json(rows),
    )


def _keys_row(keys: MatchKeys) -> dict[str, Any]:
    return {
        "project_id": keys.project_id,
        "relation_ids": keys.relation_ids,
        "email": keys.email,
        "phone": keys.phone,
    }


async def list_matches(connection: Connection, project_ids: Sequence[str]) -> dict[str, Match]:
    """What was decided about these projects so far. The caller holds the locks of their mirror rows."""
    rows = await connection.fetch(
        """
        SELECT project_id, state, customer_id, basis, candidates
          FROM projects.customer_matches
         WHERE project_id = ANY($1::text[])
        """,
        project_ids,
    )
    return {row["project_id"]: _match(row) for row in rows}


def _match(row: Row) -> Match:
    return Match(
        project_id=row["project_id"],
        state=row["state"],
        customer_id=row["customer_id"],
        basis=row["basis"],
        candidates=tuple(row["candidates"]),
    )


async def update_matches(connection: Connection, matches: Iterable[Match]) -> None:
    """Store what was decided anew. The caller holds the locks of the mirror rows."""
    rows = sorted((_match_row(match) for match in matches), key=lambda row: row["project_id"])
    if not rows:
        return
    await connection.execute(
        """
        UPDATE projects.customer_matches AS stored
           SET state       = incoming.state,
               customer_id = incoming.customer_id,
               basis       = incoming.basis,
               candidates  = incoming.candidates,
               matched_at  = CASE WHEN stored.customer_id IS DISTINCT FROM incoming.customer_id
                                  THEN CASE WHEN incoming.customer_id IS NOT NULL THEN now() END
                                  ELSE stored.matched_at END,
               changed_at  = now()
          FROM json_to_recordset($1::json)
            AS incoming (project_id text, state text, customer_id uuid, basis text, candidates uuid[])
         WHERE stored.project_id = incoming.project_id
        """,
        as_json(rows),
    )


def _match_row(match: Match) -> dict[str, Any]:
    return {
        "project_id": match.project_id,
        "state": match.state,
        "customer_id": match.customer_id,
        "basis": match.basis,
        "candidates": match.candidates,
    }


async def restore_matches(connection: Connection, customers: Mapping[str, UUID]) -> None:
    """Store whose these projects are as it was published, by CompanyCam's id. Only while nobody else writes."""
    await connection.execute(
        """
        INSERT INTO projects.customer_matches AS stored (project_id, customer_id, basis, state, matched_at)
        SELECT project_id, customer_id, 'published', 'matched', now()
          FROM unnest($1::text[], $2::uuid[]) AS incoming (project_id, customer_id)
         ORDER BY project_id
        ON CONFLICT (project_id) DO UPDATE
           SET customer_id = excluded.customer_id,
               basis       = excluded.basis,
               state       = excluded.state,
               matched_at  = excluded.matched_at,
               candidates  = excluded.candidates,
               changed_at  = now()
        """,
        list(customers),
        list(customers.values()),
    )


async def delete_matches(connection: Connection, project_ids: Sequence[str]) -> None:
    """Forget that these projects wait: they are deleted. A merge that brings one back brings its keys back too."""
    await connection.execute(
        "DELETE FROM projects.customer_matches WHERE project_id = ANY($1::text[]) AND customer_id IS NULL", project_ids
    )


async def upsert_customer_refs(
    connection: Connection, refs: Iterable[CustomerRef], *, whatever_is_stored: bool = False
) -> list[UUID]:
    """Keep what we know of these customers as new as what their owner says; which of them changed.

    Idempotent, in any order: only a strictly greater version changes a row, or `whatever_is_stored` what differs.
    """
    newest: dict[UUID, CustomerRef] = {}
    for ref in refs:
        known = newest.get(ref.customer_id)
        if known is None or ref.source_version > known.source_version:
            newest[ref.customer_id] = ref
    if not newest:
        return []
    refs_as_json = as_json(_ref_row(ref) for ref in newest.values())
    rows = await connection.fetch(_UPSERT_CUSTOMER_REFS, refs_as_json, whatever_is_stored)
    return [row["customer_id"] for row in rows]


_UPSERT_CUSTOMER_REFS: Final = """
        INSERT INTO projects.customer_refs AS stored
               (customer_id, salesforce_ids, email, phone, name, merged_into, source_version, deleted_at)
        SELECT customer_id, salesforce_ids, email, phone, name, merged_into, source_version, deleted_at
          FROM json_to_recordset($1::json)
            AS incoming (customer_id uuid, salesforce_ids text[], email text, phone text, name text, merged_into uuid,
                         source_version bigint, deleted_at timestamptz)
         ORDER BY customer_id
        ON CONFLICT (customer_id) DO UPDATE
           SET salesforce_ids = excluded.salesforce_ids,
               email          = excluded.email,
               phone          = excluded.phone,
               name           = excluded.name,
               merged_into    = excluded.merged_into,
               source_version = excluded.source_version,
               deleted_at     = excluded.deleted_at
         WHERE excluded.source_version > stored.source_version
            OR $2 AND (excluded.salesforce_ids, excluded.email, excluded.phone, excluded.name, excluded.merged_into,
                       excluded.source_version, excluded.deleted_at)
                      IS DISTINCT FROM
                      (stored.salesforce_ids, stored.email, stored.phone, stored.name, stored.merged_into,
                       stored.source_version, stored.deleted_at)
        RETURNING stored.customer_id
        """


def _ref_row(ref: CustomerRef) -> dict[str, Any]:
    return {
        "customer_id": ref.customer_id,
        "salesforce_ids": ref.salesforce_ids,
        "email": ref.email,
        "phone": ref.phone,
        "name": ref.name,
        "merged_into": ref.merged_into,
        "source_version": ref.source_version,
        "deleted_at": ref.deleted_at,
    }


async def erase_customer_refs(connection: Connection, keys: Iterable[str]) -> list[UUID]:
    """Forget the customers under these record keys; those of whom we knew."""
    ids = sorted(UUID(key) for key in keys)
    rows = await connection.fetch(
        "DELETE FROM projects.customer_refs WHERE customer_id = ANY($1::uuid[]) RETURNING customer_id", ids
    )
    return [row["customer_id"] for row in rows]


async def keep_customer_refs(connection: Connection, ids: Sequence[UUID] | None) -> list[UUID]:
    """Forget all customers but these, and nobody where there is no list; those of whom we knew."""
    rows = await connection.fetch(
        "DELETE FROM projects.customer_refs WHERE customer_id <> ALL($1::uuid[]) RETURNING customer_id", ids
    )
    return [row["customer_id"] for row in rows]
