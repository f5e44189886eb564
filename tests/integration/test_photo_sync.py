"""Webhooks of CompanyCam become projects and photos as soon as their customer is known, whatever comes first."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest

import photo_sync.app
from paintbox.databases import Database
from photo_sync.handlers import held
from photo_sync.rules.contacts import customer_ref
from photo_sync.rules.reading import PROJECT as PROJECTS
from photo_sync.store import matches
from photo_sync.store.held import Looked, count_unsettled, look_at_photos
from photo_sync.store.rows import MIRROR
from support import samples
from support.notifications import KafkaRecord, companycam_record
from support.people import NOW, customer, photo, project
from support.postgres import WAITS_FOR_A_LOCK, NewDatabase, OpenSession
from support.samples import ACME, DOUGLAS, GERALDINE, PHOTO, PROJECT
from support.services import PhotoSync, all_rows, of_topic, one_row, photo_sync_on, value_of
from support.stacks import CHECKOUT
from support.waiting import until, until_true
from synckit.contracts import headers
from synckit.contracts.compacted import Standing, decode
from synckit.contracts.topics import CUSTOMERS_CHANGES, FEDERATION_KEYS, PROJECTS_CHANGES
from synckit.contracts.values import CustomerChanged
from synckit.identity import customer_id, photo_id, project_id
from synckit.mirror import notes
from synckit.mirror.notes import Note
from synckit.mirror.projector import Projector
from synckit.mirror.steps import Projected
from synckit.observability.metrics import HELD
from synckit.postgres import Connection

pytestmark = pytest.mark.database


RUNBOOK = CHECKOUT / "docs" / "runbook.md"
FREES = re.compile('-c "(UPDATE projects.customer_matches [^"]+)"')


@pytest.fixture
async def sync(new_database: NewDatabase) -> AsyncIterator[PhotoSync]:
    projects, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(projects, integrations) as service:
        yield service


async def projects(sync: PhotoSync) -> list[dict[str, Any]]:
    return await all_rows(sync.resources.projects, "SELECT * FROM projects.projects ORDER BY company_cam_id")


async def photos(sync: PhotoSync) -> list[dict[str, Any]]:
    return await all_rows(sync.resources.projects, "SELECT * FROM projects.project_photos ORDER BY company_cam_id")


async def match(sync: PhotoSync) -> dict[str, Any]:
    return await one_row(sync.resources.projects, "SELECT * FROM projects.customer_matches")


async def test_b80_photo_before_project_before_customer_all_become_rows_with_the_last(sync: PhotoSync) -> None:
    await sync.events(photo())
    await sync.events(project())
    before = await projects(sync), await photos(sync)

    await sync.customers([customer()])

    (row,), (picture,) = await projects(sync), await photos(sync)
    assert before == ([], [])
    assert row["id"] == project_id(PROJECT)
    assert row["customer_id"] == customer_id(DOUGLAS)
    assert (row["photo_count"], row["status"], row["service_street"]) == (1, "PLANNING", "100 Sample Drive")
    assert (picture["id"], picture["project_id"]) == (photo_id(PHOTO), row["id"])
    assert (picture["category"], picture["sync_status"]) == ("PROGRESS", "SYNCED")


async def test_customer_before_project_before_photo_is_the_same(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project())

    await sync.events(photo())

    assert [row["photo_count"] for row in await projects(sync)] == [1]


async def test_project_and_photo_in_one_batch(sync: PhotoSync) -> None:
    await sync.customers([customer()])

    await sync.events(photo(), project())

    assert len(await photos(sync)) == 1


async def test_held_things_are_processed_and_counted(sync: PhotoSync) -> None:
    await sync.events(project(), photo())

    events = await all_rows(sync.resources.integrations, "SELECT status FROM integrations.webhook_events")
    async with sync.resources.projects.acquire() as connection:
        counted = await count_unsettled(connection)
        looked = await look_at_photos(connection, "", 10)
    assert [event["status"] for event in events] == ["PROCESSED", "PROCESSED"]
    assert counted is not None
    assert dict(counted) == {"customer": 1, "choice": 0, "contested": 0}
    assert looked == Looked(last=PHOTO, late=[], held=1)


async def test_a_photo_whose_project_is_deleted_without_a_row_waits_for_nothing(sync: PhotoSync) -> None:
    await sync.events(project(), photo())

    await sync.events(project("project.deleted", sent_at=NOW + 10))

    async with sync.resources.projects.acquire() as connection:
        looked = await look_at_photos(connection, "", 10)
    assert looked == Looked(last=PHOTO, late=[], held=0)


async def test_what_is_held_is_told_by_the_gauge_until_its_customer_comes(sync: PhotoSync) -> None:
    await sync.events(project(), photo())
    HELD.clear()

    before = await told_by_the_net(sync)
    await sync.customers([customer()])
    HELD.clear()
    after = await told_by_the_net(sync)

    assert before == {("project", "customer"): 1, ("project", "choice"): 0, ("photo", "project"): 1}
    assert after == dict.fromkeys(before, 0)


async def told_by_the_net(sync: PhotoSync) -> dict[tuple[str, str], float]:
    """The numbers of what is held, once the net has counted."""
    net = asyncio.create_task(held.Net(sync.resources).run())
    await until_true(lambda: len(told()) == 3)
    net.cancel()
    with suppress(asyncio.CancelledError):
        await net
    return told()


def told() -> dict[tuple[str, str], float]:
    (family,) = HELD.collect()
    return {(one.labels["entity"], one.labels["waits_for"]): one.value for one in family.samples}


async def test_a_found_customer_is_a_federation_key_and_an_announcement(sync: PhotoSync) -> None:
    await sync.customers([customer()])

    await sync.events(project())

    published = await sync.published()
    key = await one_row(sync.resources.projects, "SELECT * FROM projects.federation_keys")
    (announced,) = of_topic(published, FEDERATION_KEYS.name)
    assert (key["local_id"], key["external_id"], key["is_owner"]) == (
        project_id(PROJECT),
        str(customer_id(DOUGLAS)),
        True,
    )
    assert (
        announced.key == f"projects/projects/{project_id(PROJECT)}/customers/customers/{customer_id(DOUGLAS)}".encode()
    )
    assert value_of(announced)["deleted_at"] is None
    assert [value_of(one)["customer_id"] for one in of_topic(published, PROJECTS_CHANGES.name)] == [
        str(customer_id(DOUGLAS))
    ]


async def test_what_waited_for_a_customer_carries_the_correlation_that_brought_the_customer(sync: PhotoSync) -> None:
    known = customer()
    correlation = headers.decode(known.headers).correlation_id
    await sync.events(project())

    await sync.customers([known])

    published = [headers.decode(one.headers) for one in await sync.published()]
    assert {one.type for one in published} == {
        "paintbox.federation.key.changed.v1",
        "paintbox.project.changed.v1",
    }
    assert {one.correlation_id for one in published} == {correlation}
    assert correlation != headers.decode(known.headers).id


@pytest.mark.parametrize(
    ("fields", "basis"),
    [
        ({"integrations": [{"type": "Salesforce", "relation_id": DOUGLAS[:15]}]}, "relation_id"),
        ({"integrations": [{"type": "Salesforce", "relation_id": ACME}], "primary_contact": None}, "relation_id"),
        ({"primary_contact": {"email": "DOUGLAS@example.com"}}, "email"),
        ({"primary_contact": {"email": None, "phone_number": "503.555.0100"}}, "phone"),
    ],
    ids=["contact", "account", "email", "phone"],
)
async def test_every_basis_finds_the_customer(sync: PhotoSync, fields: dict[str, Any], basis: str) -> None:
    await sync.customers([customer(phone="(503) 555-0100")])

    await sync.events(project(**fields))

    assert ((await match(sync))["basis"], (await match(sync))["customer_id"]) == (basis, customer_id(DOUGLAS))


async def test_two_candidates_are_held_and_shown_never_guessed(sync: PhotoSync) -> None:
    await sync.customers([customer(), customer(GERALDINE)])

    await sync.events(project())

    found = await match(sync)
    assert (found["state"], found["customer_id"]) == ("ambiguous", None)
    assert set(found["candidates"]) == {customer_id(DOUGLAS), customer_id(GERALDINE)}
    assert await projects(sync) == []


async def test_ambiguity_ends_when_one_of_two_candidates_changes(sync: PhotoSync) -> None:
    await sync.customers([customer(), customer(GERALDINE)])
    await sync.events(project())
    await sync.customers([customer(GERALDINE, 2, email="geraldine@example.com")])

    await held.Net(sync.resources).look_again()

    assert [row["customer_id"] for row in await projects(sync)] == [customer_id(DOUGLAS)]


async def test_a_second_candidate_that_appears_later_contests_and_changes_nothing(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project())

    await sync.customers([customer(GERALDINE)])

    assert (await match(sync))["state"] == "contested"
    assert [row["customer_id"] for row in await projects(sync)] == [customer_id(DOUGLAS)]


async def test_a_match_is_contested_no_longer_when_the_other_candidate_changes(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project())
    await sync.customers([customer(GERALDINE)])
    await sync.customers([customer(GERALDINE, 2, email="geraldine@example.com")])

    await held.Net(sync.resources).look_again()

    found = await match(sync)
    assert (found["state"], found["customer_id"]) == ("matched", customer_id(DOUGLAS))
    assert list(found["candidates"]) == []


async def test_a_stronger_basis_moves_a_project_and_ends_its_former_key(sync: PhotoSync) -> None:
    await sync.customers([customer(), customer(GERALDINE, email="geraldine@example.com")])
    await sync.events(project())
    await sync.published()

    relation = [{"type": "Salesforce", "relation_id": GERALDINE}]
    await sync.events(project("project.updated", integrations=relation, updated_at=NOW))

    keys = {
        value_of(one)["external_id"]: value_of(one) for one in of_topic(await sync.published(), FEDERATION_KEYS.name)
    }
    assert [row["customer_id"] for row in await projects(sync)] == [customer_id(GERALDINE)]
    assert keys[str(customer_id(DOUGLAS))]["deleted_at"] is not None
    assert keys[str(customer_id(GERALDINE))]["deleted_at"] is None


async def test_a_project_that_names_another_now_is_contested_until_an_operator_frees_it(sync: PhotoSync) -> None:
    """The statement is that of the runbook; the net looks at contested projects once a minute."""
    await sync.customers([customer(), customer(GERALDINE, email="geraldine@example.com")])
    await sync.events(project())
    await sync.published()

    await sync.events(project("project.updated", primary_contact={"email": "geraldine@example.com"}, updated_at=NOW))
    contested, still = await match(sync), await projects(sync)
    async with sync.resources.projects.acquire() as connection:
        await connection.execute(FREES.findall(RUNBOOK.read_text())[0].replace("<project>", PROJECT))
    await held.Net(sync.resources).look_again()

    keys = {
        value_of(one)["external_id"]: value_of(one) for one in of_topic(await sync.published(), FEDERATION_KEYS.name)
    }
    assert (contested["state"], contested["candidates"]) == ("contested", [customer_id(GERALDINE)])
    assert [row["customer_id"] for row in still] == [customer_id(DOUGLAS)]
    assert [row["customer_id"] for row in await projects(sync)] == [customer_id(GERALDINE)]
    assert keys[str(customer_id(DOUGLAS))]["deleted_at"] is not None
    assert keys[str(customer_id(GERALDINE))]["deleted_at"] is None


async def test_a_project_whose_customer_no_longer_matches_is_looked_at_when_that_one_changes(sync: PhotoSync) -> None:
    await sync.customers([customer(), customer(GERALDINE, email="geraldine@example.com", phone="+15035550199")])
    await sync.events(project(primary_contact={"email": "douglas@example.com", "phone_number": "503-555-0199"}))

    await sync.customers([customer(DOUGLAS, 2, email="new@example.com")])

    found = await match(sync)
    assert (found["state"], found["customer_id"]) == ("contested", customer_id(DOUGLAS))
    assert found["candidates"] == [customer_id(GERALDINE)]


async def test_deleted_and_merged_customers_match_nobody(sync: PhotoSync) -> None:
    await sync.customers([customer(deleted_at="2026-01-02T10:00:00Z"), customer(GERALDINE, merged_into=UUID(int=7))])

    await sync.events(project())

    assert await projects(sync) == []


async def test_an_older_word_about_a_customer_changes_nothing(sync: PhotoSync) -> None:
    await sync.customers([customer(DOUGLAS, 5, email="new@example.com")])

    await sync.customers([customer(DOUGLAS, 4)])

    ref = await one_row(sync.resources.projects, "SELECT email FROM projects.customer_refs")
    assert ref["email"] == "new@example.com"


async def test_an_erased_customer_is_forgotten(sync: PhotoSync) -> None:
    await sync.customers([customer()])

    await sync.customers([KafkaRecord(topic=CUSTOMERS_CHANGES.name, key=customer().key, value=None)])

    assert await all_rows(sync.resources.projects, "SELECT 1 FROM projects.customer_refs") == []


async def test_archived_restored_and_what_the_application_did_meanwhile(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project())
    async with sync.resources.projects.acquire() as connection:
        await connection.execute("UPDATE projects.projects SET status = 'IN_PROGRESS', budget_amount = 5")

    await sync.events(project("project.archived", sent_at=NOW + 10))
    archived = await projects(sync)
    await sync.events(project("project.updated", archived=False, updated_at=NOW + 20))
    restored = await projects(sync)

    assert [(row["status"], row["budget_amount"]) for row in archived] == [("ARCHIVED", 5)]
    assert [(row["status"], row["budget_amount"]) for row in restored] == [("IN_PROGRESS", 5)]


async def test_a_status_that_a_person_sets_on_an_archived_project_stays(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(), project("project.archived", sent_at=NOW + 10))
    async with sync.resources.projects.acquire() as connection:
        await connection.execute("UPDATE projects.projects SET status = 'COMPLETED'")

    await sync.events(project("project.updated", archived=True, name="Gate", updated_at=NOW + 20))

    assert [(row["name"], row["status"]) for row in await projects(sync)] == [("Gate", "COMPLETED")]


async def test_a_status_that_a_person_set_on_an_archived_project_comes_back_after_a_deletion_too(
    sync: PhotoSync,
) -> None:
    await sync.customers([customer()])
    await sync.events(project(), project(archived=True, updated_at=NOW + 5))
    await all_rows(sync.resources.projects, "UPDATE projects.projects SET status = 'IN_PROGRESS'")

    await sync.events(project(archived=True, status="deleted", updated_at=NOW + 10))
    (deleted,) = await projects(sync)
    await sync.events(project(archived=False, status="active", updated_at=NOW + 15))

    (restored,) = await projects(sync)
    assert (deleted["status"], restored["status"]) == ("CANCELLED", "IN_PROGRESS")


async def test_a_deleted_project_is_cancelled_and_its_key_ended(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project())
    await sync.published()

    await sync.events(project("project.deleted", sent_at=NOW + 10))

    (row,) = await projects(sync)
    (key,) = of_topic(await sync.published(), FEDERATION_KEYS.name)
    assert (row["status"], row["deleted_at"].timestamp()) == ("CANCELLED", NOW + 10)
    assert value_of(key)["deleted_at"] is not None


async def test_a_deleted_project_that_nobody_owned_waits_no_longer(sync: PhotoSync) -> None:
    await sync.events(project())

    await sync.events(project("project.deleted", sent_at=NOW + 10))

    assert await all_rows(sync.resources.projects, "SELECT 1 FROM projects.customer_matches") == []


async def test_a_photo_that_moves_takes_its_count_along(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(), project(id="94100002"), photo())

    await sync.events(photo("photo.updated", project_id="94100002", updated_at=NOW))

    assert [row["photo_count"] for row in await projects(sync)] == [0, 1]


async def test_a_photo_that_moves_to_a_project_without_a_row_is_in_no_gallery_until_it_has_one(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(), photo())

    await sync.events(photo("photo.updated", project_id="94100002", description="North wall", updated_at=NOW))
    (held,), (former,) = await photos(sync), await projects(sync)
    await sync.events(project(id="94100002"))

    (moved,) = await photos(sync)
    assert (held["project_id"], held["sync_status"], held["description"]) == (former["id"], "DELETED", "North wall")
    assert former["photo_count"] == 0
    assert (moved["id"], moved["project_id"], moved["sync_status"]) == (held["id"], project_id("94100002"), "SYNCED")
    assert [row["photo_count"] for row in await projects(sync)] == [0, 1]


async def test_a_photo_that_moved_and_then_says_it_is_deleted_comes_back_nowhere(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(), photo())

    await sync.events(photo("photo.updated", project_id="94100002", updated_at=NOW))
    await sync.events(photo("photo.updated", project_id="94100002", status="deleted", updated_at=NOW + 1))
    (before,) = await photos(sync)
    await sync.events(project(id="94100002"))

    assert before["sync_status"] == "DELETED"
    assert [row["sync_status"] for row in await photos(sync)] == ["DELETED"]
    assert [row["photo_count"] for row in await projects(sync)] == [0, 0]


async def test_a_photo_that_moves_out_and_back_is_in_its_gallery_again(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(), photo())
    before = await photos(sync)

    await sync.events(photo("photo.updated", project_id="94100002", updated_at=NOW))
    await sync.events(photo("photo.updated", updated_at=NOW + 1))

    after = await photos(sync)
    assert [row | {"last_sync_at": None} for row in after] == [row | {"last_sync_at": None} for row in before]
    assert [row["photo_count"] for row in await projects(sync)] == [1]


@pytest.mark.parametrize("moved_to", ["94100002", "94100003"])
async def test_the_net_finds_a_photo_whose_row_stands_where_it_no_longer_is(sync: PhotoSync, moved_to: str) -> None:
    await sync.customers([customer()])
    await sync.events(project(), project(id="94100002"), photo())
    async with sync.resources.projects.acquire() as connection:
        await connection.execute(
            """
            UPDATE projects.companycam_records
               SET parent_id = $1, fields = fields || jsonb_build_object('project_id', $1::text)
             WHERE object = 'photo'
            """,
            moved_to,
        )

    await held.Net(sync.resources).look_again()

    async with sync.resources.projects.acquire() as connection:
        looked = await look_at_photos(connection, "", 10)
    expected = (project_id("94100002"), "SYNCED") if moved_to == "94100002" else (project_id(PROJECT), "DELETED")
    assert [(row["project_id"], row["sync_status"]) for row in await photos(sync)] == [expected]
    assert looked.late == []


async def test_a_photo_that_says_it_is_deleted_no_longer_counts(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(), photo())

    await sync.events(photo("photo.updated", status="deleted", updated_at=NOW))

    assert [row["sync_status"] for row in await photos(sync)] == ["DELETED"]
    assert [row["photo_count"] for row in await projects(sync)] == [0]


async def test_bad_fields_stand_in_the_logs_of_their_events_whether_held_or_not(sync: PhotoSync) -> None:
    await sync.events(project(name=["Gate"]), photo(description={"text": "North"}))
    await sync.customers([customer()])
    await sync.events(project(name=["Fence"], updated_at=NOW))

    found = await all_rows(
        sync.resources.integrations,
        """
        SELECT entity_type, metadata ->> 'problems' AS problems
          FROM integrations.sync_logs ORDER BY entity_type, started_at
        """,
    )
    told = [(row["entity_type"], json.loads(row["problems"])) for row in found]
    assert told == [
        ("photo", [{"column": "description", "problem": "not_text"}]),
        *[("project", [{"column": "name", "problem": "not_text"}])] * 2,
    ]


async def test_a_late_event_overwrites_nothing_and_the_same_again_neither(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(name="New", updated_at=NOW + 10))
    before = await projects(sync)

    await sync.events(project(name="Old", updated_at=NOW), project(name="New", updated_at=NOW + 10))

    assert await projects(sync) == before


@pytest.mark.parametrize("given", [None, "9"])
async def test_a_vendors_id_that_somebody_took_away_is_put_back_and_holds_no_other_up(
    sync: PhotoSync, given: str | None
) -> None:
    await sync.customers([customer()])
    await sync.events(project(), photo())
    for table in ("projects.projects", "projects.project_photos"):
        await all_rows(sync.resources.projects, f"UPDATE {table} SET company_cam_id = $1", given)

    await sync.events(project(name="Other", updated_at=NOW + 5))
    await held.Net(sync.resources).look_again()

    (row,), (picture,) = await projects(sync), await photos(sync)
    assert (row["company_cam_id"], row["name"], picture["company_cam_id"]) == (PROJECT, "Other", PHOTO)


async def test_a_photo_that_was_retired_while_its_projects_id_was_away_is_back_in_its_gallery(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(), photo())
    await all_rows(sync.resources.projects, "UPDATE projects.projects SET company_cam_id = NULL")
    await sync.events(photo("photo.updated", description="North wall", updated_at=NOW))
    (meanwhile,) = await photos(sync)

    await sync.events(project(name="Other", updated_at=NOW + 5))
    await held.Net(sync.resources).look_again()

    assert meanwhile["sync_status"] == "DELETED"
    assert [(row["sync_status"], row["description"]) for row in await photos(sync)] == [("SYNCED", "North wall")]
    assert [row["photo_count"] for row in await projects(sync)] == [1]


async def test_what_the_application_said_of_a_photo_stays(sync: PhotoSync) -> None:
    await sync.customers([customer()])
    await sync.events(project(), photo())
    async with sync.resources.projects.acquire() as connection:
        await connection.execute("UPDATE projects.project_photos SET category = 'AFTER', room = 'Hall'")

    await sync.events(photo("photo.description_updated", description="North wall", updated_at=NOW))

    assert [(row["description"], row["category"], row["room"]) for row in await photos(sync)] == [
        ("North wall", "AFTER", "Hall")
    ]


async def test_customers_projects_and_photos_at_the_same_moment_all_find_each_other(
    new_database: NewDatabase,
) -> None:
    dsn, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(dsn, integrations) as one, photo_sync_on(dsn, integrations) as other:
        for round_ in range(30):
            name, email = str(95_000_000 + round_), f"x{round_}@example.com"
            salesforce_id = f"003{round_:012d}AAA"
            await asyncio.gather(
                one.customers([customer(salesforce_id, 1, None, email=email)]),
                other.events(project(id=name, primary_contact={"email": email})),
                one.events(photo(id=name, project_id=name)),
            )

        rows = await projects(one)
        pictures = await photos(one)
        deadlocks = await one_row(one.resources.projects, "SELECT sum(deadlocks) AS sum FROM pg_stat_database")

    assert [row["photo_count"] for row in rows] == [1] * 30
    assert len(pictures) == 30
    assert deadlocks["sum"] == 0


async def test_a_projection_waits_for_whoever_projects_the_same_project_and_then_reads_afresh(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    other = await connect(dsn)
    async with photo_sync_on(dsn, integrations) as sync:
        await sync.events(project())
        held = other.transaction()
        await held.start()
        await other.execute("""UPDATE projects.companycam_records SET fields = fields || '{"name": "Gate"}'""")

        projecting = asyncio.create_task(sync.customers([customer()]))
        await until(partial(other.fetchval, WAITS_FOR_A_LOCK))
        await held.commit()
        await projecting

        assert [row["name"] for row in await projects(sync)] == ["Gate"]


async def test_the_net_finds_what_is_held_although_its_customer_is_known(sync: PhotoSync) -> None:
    await sync.events(project())
    async with sync.resources.projects.acquire() as connection:
        said = decode(CustomerChanged, customer())
        assert isinstance(said, Standing)
        await matches.upsert_customer_refs(connection, [customer_ref(said.value)])

    net = asyncio.create_task(held.Net(sync.resources).run())
    rows = await until(partial(projects, sync))
    net.cancel()

    assert [row["customer_id"] for row in rows] == [customer_id(DOUGLAS)]


async def test_the_net_goes_on_where_it_ended_where_photos_are_more_than_a_round_has_room_for(
    sync: PhotoSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sync.customers([customer()])
    late = [f"9600000{number}" for number in range(4)]
    await sync.events(project(), *(photo(id=name) for name in late))
    await sync.events(photo(id="95000000", project_id="94100002"), photo(id="97000000", project_id="94100002"))
    await all_rows(sync.resources.projects, "DELETE FROM projects.project_photos")
    monkeypatch.setattr(held, "SLICE", 2)
    monkeypatch.setattr(held, "PHOTO_SLICES", 1)
    HELD.clear()
    net, found = held.Net(sync.resources), []

    for _ in range(4):
        found.append((len(await photos(sync)), told().get(("photo", "project"))))
        await net.look_again()

    assert found == [(0, None), (1, None), (3, None), (4, None)]
    assert told()["photo", "project"] == 2


@pytest.mark.parametrize("at_once", [1, 1_000])
async def test_a_held_project_that_meets_a_bug_is_named_and_holds_up_nothing_that_the_net_does(
    sync: PhotoSync, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    await sync.customers([customer()])
    await sync.events(project(), photo())
    contact = {"name": "G", "email": "geraldine@example.com"}
    bad, good = "94100002", "94100003"
    await sync.events(project(id=bad, primary_contact=contact), project(id=good, primary_contact=contact))
    said = decode(CustomerChanged, customer(GERALDINE, account=None, email=contact["email"]))
    assert isinstance(said, Standing)
    async with sync.resources.projects.acquire() as connection:
        await connection.execute("DELETE FROM projects.project_photos")
        await matches.upsert_customer_refs(connection, [customer_ref(said.value)])
    steps = dict(photo_sync.app.steps(sync.resources.config))
    of_projects = steps[PROJECTS].project

    async def project_unless_bad(connection: Connection, note: Note, keys: Sequence[str]) -> Projected:
        if bad in keys:
            raise KeyError("canary")
        return await of_projects(connection, note, keys)

    steps[PROJECTS] = replace(steps[PROJECTS], project=project_unless_bad)
    projector = Projector(sync.resources.projects, MIRROR, steps, sync.resources.relay.wake)
    monkeypatch.setattr(held, "SLICE", at_once)
    HELD.clear()

    with pytest.raises(KeyError):
        await held.Net(replace(sync.resources, projector=projector)).run()

    named = [record for record in caplog.records if record.message == "A row met a bug"]
    assert [row["company_cam_id"] for row in await projects(sync)] == sorted([PROJECT, good])
    assert [row["company_cam_id"] for row in await photos(sync)] == [PHOTO]
    assert told()["project", "customer"] == 1
    assert [(record.__dict__["object"], record.__dict__["id"]) for record in named] == [(PROJECTS, bad)]
    assert "A note met a bug" in caplog.messages


async def test_more_held_projects_than_a_slice_are_looked_at_again_while_batches_and_fan_outs_are_at_work(
    sync: PhotoSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(94_200_000 + number) for number in range(11)]
    await sync.events(*(project(id=name) for name in names))
    monkeypatch.setattr(notes, "SLICE", 2)
    monkeypatch.setattr(held, "SLICE", 2)
    spreading = asyncio.create_task(sync.resources.projector.fan_outs.run())

    for number in range(5):
        _, *bugs = await asyncio.gather(
            sync.events(*(project(id=name, updated_at=1_780_000_000 + number) for name in names)),
            *(held.Net(sync.resources).look_again() for _ in range(3)),
        )
        assert bugs == [[]] * 3
    await sync.customers([customer()])
    await sync.resources.projector.work()
    await until_true(lambda: not sync.resources.projector.fan_outs)
    spreading.cancel()

    assert [row["company_cam_id"] for row in await projects(sync)] == names
    assert await sync.resources.projector.fan_outs.check() is None


async def test_f25_photos_of_many_projects_in_opposite_orders_do_not_deadlock(new_database: NewDatabase) -> None:
    dsn, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(dsn, integrations) as one, photo_sync_on(dsn, integrations) as other:
        await one.customers([customer()])
        names = [str(95_000_000 + number) for number in range(20)]
        await one.webhooks(companycam_record(project(id=name)) for name in names)
        forth = [photo(id=f"1{name}{number}", project_id=name) for number in range(5) for name in names]
        back = [photo(id=f"2{name}{number}", project_id=name) for number in range(5) for name in reversed(names)]

        await asyncio.gather(
            *(one.events(*forth[at::5]) for at in range(5)), *(other.events(*back[at::5]) for at in range(5))
        )

        rows = await projects(one)
        deadlocks = await one_row(one.resources.projects, "SELECT sum(deadlocks) AS sum FROM pg_stat_database")

    assert [row["photo_count"] for row in rows] == [10] * 20
    assert deadlocks["sum"] == 0


async def test_unknown_kinds_of_events_are_logged_and_ignored(sync: PhotoSync) -> None:
    await sync.events(samples.body("companycam_document_created.json"), project("project.merged"))

    events = await all_rows(sync.resources.integrations, "SELECT event_type, status FROM integrations.webhook_events")
    assert {(event["event_type"], event["status"]) for event in events} == {
        ("document.created", "IGNORED"),
        ("project.merged", "IGNORED"),
    }
