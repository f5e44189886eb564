from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest

from paintbox.databases import Connection
from support.rows import a_photo, a_project, insert

pytestmark = pytest.mark.database

SYSTEM = UUID(int=0)


async def test_a_project_made_by_a_webhook_is_the_systems(projects: Connection) -> None:
    row = await a_project(projects)

    assert (row["created_by"], row["status"], row["priority"]) == (SYSTEM, "PLANNING", "NORMAL")


@pytest.mark.parametrize("pair", ["scheduled", "actual"])
async def test_a_project_does_not_end_before_it_starts(projects: Connection, pair: str) -> None:
    dates = {f"{pair}_start_date": date(2024, 3, 2), f"{pair}_end_date": date(2024, 3, 1)}

    with pytest.raises(asyncpg.CheckViolationError, match=f"projects_{pair}_end_is_not_before_start"):
        await a_project(projects, **dates)


async def test_weather_restrictions_are_an_array(projects: Connection) -> None:
    row = await a_project(projects, weather_restrictions='["rain"]')

    assert row["weather_restrictions"] == '["rain"]'
    with pytest.raises(asyncpg.CheckViolationError, match="projects_weather_restrictions_is_an_array"):
        await a_project(projects, weather_restrictions='"rain"')


async def test_a_ruinous_margin_is_taken(projects: Connection) -> None:
    row = await a_project(projects, profit_margin=Decimal("-1900.00"))

    assert row["profit_margin"] == Decimal("-1900.00")


async def test_a_service_location_is_on_earth(projects: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="projects_service_location_is_on_earth"):
        await a_project(projects, service_latitude=95, service_longitude=0)


async def test_a_service_country_is_an_iso_code(projects: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="projects_service_country_is_iso_3166"):
        await a_project(projects, service_country="u")


async def test_a_project_is_not_merged_into_itself(projects: Connection) -> None:
    row = await a_project(projects)

    with pytest.raises(asyncpg.CheckViolationError, match="projects_is_not_merged_into_itself"):
        await projects.execute("UPDATE projects.projects SET merged_into = id WHERE id = $1", row["id"])


@pytest.mark.parametrize(
    ("status", "days", "overdue"),
    [("SCHEDULED", -22, True), ("IN_PROGRESS", -1, True), ("IN_PROGRESS", 0, False), ("COMPLETED", -22, False)],
)
async def test_a_deadline_is_counted_from_today(projects: Connection, status: str, days: int, overdue: bool) -> None:
    today = await projects.fetchval("SELECT CURRENT_DATE")
    project = await a_project(projects, status=status, scheduled_end_date=today + timedelta(days=days))

    row = await projects.fetchrow("SELECT * FROM projects.project_deadlines WHERE project_id = $1", project["id"])

    assert row is not None
    assert (row["is_overdue"], row["days_until_deadline"]) == (overdue, days)


async def test_a_project_without_an_end_is_not_overdue(projects: Connection) -> None:
    project = await a_project(projects, status="SCHEDULED")

    row = await projects.fetchrow("SELECT * FROM projects.project_deadlines WHERE project_id = $1", project["id"])

    assert row is not None
    assert (row["is_overdue"], row["days_until_deadline"]) == (False, None)


async def test_a_description_of_a_megabyte_is_stored_and_found_by_its_beginning(projects: Connection) -> None:
    description = " ".join(f"word{number}" for number in range(130_000))

    row = await a_project(projects, description=description)

    assert len(row["description"]) > 1_000_000
    assert await projects.fetchval(
        "SELECT search_vector @@ 'word7'::tsquery AND NOT search_vector @@ 'word129999'::tsquery FROM projects.projects"
    )


async def test_a_change_makes_a_version_and_neither_a_photo_nor_a_redelivery_does(projects: Connection) -> None:
    before = await a_project(projects, updated_at=datetime(2020, 1, 1, tzinfo=UTC))

    await a_photo(projects, before["id"])
    await projects.execute("UPDATE projects.projects SET name = name, source_version = 7")
    unchanged = await projects.fetchrow("SELECT version, updated_at, photo_count FROM projects.projects")
    await projects.execute("UPDATE projects.projects SET notes = 'gate code 1'")
    changed = await projects.fetchrow("SELECT version, updated_at FROM projects.projects")

    assert unchanged is not None
    assert changed is not None
    assert tuple(unchanged) == (1, before["updated_at"], 1)
    assert changed["version"] == 2
    assert changed["updated_at"] > before["updated_at"]


async def test_a_photo_does_not_rewrite_a_long_description(projects: Connection) -> None:
    project = await a_project(projects, description=" ".join(f"word{number}" for number in range(7_000)))
    size = "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'projects.projects'::regclass"
    before = await projects.fetchval(size)

    for _ in range(50):
        await a_photo(projects, project["id"])

    assert before > 0
    assert await projects.fetchval(size) == before


@pytest.mark.parametrize("table", ["crew_members", "project_permits"])
async def test_updated_at_moves_with_a_change_only(projects: Connection, table: str) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    if table == "crew_members":
        await insert(projects, "projects.crew_members", name="Ann", updated_at=long_ago)
        change = "UPDATE projects.crew_members SET name = $1 RETURNING updated_at"
        values = "Ann", "Bea"
    else:
        project = await a_project(projects)
        permit = {"project_id": project["id"], "permit_type": "PARKING", "issuer": "City", "updated_at": long_ago}
        await insert(projects, "projects.project_permits", **permit)
        change = "UPDATE projects.project_permits SET issuer = $1 RETURNING updated_at"
        values = "City", "County"

    unchanged, changed = [await projects.fetchval(change, value) for value in values]

    assert unchanged == long_ago
    assert changed > long_ago


