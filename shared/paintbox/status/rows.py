"""What waits in the databases: outboxes, held, refused and parked records, quarantined deliveries."""

from dataclasses import dataclass
from typing import Final

from paintbox.databases import Connection, Database, connected
from paintbox.errors import OperatorError
from paintbox.parked.listing import Alarm, find_alarms

OUTBOXES: Final = (Database.CUSTOMERS, Database.PROJECTS, Database.ESTIMATES)
MOST_UNFINISHED: Final = 10_000
MIRRORS: Final = (Database.CUSTOMERS, Database.PROJECTS)


@dataclass(frozen=True, slots=True)
class Outbox:
    """How many rows wait to be published, since when the oldest has (in seconds), and how many were too large."""

    rows: int
    oldest_seconds: float
    refused: int


@dataclass(frozen=True, slots=True)
class Held:
    """What the mirror holds back: projects by what they wait for, and photos whose project has no row."""

    projects_without_customer: int
    projects_with_several_candidates: int
    photos_without_project: int
    contested_projects: int
    """These have their customer; a second candidate appeared later."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """What needs a person: deliveries that were not understood, and by consumer the records that could not work."""

    quarantined: int
    parked: dict[str, int]
    alarms: tuple[Alarm, ...] = ()
    """Of consumers that stopped because they parked too much."""
    unfinished: int = 0
    """Webhooks that came more than an hour ago, and that their consumer has not worked on: more than `MOST_UNFINISHED`
    are not counted."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one database says; None for what it does not keep."""

    outbox: Outbox | None = None
    held: Held | None = None
    refused: dict[str, int] | None = None
    """How many rows it refuses, by the vendor's record that they are of."""
    set_aside: SetAside | None = None


async def waiting(dsn: str, database: Database) -> Waiting:
    """What waits in one database. Raises DatabaseError where it does not let us in, OperatorError before migrations."""
    async with connected(dsn, process="paintbox status") as connection:
        if not await connection.fetchval("SELECT to_regclass('paintbox_meta.schema_migrations') IS NOT NULL"):
            raise OperatorError("is not migrated: `paintbox migrate` does it")
        return Waiting(
            outbox=await _outbox(connection, database) if database in OUTBOXES else None,
            held=await _held(connection) if database is Database.PROJECTS else None,
            refused=await _refused(connection, database) if database in MIRRORS else None,
            set_aside=await _set_aside(connection) if database is Database.INTEGRATIONS else None,
        )


async def _outbox(connection: Connection, schema: Database) -> Outbox:
    row = await connection.fetchrow(
        f"""
        SELECT count(*) AS rows,
               COALESCE(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds,
               (SELECT count(*) FROM {schema}.outbox_refused) AS refused
          FROM {schema}.outbox_events
        """  # noqa: S608 - the schema is one of three names in this file
    )
    return Outbox(**dict(row or {}))


async def _held(connection: Connection) -> Held:
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE state = 'held') AS projects_without_customer,
               count(*) FILTER (WHERE state = 'ambiguous') AS projects_with_several_candidates,
               count(*) FILTER (WHERE state = 'contested') AS contested_projects,
               (SELECT count(*)
                  FROM projects.companycam_records AS photo
                 WHERE photo.object = 'photo'
                   AND NOT photo.is_deleted
                   AND coalesce(photo.fields ->> 'status', '') <> 'deleted'
                   AND NOT EXISTS (SELECT FROM projects.projects WHERE company_cam_id = photo.parent_id)
                   AND NOT EXISTS (
                           SELECT
                             FROM projects.companycam_records AS project
                            WHERE project.object = 'project' AND project.id = photo.parent_id
                              AND (project.is_deleted OR project.fields ->> 'status' = 'deleted')
                       )
               ) AS photos_without_project
          FROM projects.customer_matches
         WHERE state <> 'matched'
        """
    )
    return Held(**dict(row or {}))


async def _refused(connection: Connection, schema: Database) -> dict[str, int]:
    rows = await connection.fetch(
        f"""
        SELECT object, count(*) AS rows
          FROM {schema}.projection_refused
         GROUP BY object
         ORDER BY object
        """  # noqa: S608 - the schema is one of two names in this file
    )
    return {row["object"]: row["rows"] for row in rows}


async def _set_aside(connection: Connection) -> SetAside:
    quarantined: int = await connection.fetchval(
        """
        SELECT count(*)
          FROM integrations.webhook_events
         WHERE status = 'FAILED' AND error_message LIKE 'quarantined: %'
           AND NOT EXISTS (
                   SELECT
                     FROM integrations.quarantine_decisions AS decision
                    WHERE decision.event_id = webhook_events.id AND decision.dropped_at IS NOT NULL
               )
        """
    )
    parked = await connection.fetch(
        """
        SELECT consumer, count(*) AS records
          FROM integrations.parked_records
         WHERE redriven_at IS NULL AND dropped_at IS NULL
         GROUP BY consumer
         ORDER BY consumer
        """
    )
    unfinished: int = await connection.fetchval(
        """
        SELECT count(*)
          FROM (SELECT
                  FROM integrations.webhook_events
                 WHERE status = 'RECEIVED' AND received_at < now() - interval '1 hour'
                 LIMIT $1) AS unfinished
        """,
        MOST_UNFINISHED + 1,
    )
    alarms = await find_alarms(connection)
    return SetAside(quarantined, {row["consumer"]: row["records"] for row in parked}, tuple(alarms), unfinished)
