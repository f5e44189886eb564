"""Who matches whom, in SQL: the customers of projects, the projects of customers.

Each address, number and record is looked up once, however many name it, so that what is read does not grow with the
projects times the customers. A LATERAL with a LIMIT, or with OFFSET 0, keeps the planner from turning the look-ups
round: reading all there are, and comparing each with each.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from photo_sync.models.matching import MOST_CANDIDATES, Basis, Candidate
from synckit.postgres import Connection, Row

Key = tuple[Basis, str]
"""What a project is matched by: a basis, and an address, a number or a record."""


async def list_candidates(connection: Connection, project_ids: Sequence[str]) -> dict[str, list[Candidate]]:
    """Who matches each of these projects now, on every basis. Customers that are deleted or merged match nothing.

    Of those who match by one address, number or record, `MOST_CANDIDATES`, whichever, and besides them the customer
    whose the project is: that decides as all would. What a customer changes between the statements is looked at again.
    """
    projects = await _list_keys(connection, project_ids)
    found = await _find(connection, {key for row in projects for key in _keys(row)})
    return {
        row["project_id"]: [one for key in _keys(row) for one in found.get(key, ())] + list(_its_customer(row))
        for row in projects
    }


async def _list_keys(connection: Connection, project_ids: Sequence[str]) -> list[Row]:
    """What the projects are matched by, and by what of it their own customer is."""
    return await connection.fetch(
        """
        SELECT matches.project_id, matches.relation_ids, matches.email, matches.phone, refs.customer_id,
               ARRAY(
                   SELECT id FROM unnest(matches.relation_ids) AS relation (id) WHERE refs.salesforce_ids @> ARRAY[id]
               ) AS its_relation_ids,
               matches.email = refs.email AS has_its_email, matches.phone = refs.phone AS has_its_phone
          FROM projects.customer_matches AS matches
          LEFT JOIN projects.customer_refs AS refs
            ON refs.customer_id = matches.customer_id AND refs.deleted_at IS NULL AND refs.merged_into IS NULL
         WHERE matches.project_id = ANY($1::text[])
        """,
        project_ids,
    )


def _keys(row: Row) -> Iterable[Key]:
    for relation_id in row["relation_ids"]:
        yield "relation_id", relation_id
    if row["email"] is not None:
        yield "email", row["email"]
    if row["phone"] is not None:
        yield "phone", row["phone"]


def _its_customer(row: Row) -> Iterable[Candidate]:
    for relation_id in row["its_relation_ids"]:
        yield Candidate(row["customer_id"], "relation_id", relation_id)
    if row["has_its_email"]:
        yield Candidate(row["customer_id"], "email")
    if row["has_its_phone"]:
        yield Candidate(row["customer_id"], "phone")


_MATCHING: Final[Mapping[Basis, str]] = {
    "relation_id": "salesforce_ids @> ARRAY[wanted.key]",
    "email": "email = wanted.key",
    "phone": "phone = wanted.key",
}
_FIND: Final = "UNION ALL".join(
    f"""
        SELECT '{basis}' AS basis, wanted.key, refs.customer_id
          FROM unnest(${number}::text[]) AS wanted (key)
         CROSS JOIN LATERAL (
                   SELECT customer_id
                     FROM projects.customer_refs
                    WHERE {matching} AND deleted_at IS NULL AND merged_into IS NULL
                    LIMIT $4
               ) AS refs
    """  # noqa: S608 - constants
    for number, (basis, matching) in enumerate(_MATCHING.items(), 1)
)
"""By basis, in their order: $1 to $3 are what is wanted, $4 how many of each."""


async def _find(connection: Connection, keys: Iterable[Key]) -> Mapping[Key, Sequence[Candidate]]:
    wanted: dict[Basis, list[str]] = {basis: [] for basis in _MATCHING}
    for basis, key in keys:
        wanted[basis].append(key)
    rows = await connection.fetch(_FIND, *wanted.values(), MOST_CANDIDATES)
    found: dict[Key, list[Candidate]] = {}
    for row in rows:
        relation_id = row["key"] if row["basis"] == "relation_id" else None
        candidate = Candidate(row["customer_id"], row["basis"], relation_id)
        found.setdefault((row["basis"], row["key"]), []).append(candidate)
    return found


async def list_projects_of(connection: Connection, customer_ids: Sequence[UUID], after: str, at_most: int) -> list[str]:
    """The projects that are one of these customers', or match one on any basis, after one, in order."""
    rows = await connection.fetch(
        """
        WITH refs AS (
            SELECT salesforce_ids, email, phone FROM projects.customer_refs WHERE customer_id = ANY($1::uuid[])
        )
        SELECT matches.project_id
          FROM (SELECT DISTINCT id FROM refs CROSS JOIN unnest(salesforce_ids) AS relation (id)) AS wanted
         CROSS JOIN LATERAL (
                   SELECT * FROM projects.customer_matches WHERE relation_ids @> ARRAY[wanted.id] OFFSET 0
               ) AS matches
         WHERE matches.project_id > $2
         UNION
        SELECT matches.project_id
          FROM (SELECT DISTINCT email FROM refs) AS wanted
         CROSS JOIN LATERAL (SELECT * FROM projects.customer_matches WHERE email = wanted.email OFFSET 0) AS matches
         WHERE matches.project_id > $2
         UNION
        SELECT matches.project_id
          FROM (SELECT DISTINCT phone FROM refs) AS wanted
         CROSS JOIN LATERAL (SELECT * FROM projects.customer_matches WHERE phone = wanted.phone OFFSET 0) AS matches
         WHERE matches.project_id > $2
         UNION
        SELECT matches.project_id
          FROM unnest($1::uuid[]) AS changed (id)
         CROSS JOIN LATERAL (SELECT * FROM projects.customer_matches WHERE customer_id = changed.id OFFSET 0) AS matches
         WHERE matches.project_id > $2
         ORDER BY project_id
         LIMIT $3
        """,
        customer_ids,
        after,
        at_most,
    )
    return [row["project_id"] for row in rows]