async def test_an_assignment_needs_a_member_of_the_crew(projects: Connection) -> None:
    project = await a_project(projects)

    with pytest.raises(asyncpg.ForeignKeyViolationError, match="project_crew_assignments_crew_member_id_fkey"):
        await insert(
            projects,
            "projects.project_crew_assignments",
            project_id=project["id"],
            crew_member_id=uuid4(),
            role="PAINTER",
        )


async def test_a_member_with_assignments_is_not_deleted(projects: Connection) -> None:
    project, member = await a_project(projects), await insert(projects, "projects.crew_members", name="Ann")
    assignment = {"project_id": project["id"], "crew_member_id": member["id"], "role": "PAINTER"}
    await insert(projects, "projects.project_crew_assignments", **assignment)

    with pytest.raises(
        asyncpg.IntegrityConstraintViolationError, match="crew_member_id_fkey"
    ):  # its kind changed in 18
        await projects.execute("DELETE FROM projects.crew_members")


async def test_the_same_assignment_without_a_start_is_refused_the_second_time(projects: Connection) -> None:
    project, member = await a_project(projects), await insert(projects, "projects.crew_members", name="Ann")
    assignment = {"project_id": project["id"], "crew_member_id": member["id"], "role": "PAINTER"}
    await insert(projects, "projects.project_crew_assignments", **assignment)

    with pytest.raises(asyncpg.UniqueViolationError, match="project_crew_assignments_key"):
        await insert(projects, "projects.project_crew_assignments", **assignment)


async def test_the_phone_of_a_crew_member_is_one(projects: Connection) -> None:
    await insert(projects, "projects.crew_members", name="Ann", phone="+1 503 555 0100 x12")

    with pytest.raises(asyncpg.CheckViolationError, match="crew_members_valid_phone"):
        await insert(projects, "projects.crew_members", name="Bea", phone="---")


async def test_a_crew_members_availability_does_not_end_before_it_begins(projects: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="crew_members_available_until_is_not_before_from"):
        await insert(
            projects,
            "projects.crew_members",
            name="Ann",
            available_from=date(2024, 3, 2),
            available_until=date(2024, 3, 1),
        )


async def test_an_assignment_does_not_end_before_it_starts(projects: Connection) -> None:
    project, member = await a_project(projects), await insert(projects, "projects.crew_members", name="Ann")

    with pytest.raises(asyncpg.CheckViolationError, match="project_crew_assignments_end_is_not_before_start"):
        await insert(
            projects,
            "projects.project_crew_assignments",
            project_id=project["id"],
            crew_member_id=member["id"],
            role="PAINTER",
            start_date=date(2024, 3, 2),
            end_date=date(2024, 3, 1),
        )


async def test_a_pending_permit_has_neither_number_nor_dates(projects: Connection) -> None:
    project = await a_project(projects)
    permit = {"project_id": project["id"], "permit_type": "BUILDING", "issuer": "City"}

    row = await insert(projects, "projects.project_permits", **permit)

    assert (row["status"], row["permit_number"]) == ("PENDING", None)
    with pytest.raises(asyncpg.CheckViolationError, match="project_permits_issued_ones_are_complete"):
        await insert(projects, "projects.project_permits", **permit, status="APPROVED")


async def test_a_permit_does_not_expire_before_it_is_issued(projects: Connection) -> None:
    project = await a_project(projects)

    with pytest.raises(asyncpg.CheckViolationError, match="project_permits_expiration_is_not_before_issue"):
        await insert(
            projects,
            "projects.project_permits",
            project_id=project["id"],
            permit_type="BUILDING",
            issuer="City",
            issued_date=date(2024, 3, 2),
            expiration_date=date(2024, 3, 1),
        )


async def test_a_replayed_event_adds_no_second_timeline_row(projects: Connection) -> None:
    project, event = await a_project(projects), uuid4()

    for _ in range(2):
        await projects.execute(
            """
            INSERT INTO projects.project_timeline_events (project_id, event_type, title, source_event_id)
            VALUES ($1, 'CREATED', 'Created', $2)
            ON CONFLICT (source_event_id) DO NOTHING
            """,
            project["id"],
            event,
        )

    assert await projects.fetchval("SELECT count(*) FROM projects.project_timeline_events") == 1


async def test_a_match_has_a_customer_and_what_is_held_has_none(projects: Connection) -> None:
    row = await insert(projects, "projects.customer_matches", project_id="1")

    assert row["state"] == "held"
    for values in ({"state": "matched"}, {"state": "held", "customer_id": uuid4()}):
        with pytest.raises(asyncpg.CheckViolationError, match="customer_matches_have_a_customer"):
            await insert(projects, "projects.customer_matches", project_id="2", **values)


@pytest.mark.parametrize(("column", "value"), [("state", "lost"), ("basis", "hearsay"), ("project_id", "")])
async def test_a_match_knows_its_words(projects: Connection, column: str, value: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await insert(projects, "projects.customer_matches", **{"project_id": "1", column: value})
