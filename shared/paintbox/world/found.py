"""The rows of a run as the databases have them, by the vendor's id."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson

from paintbox.databases import Connection
from paintbox.world.expected import Row
from paintbox.world.ids import Ids


async def customers(connection: Connection, ids: Sequence[UUID]) -> dict[str, Row]:
    """These customers: every column that Salesforce feeds."""
    rows = await connection.fetch(
        """
        SELECT salesforce_id, id, first_name, last_name, email, phone, company,
               mailing_street, mailing_city, mailing_state, mailing_postal_code, mailing_country,
               mailing_latitude, mailing_longitude,
               billing_street, billing_city, billing_state, billing_postal_code, billing_country,
               billing_latitude, billing_longitude,
               service_street, service_city, service_state, service_postal_code, service_country,
               service_latitude, service_longitude,
               lead_source, industry, website, account_number, salesforce_account_id, salesforce_owner_id, status,
               account_type, deleted_at IS NOT NULL AS is_deleted
          FROM customers.customers
         WHERE id = ANY($1::uuid[])
        """,
        ids,
    )
    return {row["salesforce_id"]: dict(row) for row in rows}


async def projects(connection: Connection, ids: Sequence[UUID]) -> dict[str, Row]:
    """These projects: every column that CompanyCam feeds."""
    rows = await connection.fetch(
        """
        SELECT company_cam_id, id, name, service_street, service_city, service_state, service_postal_code,
               service_country, service_latitude, service_longitude, notes, customer_id, status, photo_count,
               deleted_at IS NOT NULL AS is_deleted
          FROM projects.projects
         WHERE id = ANY($1::uuid[])
        """,
        ids,
    )
    return {row["company_cam_id"]: dict(row) for row in rows}


async def photos(connection: Connection, ids: Sequence[UUID]) -> dict[str, Row]:
    """These photos: every column that CompanyCam feeds."""
    rows = await connection.fetch(
        """
        SELECT company_cam_id, id, project_id, url, thumbnail_url, mime_type, description, captured_at, uploaded_at,
               latitude, longitude, tags, company_cam_metadata AS metadata, sync_status
          FROM projects.project_photos
         WHERE id = ANY($1::uuid[])
        """,
        ids,
    )
    return {row["company_cam_id"]: {**dict(row), "metadata": orjson.loads(row["metadata"] or "null")} for row in rows}


async def owned_keys(connection: Connection, projects: Mapping[UUID, str]) -> dict[str, Row]:
    """The federation keys of these projects with customers; `projects` tells the vendor's id of each."""
    rows = await connection.fetch(
        """
        SELECT local_id, external_id, is_owner, relationship_type, deleted_at IS NOT NULL AS is_deleted
          FROM projects.federation_keys
         WHERE local_table = 'projects' AND local_id = ANY($1::uuid[])
           AND external_service = 'customers' AND external_table = 'customers'
         ORDER BY local_id, deleted_at NULLS FIRST, external_id
        """,
        list(projects),
    )
    return _keys((projects[row["local_id"]], dict(row)) for row in rows)


async def applied_keys(connection: Connection, projects: Mapping[UUID, str]) -> dict[str, Row]:
    """The federation keys of customers with these projects; `projects` tells the vendor's id of each."""
    rows = await connection.fetch(
        """
        SELECT local_id, external_id, is_owner, relationship_type, deleted_at IS NOT NULL AS is_deleted
          FROM customers.federation_keys
         WHERE local_table = 'customers'
           AND external_service = 'projects' AND external_table = 'projects' AND external_id = ANY($1::text[])
         ORDER BY external_id, deleted_at NULLS FIRST, local_id
        """,
        [str(one) for one in projects],
    )
    return _keys((projects[UUID(row["external_id"])], dict(row)) for row in rows)


def _keys(rows: Iterable[tuple[str, Row]]) -> dict[str, Row]:
    """By project; a second key of the same one, which there should not be, stands beside it under a name of its own."""
    found: dict[str, Row] = {}
    for project, row in rows:
        found[project if project not in found else f"{project} ({row['local_id']}, {row['external_id']})"] = row
    return found


async def project_facts(connection: Connection, projects: Mapping[UUID, str]) -> dict[str, Row]:
    """What the service of customers knows of these projects; `projects` tells the vendor's id of each."""
    rows = await connection.fetch(
        """
        SELECT project_id, customer_id, name, status, deleted_at IS NOT NULL AS is_deleted
          FROM customers.project_facts
         WHERE project_id = ANY($1::uuid[])
        """,
        list(projects),
    )
    return {projects[row["project_id"]]: dict(row) for row in rows}


