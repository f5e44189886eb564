"""paintbox_projects in SQL: projects and photos. The caller owns the transaction and the locks of the mirror rows."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from photo_sync.models.columns import PROJECT_COLUMNS
from photo_sync.models.rows import Photo, Project
from synckit import times
from synckit.mirror.store import Mirror
from synckit.outbox.store import Outbox
from synckit.postgres import Connection, Row, as_json

MIRROR: Final = Mirror(
    records="projects.companycam_records",
    notes="projects.projection_todo",
    refused="projects.projection_refused",
    parents={"photo": "project_id"},
)
OUTBOX: Final = Outbox(
    name="paintbox_projects.outbox", events="projects.outbox_events", refused="projects.outbox_refused"
)
FEDERATION_KEYS: Final = "projects.federation_keys"
VERSION_FLOOR: Final = "projects.version_floor"

_COLUMNS: Final = ", ".join(PROJECT_COLUMNS)
_TYPED: Final = ", ".join(f"{name} {column.sql_type}" for name, column in PROJECT_COLUMNS.items())
_UPDATES: Final = ",\n               ".join(f"{name} = excluded.{name}" for name in PROJECT_COLUMNS)
_STORED: Final = ", ".join(f"stored.{name}" for name in PROJECT_COLUMNS)
_EXCLUDED: Final = ", ".join(f"excluded.{name}" for name in PROJECT_COLUMNS)


async def upsert_projects(connection: Connection, projects: Sequence[Project]) -> list[Row]:
    """Store each project that differs from what is stored; the rows that changed, and whether they are new.

    Type and priority are set once, at creation; afterwards they are the application's. So is the status, but for the
    moment in which the vendor archives, deletes or restores the project: what it was before is kept aside, and comes
    back. The vendor's id is put back where somebody took it away. A project that is deleted before it ever had a row
    gets none. Where there is a floor readers were perhaps told what this database has forgotten: such a project gets a
    retired row, and a row whose version is below the floor counts as changed.
    """
    if not projects:
        return []
    return await connection.fetch(_UPSERT_PROJECTS, as_json(map(_project_row, projects)))


_UPSERT_PROJECTS: Final = f"""
        INSERT INTO projects.projects AS stored
               (id, company_cam_id, customer_id, type, status, status_before_archive, deleted_at, source_version,
                {_COLUMNS})
        SELECT id, company_cam_id, customer_id, type,
               CASE WHEN deleted_at IS NOT NULL THEN 'CANCELLED' WHEN is_archived THEN 'ARCHIVED' ELSE 'PLANNING'
               END::projects.project_status_enum,
               CASE WHEN deleted_at IS NOT NULL OR is_archived THEN 'PLANNING' END::projects.project_status_enum,
               deleted_at, greatest(source_version, (SELECT version FROM {VERSION_FLOOR})),
               {_COLUMNS}
          FROM json_to_recordset($1::json)
            AS incoming (id uuid, company_cam_id text, customer_id uuid, type projects.project_type_enum,
                         is_archived boolean, deleted_at timestamptz, source_version bigint, {_TYPED})
         WHERE deleted_at IS NULL
            OR EXISTS (SELECT FROM projects.projects AS known WHERE known.id = incoming.id)
            OR EXISTS (SELECT FROM {VERSION_FLOOR})
         ORDER BY id
        ON CONFLICT (id) DO UPDATE
           SET {_UPDATES},
               company_cam_id = excluded.company_cam_id,
               customer_id = excluded.customer_id,
               deleted_at = excluded.deleted_at,
               status = CASE
                   WHEN (stored.deleted_at IS NULL) = (excluded.deleted_at IS NULL)
                    AND (stored.status_before_archive IS NULL) = (excluded.status_before_archive IS NULL)
                   THEN stored.status
                   WHEN excluded.status_before_archive IS NOT NULL THEN excluded.status
                   WHEN stored.status IN ('ARCHIVED', 'CANCELLED') THEN stored.status_before_archive
                   ELSE stored.status
               END,
               status_before_archive = CASE
                   WHEN excluded.status_before_archive IS NULL THEN NULL
                   WHEN stored.status IN ('ARCHIVED', 'CANCELLED')
                   THEN coalesce(stored.status_before_archive, stored.status)
                   ELSE stored.status -- before, or what a person decided since
               END,
               source_version = greatest(stored.source_version + 1, excluded.source_version)
         WHERE ({_STORED}, stored.company_cam_id, stored.customer_id, stored.deleted_at,
                stored.status_before_archive IS NULL)
            IS DISTINCT FROM
               ({_EXCLUDED}, excluded.company_cam_id, excluded.customer_id, excluded.deleted_at,
                excluded.status_before_archive IS NULL)
            OR stored.source_version < (SELECT version FROM {VERSION_FLOOR})
        RETURNING stored.id, stored.customer_id, stored.company_cam_id, stored.name, stored.type, stored.status,
                  stored.created_at, stored.merged_into, stored.deleted_at, stored.source_version,
                  stored.xmax = 0 AS is_new
        """  # noqa: S608 - the columns are constants


def _project_row(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "company_cam_id": project.company_cam_id,
        "customer_id": project.customer_id,
        "type": project.type,
        "is_archived": project.is_archived,
        "deleted_at": None if project.deleted_at is None else times.rfc3339(project.deleted_at),
        "source_version": project.source_version,
        **project.columns,
    }


async def lock_projects_of(
    connection: Connection, photo_ids: Iterable[UUID], project_ids: Iterable[str]
) -> dict[str, UUID]:
    """Lock, in key order, the projects that these photos hang on or will; the latter by CompanyCam's id.

    The trigger that counts photos updates them all: locked here, two batches cannot meet in the opposite order.
    """
    rows = await connection.fetch(
        """
        SELECT projects.id, projects.company_cam_id
          FROM projects.projects
         WHERE projects.id IN (
                   SELECT id FROM projects.projects WHERE company_cam_id = ANY($1::text[])
                    UNION
                   SELECT project_id FROM projects.project_photos WHERE id = ANY($2::uuid[])
               )
         ORDER BY projects.id
           FOR NO KEY UPDATE
        """,
        list(project_ids),
        list(photo_ids),
    )
    return {row["company_cam_id"]: row["id"] for row in rows}


async def upsert_photos(connection: Connection, photos: Sequence[Photo]) -> list[Row]:
    """Store each photo that differs from what is stored; the ids of those that changed, in key order.

    Its category is set once, at creation; phase, room, surface and analysis never: they are the application's. A
    photo that is deleted before it ever had a row, or is held, gets none; a row that is there already is retired
    where it is. The caller holds the locks of the projects.
    """
    if not photos:
        return []
    return await connection.fetch(_UPSERT_PHOTOS, as_json(map(_photo_row, photos)))


_UPSERT_PHOTOS: Final = """
        INSERT INTO projects.project_photos AS stored
               (id, project_id, company_cam_id, url, thumbnail_url, mime_type, category, tags, description, captured_at,
                uploaded_at, latitude, longitude, company_cam_metadata, sync_status, last_sync_at)
        SELECT id,
               coalesce(project_id,
                        (SELECT known.project_id FROM projects.project_photos AS known WHERE known.id = incoming.id)),
               company_cam_id, url, thumbnail_url, mime_type, category, tags, description, captured_at,
               uploaded_at, latitude, longitude, company_cam_metadata, sync_status, now()
          FROM json_to_recordset($1::json)
            AS incoming (id uuid, project_id uuid, company_cam_id text, url text, thumbnail_url text, mime_type text,
                         category projects.photo_category_enum, tags text[], description text, captured_at timestamptz,
                         uploaded_at timestamptz, latitude numeric, longitude numeric, company_cam_metadata jsonb,
                         sync_status projects.photo_sync_status_enum)
         WHERE sync_status <> 'DELETED'
            OR EXISTS (SELECT FROM projects.project_photos AS known WHERE known.id = incoming.id)
         ORDER BY id
        ON CONFLICT (id) DO UPDATE
           SET project_id           = excluded.project_id,
               company_cam_id       = excluded.company_cam_id,
               url                  = excluded.url,
               thumbnail_url        = excluded.thumbnail_url,
               mime_type            = excluded.mime_type,
               tags                 = excluded.tags,
               description          = excluded.description,
               captured_at          = excluded.captured_at,
               uploaded_at          = excluded.uploaded_at,
               latitude             = excluded.latitude,
               longitude            = excluded.longitude,
               company_cam_metadata = excluded.company_cam_metadata,
               sync_status          = excluded.sync_status,
               last_sync_at         = excluded.last_sync_at
         WHERE (stored.project_id, stored.company_cam_id, stored.url, stored.thumbnail_url, stored.mime_type,
                stored.tags, stored.description, stored.captured_at, stored.uploaded_at, stored.latitude,
                stored.longitude, stored.company_cam_metadata, stored.sync_status)
            IS DISTINCT FROM
               (excluded.project_id, excluded.company_cam_id, excluded.url, excluded.thumbnail_url, excluded.mime_type,
                excluded.tags, excluded.description, excluded.captured_at, excluded.uploaded_at, excluded.latitude,
                excluded.longitude, excluded.company_cam_metadata, excluded.sync_status)
        RETURNING stored.id
        """


def _photo_row(photo: Photo) -> dict[str, Any]:
    return {
        "id": photo.id,
        "project_id": photo.project_id,
        "company_cam_id": photo.company_cam_id,
        "url": photo.url,
        "thumbnail_url": photo.thumbnail_url,
        "mime_type": photo.mime_type,
        "category": photo.category,
        "tags": photo.tags,
        "description": photo.description,
        "captured_at": times.rfc3339(photo.captured_at),
        "uploaded_at": times.rfc3339(photo.uploaded_at),
        "latitude": photo.latitude,
        "longitude": photo.longitude,
        "company_cam_metadata": photo.metadata,
        "sync_status": photo.sync_status,
    }


async def find_projects(connection: Connection, ids: Sequence[UUID]) -> list[Row]:
    """Which of these projects exist: id, deleted, merged_into."""
    return await connection.fetch(
        "SELECT id, deleted_at IS NOT NULL AS deleted, merged_into FROM projects.projects WHERE id = ANY($1::uuid[])",
        ids,
    )


async def find_photos(connection: Connection, ids: Sequence[UUID]) -> list[Row]:
    """Which of these photos exist: id, deleted, merged_into (never)."""
    return await connection.fetch(
        """
        SELECT id, sync_status = 'DELETED' AS deleted, NULL::uuid AS merged_into
          FROM projects.project_photos
         WHERE id = ANY($1::uuid[])
        """,
        ids,
    )
