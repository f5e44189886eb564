"""Where in the databases the story of a subject stands: one query a place, none of which shows anything personal."""

from typing import Final

Place = tuple[str, str, str, str]
"""Database, place, who writes there, and what is asked: $1 events, $2 records, $3 rows."""


def _refused(schema: str, process: str) -> Place:
    statement = f"""
        SELECT tried_at AS at, format('row of %s %s is refused since %s: %s', object, id, refused_at, reason) AS what
          FROM {schema}.projection_refused
         WHERE id = ANY($2::text[]) OR cause ->> 'event_id' = ANY(SELECT unnest($1::uuid[])::text)
        """  # noqa: S608 - one of two names
    return schema, "projection_refused", process, statement


def _federation_keys(schema: str, process: str) -> Place:
    statement = f"""
        SELECT created_at AS at,
               format('%s %s belongs to %s %s, version %s%s', local_table, local_id, external_table, external_id,
                      source_version, CASE WHEN deleted_at IS NOT NULL THEN ', deleted' END) AS what
          FROM {schema}.federation_keys
         WHERE local_id = ANY($3::uuid[]) OR external_id = ANY(SELECT unnest($3::uuid[])::text)
        """  # noqa: S608 - one of two names
    return schema, f"federation_keys at {schema}", process, statement


PLACES: Final[tuple[Place, ...]] = (
    (
        "integrations",
        "webhook_event_keys",
        "whoever came first",
        """
        SELECT received_at AS at, 'first receipt of event ' || event_id AS what
          FROM integrations.webhook_event_keys WHERE event_id = ANY($1::uuid[])
        """,
    ),
    (
        "integrations",
        "webhook_events",
        "webhook-log",
        """
        SELECT coalesce(processed_at, received_at) AS at,
               format('event %s, %s: %s%s', id, event_type, status, ', ' || split_part(error_message, ':', 2)) AS what
          FROM integrations.webhook_events WHERE id = ANY($1::uuid[])
        """,
    ),
    (
        "integrations",
        "webhook_spool",
        "webhook-ingest",
        """
        SELECT spooled_at AS at, format('event %s waits for %s', event_id, topic) AS what
          FROM integrations.webhook_spool WHERE event_id = ANY($1::uuid[])
        """,
    ),
    (
        "integrations",
        "sync_logs",
        "customer-sync or photo-sync",
        """
        SELECT completed_at AS at,
               format('event %s about %s %s: %s %s', id, entity_type, external_id, status, metadata ->> 'outcome')
                   AS what
          FROM integrations.sync_logs WHERE id = ANY($1::uuid[])
        """,
    ),
    (
        "integrations",
        "parked_records",
        "its consumer",
        """
        SELECT parked_at AS at,
               format('%s parked %s/%s@%s: %s, attempt %s', consumer, topic, partition, "offset", reason_code, attempt)
                   AS what
          FROM integrations.parked_records
         WHERE headers ->> 'ce_id' = ANY(SELECT unnest($1::uuid[])::text)
            OR key = ANY(SELECT convert_to(unnest($2::text[]), 'UTF8'))
        """,
    ),
    (
        "customers",
        "salesforce_records",
        "customer-sync",
        """
        SELECT last_seen_at AS at,
               format('%s %s mirrored since %s, last by event %s%s', object, id, first_seen_at, last_event_id,
                      CASE WHEN is_deleted THEN ', deleted' END) AS what
          FROM customers.salesforce_records WHERE id = ANY($2::text[])
        """,
    ),
    (
        "customers",
        "customer_sync_logs",
        "customer-sync",
        """
        SELECT completed_at AS at,
               format('customer %s became version %s: %s', customer_id, sync_version, status) AS what
          FROM customers.customer_sync_logs WHERE customer_id = ANY($3::uuid[]) OR salesforce_id = ANY($2::text[])
        """,
    ),
    _refused("customers", "customer-sync"),
    (
        "customers",
        "customers",
        "customer-sync",
        """
        SELECT last_sync_at AS at,
               format('customer %s is version %s%s', id, source_version,
                      CASE WHEN deleted_at IS NOT NULL THEN ', deleted' END) AS what
          FROM customers.customers WHERE id = ANY($3::uuid[])
        """,
    ),
    (
        "customers",
        "outbox_events",
        "customer-sync",
        """
        SELECT created_at AS at, format('waits to be published to %s as %s, seq %s', topic, key, seq) AS what
          FROM customers.outbox_events WHERE key = ANY(SELECT unnest($3::uuid[])::text)
        """,
    ),
    _federation_keys("customers", "customer-sync"),
    (
        "projects",
        "companycam_records",
        "photo-sync",
        """
        SELECT last_seen_at AS at,
               format('%s %s mirrored since %s, last by event %s%s', object, id, first_seen_at, last_event_id,
                      CASE WHEN is_deleted THEN ', deleted' END) AS what
          FROM projects.companycam_records WHERE id = ANY($2::text[])
        """,
    ),
    (
        "projects",
        "customer_matches",
        "photo-sync",
        """
        SELECT changed_at AS at, format('project %s is %s %s', project_id, state, customer_id) AS what
          FROM projects.customer_matches WHERE project_id = ANY($2::text[])
        """,
    ),
    _refused("projects", "photo-sync"),
    (
        "projects",
        "projects",
        "photo-sync",
        """
        SELECT updated_at AS at, format('project %s is version %s, %s', id, source_version, status) AS what
          FROM projects.projects WHERE id = ANY($3::uuid[])
        """,
    ),
    (
        "projects",
        "project_photos",
        "photo-sync",
        """
        SELECT last_sync_at AS at, format('photo %s of project %s: %s', id, project_id, sync_status) AS what
          FROM projects.project_photos WHERE id = ANY($3::uuid[])
        """,
    ),
    (
        "projects",
        "outbox_events",
        "photo-sync",
        """
        SELECT created_at AS at, format('waits to be published to %s as %s, seq %s', topic, key, seq) AS what
          FROM projects.outbox_events
         WHERE key = ANY(SELECT unnest($3::uuid[])::text)
            OR split_part(key, '/', 3) = ANY(SELECT unnest($3::uuid[])::text)
        """,
    ),
    _federation_keys("projects", "photo-sync"),
)
