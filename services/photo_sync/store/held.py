"""What waits in the mirror, in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at some photos of the mirror found."""

    last: str | None
    """The last of them, after which the next look begins; None where there were none."""
    late: Sequence[str]
    """Whose row is not in the project that they stand in, or retired there: there should be none."""
    held: int
    """How many wait for their project."""


async def look_at_photos(connection: Connection, after: str, at_most: int) -> Looked:
    """Look at so many photos of the mirror after one, in order: however many there are, it takes as long.

    Late ones have no row or a retired one, although their project has a row, or a live row in a project that they left.
    What the database refuses is left to those who try that again. A photo of a project that was deleted before it had a
    row waits for nothing; `paintbox status` counts the same.
    """
    rows = await connection.fetch(_LOOK_AT_PHOTOS, after, at_most)
    return Looked(**dict(rows[0]))  # an aggregate has one


_LOOK_AT_PHOTOS: Final = """
        WITH looked AS MATERIALIZED (
            SELECT id, parent_id, is_deleted OR coalesce(fields ->> 'status', '') = 'deleted' AS is_gone
              FROM projects.companycam_records
             WHERE object = 'photo' AND id > $1
             ORDER BY id
             LIMIT $2
        ), found AS (
            SELECT looked.id,
                   CASE WHEN projects.id IS NULL THEN photos.sync_status <> 'DELETED'
                        ELSE photos.project_id IS DISTINCT FROM projects.id OR photos.sync_status = 'DELETED' END
                       AND NOT EXISTS (
                               SELECT FROM projects.projection_refused AS refused
                                WHERE refused.object = 'photo' AND refused.id = looked.id
                           ) AS is_late,
                   projects.id IS NULL
                       AND NOT EXISTS (
                               SELECT
                                 FROM projects.companycam_records AS project
                                WHERE project.object = 'project' AND project.id = looked.parent_id
                                  AND (project.is_deleted OR project.fields ->> 'status' = 'deleted')
                           ) AS is_held
              FROM looked
              LEFT JOIN projects.projects ON projects.company_cam_id = looked.parent_id
              LEFT JOIN projects.project_photos AS photos ON photos.company_cam_id = looked.id
             WHERE NOT looked.is_gone
        )
        SELECT (SELECT max(id) FROM looked) AS last,
               coalesce(array_agg(id ORDER BY id) FILTER (WHERE is_late), '{}') AS late,
               count(*) FILTER (WHERE is_held) AS held
          FROM found
        """


async def count_unsettled(connection: Connection) -> Row | None:
    """How many projects wait for a customer, how many for a choice, how many have a contested match."""
    return await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE state = 'held') AS customer,
               count(*) FILTER (WHERE state = 'ambiguous') AS choice,
               count(*) FILTER (WHERE state = 'contested') AS contested
          FROM projects.customer_matches
         WHERE state <> 'matched'
        """
    )
