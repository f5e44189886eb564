import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from paintbox.databases import Connection, Database
from support.postgres import NewDatabase, OpenSession
from support.rows import a_photo, a_project

pytestmark = pytest.mark.database

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2024, 6, 1, 0, tzinfo=UTC)


async def counters(connection: Connection, project_id: UUID) -> tuple[int, datetime | None]:
    row = await connection.fetchrow(
        "SELECT photo_count, last_photo_sync FROM projects.projects WHERE id = $1", project_id
    )
    assert row is not None
    return row["photo_count"], row["last_photo_sync"]


async def test_photos_are_counted_and_the_latest_upload_is_kept(projects: Connection) -> None:
    project = await a_project(projects)

    await a_photo(projects, project["id"], uploaded_at=NOON)
    await a_photo(projects, project["id"], uploaded_at=MIDNIGHT)

    assert await counters(projects, project["id"]) == (2, NOON)


async def test_one_statement_for_many_photos_rewrites_each_project_once(projects: Connection) -> None:
    ids = sorted([(await a_project(projects))["id"], (await a_project(projects))["id"]])

    async with projects.transaction():
        await projects.execute(
            """
            INSERT INTO projects.project_photos (project_id, url, captured_at)
            SELECT ($1::uuid[])[1 + number % 2], 'https://img.example.com', now()
              FROM generate_series(1, 1001) AS number
            """,
            ids,
        )
        rewritten = await projects.fetchval(
            "SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relid = 'projects.projects'::regclass"
        )

    assert rewritten == 2
    assert [(await counters(projects, project))[0] for project in ids] == [500, 501]


async def test_a_deleted_photo_is_not_counted_and_a_restored_one_is_again(projects: Connection) -> None:
    project = await a_project(projects)
    photo = await a_photo(projects, project["id"], uploaded_at=NOON)
    mark = "UPDATE projects.project_photos SET sync_status = $2 WHERE id = $1"

    counts = []
    for status in ("DELETED", "DELETED", "SYNCED"):
        await projects.execute(mark, photo["id"], status)
        counts.append((await counters(projects, project["id"]))[0])

    assert counts == [0, 0, 1]


async def test_a_photo_that_arrives_deleted_changes_nothing(projects: Connection) -> None:
    project = await a_project(projects)

    await a_photo(projects, project["id"], sync_status="DELETED")

    assert await counters(projects, project["id"]) == (0, None)


async def test_a_photo_that_moves_is_counted_where_it_is(projects: Connection) -> None:
    left, reached = (await a_project(projects))["id"], (await a_project(projects))["id"]
    photo = await a_photo(projects, left, uploaded_at=NOON)

    await projects.execute("UPDATE projects.project_photos SET project_id = $2 WHERE id = $1", photo["id"], reached)

    assert await counters(projects, left) == (0, NOON)
    assert await counters(projects, reached) == (1, NOON)


async def test_two_photos_that_change_places_leave_the_counts_as_they_were(projects: Connection) -> None:
    one, other = (await a_project(projects))["id"], (await a_project(projects))["id"]
    await a_photo(projects, one)
    await a_photo(projects, other)

    await projects.execute(
        "UPDATE projects.project_photos SET project_id = CASE project_id WHEN $1 THEN $2::uuid ELSE $1::uuid END",
        one,
        other,
    )

    assert [(await counters(projects, project))[0] for project in (one, other)] == [1, 1]


async def test_a_later_upload_time_of_a_known_photo_is_kept_and_an_earlier_one_is_not(projects: Connection) -> None:
    project = await a_project(projects)
    await a_photo(projects, project["id"], uploaded_at=MIDNIGHT)

    for uploaded_at in (NOON, MIDNIGHT):
        await projects.execute("UPDATE projects.project_photos SET uploaded_at = $1", uploaded_at)

    assert await counters(projects, project["id"]) == (1, NOON)


async def test_an_upsert_counts_what_it_inserts_and_what_it_moves(projects: Connection) -> None:
    left, reached = (await a_project(projects))["id"], (await a_project(projects))["id"]
    await a_photo(projects, left, company_cam_id="1")

    await projects.execute(
        """
        INSERT INTO projects.project_photos (project_id, company_cam_id, url, captured_at)
        SELECT $1, vendor_id, 'https://img.example.com', now() FROM unnest(ARRAY['1', '2']) AS vendor_id
        ON CONFLICT (company_cam_id) DO UPDATE SET project_id = excluded.project_id
        """,
        reached,
    )

    assert [(await counters(projects, project))[0] for project in (left, reached)] == [0, 2]


async def test_photos_that_are_removed_are_no_longer_counted(projects: Connection) -> None:
    project = await a_project(projects)
    await a_photo(projects, project["id"])
    await a_photo(projects, project["id"], sync_status="DELETED")

    await projects.execute("DELETE FROM projects.project_photos")

    assert (await counters(projects, project["id"]))[0] == 0


async def test_a_project_goes_with_its_photos(projects: Connection) -> None:
    project = await a_project(projects)
    await a_photo(projects, project["id"])

    await projects.execute("DELETE FROM projects.projects")

    assert await projects.fetchval("SELECT count(*) FROM projects.project_photos") == 0


async def test_a_change_that_moves_no_photo_locks_no_project(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(Database.PROJECTS)
    one, other = await connect(dsn), await connect(dsn, lock_timeout="200ms")
    project = await a_project(one)
    await a_photo(one, project["id"])
    transaction = one.transaction()
    await transaction.start()
    await one.execute("SELECT FROM projects.projects WHERE id = $1 FOR UPDATE", project["id"])

    await other.execute("UPDATE projects.project_photos SET description = 'north wall', uploaded_at = uploaded_at")

    await transaction.rollback()
    assert await other.fetchval("SELECT description FROM projects.project_photos") == "north wall"


async def test_batches_that_touch_two_projects_in_opposite_order_do_not_deadlock(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.PROJECTS)
    sessions = [await connect(dsn) for _ in range(4)]
    ids = sorted([(await a_project(sessions[0]))["id"], (await a_project(sessions[0]))["id"]])

    async def insert_batches(session: Connection, order: list[UUID]) -> None:
        for _ in range(40):
            await session.execute(
                """
                INSERT INTO projects.project_photos (project_id, url, captured_at)
                SELECT project_id, 'https://img.example.com', now() FROM unnest($1::uuid[]) AS project_id
                """,
                order,
            )

    orders = [ids, ids[::-1]] * 2
    await asyncio.gather(*(insert_batches(session, order) for session, order in zip(sessions, orders, strict=True)))

    assert [(await counters(sessions[0], project))[0] for project in ids] == [160, 160]


async def test_a_photo_without_type_and_category_gets_the_defaults_and_is_the_systems(projects: Connection) -> None:
    project = await a_project(projects)

    photo = await a_photo(projects, project["id"], file_size=2**40)

    assert (photo["mime_type"], photo["category"]) == ("application/octet-stream", "PROGRESS")
    assert (photo["uploaded_by"], photo["file_size"]) == (UUID(int=0), 2**40)


async def test_a_photo_of_an_unknown_project_or_a_place_beyond_earth_is_refused(projects: Connection) -> None:
    project = await a_project(projects)

    with pytest.raises(asyncpg.ForeignKeyViolationError, match="project_photos_project_id_fkey"):
        await a_photo(projects, uuid4())
    with pytest.raises(asyncpg.CheckViolationError, match="project_photos_location_is_on_earth"):
        await a_photo(projects, project["id"], latitude=0, longitude=400)
