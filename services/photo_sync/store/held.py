"""What waits in the mirror, in SQL."""

from synckit.postgres import Connection, Row


async def list_unsettled_projects(connection: Connection, after: str, at_most: int) -> list[str]:
    """Projects without a customer, with several candidates, or whose match is contested, after one, in order.

    Nothing else looks at a contested match again when its other candidate changes and no longer matches. What the
    database refuses is left to those who try that again.
    """
    rows = await connection.fetch(
        """
        SELECT project_id
          FROM projects.customer_matches
         WHERE state <> 'matched' AND project_id > $1
           AND NOT EXISTS (
                   SELECT FROM projects.projection_refused WHERE object = 'project' AND id = customer_matches.project_id
               )
         ORDER BY project_id
         LIMIT $2
        """,
        after,
        at_most,
    )
    return [row["project_id"] for row in rows]


async def list_late_photos(connection: Connection, after: str, at_most: int) -> list[str]:
    """Photos whose row is not in the project that they stand in, after one, in order: there should be none.

    They have no row although their project has one, or a live row in a project that they left. What the database
    refuses is left to those who try that again.
    """
    rows = await connection.fetch(
        """
        SELECT records.id
          FROM projects.companycam_records AS records
          LEFT JOIN projects.projects ON projects.company_cam_id = records.parent_id
          LEFT JOIN projects.project_photos AS photos ON photos.company_cam_id = records.id
         WHERE records.object = 'photo' AND records.id > $1 AND NOT records.is_deleted
           AND coalesce(records.fields ->> 'status', '') <> 'deleted'
           AND photos.project_id IS DISTINCT FROM projects.id
           AND (projects.id IS NOT NULL OR photos.sync_status <> 'DELETED')
           AND NOT EXISTS (SELECT FROM projects.projection_refused WHERE object = 'photo' AND id = records.id)
         ORDER BY records.id
         LIMIT $2
        """,
        after,
        at_most,
    )
    return [row["id"] for row in rows]


async def count_held(connection: Connection) -> Row | None:
    """How many projects wait for a customer, how many for a choice, how many photos wait for their project.

    A photo of a project that was deleted before it had a row waits for nothing. `paintbox status` counts the same.
    """
    return await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE state = 'held') AS customer,
               count(*) FILTER (WHERE state = 'ambiguous') AS choice,
               count(*) FILTER (WHERE state = 'contested') AS contested,
               (SELECT count(*)
                  FROM projects.companycam_records AS records
                 WHERE records.object = 'photo' AND NOT records.is_deleted
                   AND coalesce(records.fields ->> 'status', '') <> 'deleted'
                   AND NOT EXISTS (SELECT FROM projects.projects WHERE projects.company_cam_id = records.parent_id)
                   AND NOT EXISTS (
                           SELECT
                             FROM projects.companycam_records AS project
                            WHERE project.object = 'project' AND project.id = records.parent_id
                              AND (project.is_deleted OR project.fields ->> 'status' = 'deleted')
                       )
               ) AS photos
          FROM projects.customer_matches
         WHERE state <> 'matched'
        """
    )