async def matches(connection: Connection, projects: Sequence[str]) -> dict[str, Row]:
    """Whose these projects were found to be."""
    rows = await connection.fetch(
        """
        SELECT project_id, state, customer_id, basis, relation_ids, email, phone
          FROM projects.customer_matches
         WHERE project_id = ANY($1::text[])
        """,
        projects,
    )
    return {row["project_id"]: dict(row) for row in rows}


async def events(connection: Connection, ids: Sequence[str], since: datetime) -> dict[tuple[str, str], int]:
    """How many events of these records were received since then and are done with, by record and form."""
    rows = await connection.fetch(
        """
        SELECT logs.external_id,
               CASE events.service WHEN 'COMPANY_CAM' THEN 'webhook' ELSE split_part(events.event_type, '.', 1) END
                   AS form,
               count(*) AS events
          FROM integrations.webhook_events AS events
          JOIN integrations.sync_logs AS logs ON logs.id = events.id AND logs.started_at = events.received_at
         WHERE events.received_at >= $2 AND logs.external_id = ANY($1::text[])
           AND events.status IN ('PROCESSED', 'IGNORED')
         GROUP BY logs.external_id, form
        """,
        ids,
        since,
    )
    return {(row["external_id"], row["form"]): row["events"] for row in rows}


async def seconds_to_merged(connection: Connection, ids: Sequence[str], since: datetime) -> Row:
    """How many events of these records were processed since then, and the median and 99th percentile of their seconds.

    Counted from the first receipt at the door to the end of the batch that applied the event.
    """
    row = await connection.fetchrow(
        """
        SELECT count(*) AS events,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY logs.duration_ms) / 1000 AS p50,
               percentile_cont(0.99) WITHIN GROUP (ORDER BY logs.duration_ms) / 1000 AS p99
          FROM integrations.sync_logs AS logs
          JOIN integrations.webhook_events AS events ON events.id = logs.id AND events.received_at = logs.started_at
         WHERE logs.started_at >= $2 AND logs.external_id = ANY($1::text[]) AND events.status = 'PROCESSED'
        """,
        ids,
        since,
    )
    return dict(row or {})


async def count_set_aside(connection: Connection, since: datetime) -> int:
    """How many records were parked since then, and how many deliveries were quarantined."""
    count: int = await connection.fetchval(
        """
        SELECT (SELECT count(*) FROM integrations.parked_records WHERE parked_at >= $1)
             + (SELECT count(*)
                  FROM integrations.webhook_events
                 WHERE received_at >= $1 AND status = 'FAILED' AND error_message LIKE 'quarantined: %')
        """,
        since,
    )
    return count


async def telephones(connection: Connection) -> frozenset[str]:
    """The numbers (E.164) that projects find customers by."""
    rows = await connection.fetch("SELECT DISTINCT phone FROM projects.customer_refs WHERE phone IS NOT NULL")
    return frozenset(row["phone"] for row in rows)


async def count_customers(connection: Connection, ids: Ids) -> Row:
    """How many customers have a row, and how many federation keys of projects are applied."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM customers.customers WHERE id = ANY($1::uuid[])) AS rows,
               (SELECT count(*)
                  FROM customers.federation_keys
                 WHERE external_service = 'projects' AND external_table = 'projects'
                   AND external_id = ANY($2::text[])
               ) AS keys
        """,
        ids.customers,
        [str(one) for one in ids.projects],
    )
    return dict(row or {})


async def count_projects(connection: Connection, ids: Ids) -> Row:
    """How many projects and photos have a row, and how many of each wait in the mirror for theirs."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM projects.projects WHERE id = ANY($1::uuid[])) AS projects,
               (SELECT count(*) FROM projects.project_photos WHERE id = ANY($2::uuid[])) AS photos,
               (SELECT count(*)
                  FROM projects.customer_matches
                 WHERE project_id = ANY($3::text[]) AND state = 'held'
               ) AS held_projects,
               (SELECT count(*)
                  FROM projects.companycam_records
                 WHERE object = 'photo' AND id = ANY($4::text[])
               ) AS seen_photos
        """,
        list(ids.projects),
        ids.photos,
        ids.project_records,
        ids.photo_records,
    )
    return dict(row or {})
