"""What CompanyCam's events say, and the rows that its records make."""

import json
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_sync.models.configuration import CompanyCamConfig
from photo_sync.models.rows import Photo, Project
from photo_sync.rules.contacts import match_keys
from photo_sync.rules.projection import photo_from, project_from
from photo_sync.rules.reading import read
from support import samples
from support.facts import NOON_MS
from support.notifications import companycam_record, notification, records_of
from synckit import identity, versions
from synckit.contracts.headers import SOURCE_COMPANYCAM
from synckit.errors import PoisonError
from synckit.inbound import Reading
from synckit.mirror.facts import DELETED, Record, Stamp
from synckit.mirror.merge import merge
from synckit.postgres import as_json
from webhook_ingest.parsers import companycam

CUSTOMER = UUID(int=7)
PROJECT_ROW = UUID(int=8)
CONFIG = CompanyCamConfig()


def event(name: str, event_type: str | None = None, /, **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = samples.document(f"companycam_{name}.json")
    resource = document["event_type"].split(".")[0]
    document["payload"][resource] |= changes
    return document | ({"event_type": event_type} if event_type else {})


def reading(document: dict[str, Any], received_at: int = 1_767_342_500_000) -> Reading:
    return read(notification(companycam_record(samples.dumped(document)), received_at))


def record(document: dict[str, Any]) -> Record:
    (fact,) = reading(document).facts
    return merge(Record(object=fact.object, id=fact.id, first_seen_at=NOON_MS), [fact]).record


def project(**changes: Any) -> Project:
    return project_from(record(event("project_created", **changes)), CUSTOMER, CONFIG)


def photo(**changes: Any) -> Photo:
    return photo_from(record(event("photo_created", **changes)), PROJECT_ROW, CONFIG)


def test_a_snapshot_is_as_new_as_the_record() -> None:
    (fact,) = reading(event("photo_created")).facts

    assert (fact.object, fact.id) == ("photo", samples.PHOTO)
    assert fact.stamp == Stamp(versions.pushed(1_767_341_740_000))
    assert fact.fields["captured_at"] == "2026-01-02T08:15:00.000Z"
    assert fact.fields["description"] is None


def test_the_flat_envelope_and_iso_times_make_the_same_record() -> None:
    nested = event("photo_created")
    flat = nested | {"payload": nested["payload"]["photo"] | {"id": 3553000001, "captured_at": "2026-01-02T08:15:00Z"}}

    assert reading(flat).facts[0].fields == reading(nested).facts[0].fields


def test_a_label_is_a_field_of_its_own_as_new_as_its_sending() -> None:
    (fact,) = reading(event("project_label_added")).facts

    assert fact.fields["$label:27370001"] == "Website Showcase"
    assert fact.stamp_of("$label:27370001") == Stamp(versions.pushed(1_767_342_000_000))
    assert fact.stamp_of("name") == Stamp(versions.pushed(1_767_341_000_000))


def test_an_archived_snapshot_is_as_new_as_the_record_so_that_what_was_taken_out_of_the_archive_stays_out() -> None:
    created = event("project_created")
    modified = created["payload"]["project"]["updated_at"]
    archived = event("project_created", "project.archived", archived=True, updated_at=modified + 100)
    back = event("project_created", "project.updated", archived=False, updated_at=modified + 101)
    facts = [reading(one | {"created_at": modified + 102}).facts[0] for one in (created, back, archived)]

    merged = merge(Record(object="project", id=facts[0].id, first_seen_at=NOON_MS), facts)

    assert merged.record.get("archived") is False


def test_an_archived_snapshot_that_does_not_say_when_it_was_modified_is_as_new_as_its_sending() -> None:
    (fact,) = reading(event("project_created", "project.archived", archived=True, updated_at=None)).facts

    assert fact.stamp_of("archived") == Stamp(versions.pushed(1_767_341_002_000))


@pytest.mark.parametrize(("change", "name"), [("deleted", DELETED), ("archived", "archived")])
def test_deleted_and_archived_are_as_new_as_their_sending(change: str, name: str) -> None:
    (fact,) = reading(event("project_created", f"project.{change}")).facts

    assert fact.fields[name] is True
    assert fact.stamp_of(name) == Stamp(versions.pushed(1_767_341_002_000))


def test_a_deletion_is_no_snapshot_of_something_that_lives() -> None:
    assert not reading(event("project_created", "project.deleted")).facts[0].is_snapshot
    assert reading(event("project_created")).facts[0].is_snapshot


def test_a_merged_project_is_a_hint() -> None:
    said = reading(event("project_created", "project.merged"))

    assert said.facts == ()
    assert [(one.object, one.id, one.reason) for one in said.hints] == [("project", samples.PROJECT, "project_merged")]


@pytest.mark.parametrize(
    "payload",
    [
        {"contact": {"id": "5", "project_id": samples.PROJECT, "email": "x@example.com"}},
        {"id": "5", "project_id": int(samples.PROJECT), "name": "I am a contact", "email": "x@example.com"},
    ],
    ids=["nested", "flat"],
)
def test_a_contact_alone_is_a_hint_about_its_project(payload: dict[str, Any]) -> None:
    said = reading(event("project_created", "project.contact_created") | {"payload": payload})

    assert said.facts == ()
    assert [(one.object, one.id, one.reason) for one in said.hints] == [("project", samples.PROJECT, "contact_changed")]


@pytest.mark.parametrize("payload", [{"contact": {"id": "5"}}, {"id": "5", "name": "I am a contact"}])
def test_a_contact_that_does_not_say_whose_it_is_asks_for_nothing(payload: dict[str, Any]) -> None:
    said = reading(event("project_created", "project.contact_updated") | {"payload": payload})

    assert (said.facts, said.hints, said.outcome) == ((), (), "ignored")


def test_a_contact_event_that_shows_the_project_is_believed() -> None:
    (fact,) = reading(event("project_created", "project.contact_updated")).facts

    assert (fact.object, fact.id) == ("project", samples.PROJECT)


def test_a_flat_contact_that_an_earlier_door_called_a_project_is_none() -> None:
    record = companycam_record(samples.dumped(event("project_created")))
    body = {"event_type": "project.contact_updated", "payload": {"id": samples.PROJECT, "project_id": "9999"}}

    said = read(replace(notification(record, NOON_MS), body=body))

    assert said.facts == ()
    assert [one.id for one in said.hints] == ["9999"]


@pytest.mark.parametrize("name", ["document_created", "todo_list_completed", "comment_created"])
def test_what_nobody_needs_is_ignored(name: str) -> None:
    assert reading(event(name)).outcome == "ignored"


@pytest.mark.parametrize("kind", ["project.restored", "photo.deleted", "photo.", "gallery.created", "created"])
def test_unknown_events_are_ignored(kind: str) -> None:
    assert reading(event("project_created", kind)).outcome == "ignored"


def test_a_count_that_moved_while_its_record_did_not_leaves_nothing_in_doubt() -> None:
    facts = [*reading(event("project_created", photo_count=1)).facts, *reading(event("project_created")).facts]

    result = merge(Record(object=facts[0].object, id=facts[0].id, first_seen_at=NOON_MS), facts)

    assert "photo_count" in samples.document("companycam_project_created.json")["payload"]["project"]
    assert "photo_count" not in result.record.fields
    assert result.doubts == frozenset()


def test_a_time_that_cannot_be_is_a_hint() -> None:
    said = reading(event("photo_created", updated_at=4_102_444_800))

    assert said.outcome == "implausible_time"
    assert said.facts == ()


def test_a_project_row_has_everything_that_the_vendor_says() -> None:
    made = project(notepad="Gate code 12", address={"street_address_1": "1 Main", "street_address_2": "Suite 5"})

    assert made.id == identity.project_id(samples.PROJECT)
    assert made.customer_id == CUSTOMER
    assert made.columns == {
        "name": "Sample Customer #2601",
        "service_street": "1 Main, Suite 5",
        "service_city": "",
        "service_state": "",
        "service_postal_code": "",
        "service_country": "US",
        "service_latitude": 35.4490392,
        "service_longitude": -77.8761499,
        "notes": "Gate code 12",
    }
    assert (made.is_archived, made.deleted_at) == (False, None)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"name": None}, "100 Sample Drive"),
        ({"name": "", "address": None}, f"CompanyCam project {samples.PROJECT}"),
        ({"name": "x" * 600}, "x" * 500),
    ],
)
def test_every_project_has_a_name(changes: dict[str, Any], name: str) -> None:
    assert project(**changes).columns["name"] == name


@pytest.mark.parametrize(
    ("place", "problems"),
    [
        ({"lat": 0, "lon": 0}, set()),
        ({"lat": 1}, set()),
        (None, set()),
        ([], set()),
        ({"lat": 91, "lon": 0}, {"latitude"}),
        ({"lat": "45.5", "lon": True}, {"latitude", "longitude"}),
        ([7], {"latitude", "longitude"}),
        ([{"lat": 35.4, "lon": -77.8}] * 2, {"latitude", "longitude"}),
        ("x", {"latitude", "longitude"}),
    ],
)
def test_a_place_that_is_none_is_null_and_said(place: Any, problems: set[str]) -> None:
    ours, picture = project(coordinates=place), photo(coordinates=place)

    assert (ours.columns["service_latitude"], ours.columns["service_longitude"]) == (None, None)
    assert (picture.latitude, picture.longitude) == (None, None)
    assert {(one.column, one.problem) for one in ours.problems} == {
        (f"service_{column}", "not_a_coordinate") for column in problems
    }
    assert {(one.column, one.problem) for one in picture.problems} == {
        (column, "not_a_coordinate") for column in problems
    }


def test_a_place_may_stand_in_a_list_as_in_older_specifications() -> None:
    assert photo(coordinates=[{"lat": 35.4, "lon": -77.8}]).latitude == 35.4


def test_a_deleted_project_is_deleted_when_it_was_told() -> None:
    deleted = record(event("project_created", "project.deleted"))

    assert project_from(deleted, CUSTOMER, CONFIG).deleted_at == 1_767_341_002_000


def test_a_photo_row_has_everything_that_the_vendor_says() -> None:
    made = photo(description="North wall")

    assert made.id == identity.photo_id(samples.PHOTO)
    assert made.project_id == PROJECT_ROW
    assert "rs:fit:4032" in made.url
    assert made.thumbnail_url is not None
    assert "rs:fit:250" in made.thumbnail_url
    assert made.mime_type == "image/jpeg"
    assert made.description == "North wall"
    assert made.captured_at == 1_767_341_700_000
    assert made.uploaded_at == 1_767_341_735_000
    assert made.metadata["hash"] == "00ab337b7399151e5d4aa3bd4226e8dd"
    assert (made.category, made.sync_status) == ("PROGRESS", "SYNCED")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://img.example/a/b.PNG?size=data:text/html,", "image/png"),
        ("https://img.example/data:text/html,", "application/octet-stream"),
        ("x:data:" + "a" * 200 + "/b,", "application/octet-stream"),
        ("https://img.example/a.jpg/", "application/octet-stream"),
        ("https://[", "application/octet-stream"),
    ],
)
def test_a_url_tells_its_kind_by_its_ending_alone(uri: str, expected: str) -> None:
    assert photo(uris=[{"type": "original", "uri": uri}]).mime_type == expected


def test_a_photo_without_what_its_row_needs_gets_a_row_all_the_same() -> None:
    made = photo(uris=None, photo_url=None, captured_at=None, created_at=None, updated_at=None)

    assert (made.url, made.thumbnail_url, made.mime_type) == ("", None, "application/octet-stream")
    assert made.captured_at == made.uploaded_at == NOON_MS


def test_a_photo_that_says_it_is_deleted_is() -> None:
    assert photo(status="deleted").sync_status == "DELETED"


def test_tags_are_the_words_that_were_added() -> None:
    made = photo_from(record(event("photo_tag_added")), PROJECT_ROW, CONFIG)

    assert made.tags == ("Before",)


@pytest.mark.parametrize(
    "changes",
    [{"uris": "x"}, {"uris": [7, {"type": "original", "uri": 7}]}, {"photo_url": 7, "uris": []}, {"description": 7}],
)
def test_values_of_other_types_lose_no_photo(changes: dict[str, Any]) -> None:
    assert photo(**changes).company_cam_id == samples.PHOTO


@pytest.mark.parametrize("value", [["x"], {"a": "x"}, True, []], ids=["list", "object", "flag", "empty list"])
def test_what_is_no_text_is_written_nowhere_and_counted(value: Any) -> None:
    address = dict.fromkeys(("street_address_1", "city", "state", "postal_code", "country"), value)

    made = project(name=value, notepad=value, address=address | {"street_address_2": "Suite 5"})

    assert made.columns["name"] == "Suite 5"
    assert made.columns["service_street"] == "Suite 5"
    assert [made.columns[f"service_{name}"] for name in ("city", "state", "postal_code", "country")] == [
        *("", "", ""),
        "US",
    ]
    assert made.columns["notes"] is None
    assert {(one.column, one.problem) for one in made.problems} == {
        (name, "not_text")
        for name in (
            *("name", "service_street", "service_city", "service_state", "service_postal_code", "service_country"),
            "notes",
        )
    }


@pytest.mark.parametrize("value", [["x"], {"a": "x"}, True], ids=["list", "object", "flag"])
def test_a_photo_has_no_words_that_are_no_text(value: Any) -> None:
    document = event("photo_tag_added", uris=[], photo_url=value, description=value)
    document["payload"]["tag"] |= {"display_value": value}

    made = photo_from(record(document), PROJECT_ROW, CONFIG)

    assert (made.url, made.description, made.tags) == ("", None, ())
    assert {(one.column, one.problem) for one in made.problems} == {
        (name, "not_text") for name in ("url", "description", "tags")
    }


def test_a_number_is_text_enough() -> None:
    made = project(name=4711, address={"street_address_1": 12, "postal_code": 68502})

    assert (made.columns["name"], made.columns["service_street"]) == ("4711", "12")
    assert made.columns["service_postal_code"] == "68502"
    assert made.problems == ()


def test_nobody_deletes_labels_or_tags_by_a_field_that_is_called_as_ours_are() -> None:
    (fact,) = reading(event("photo_created", **{DELETED: True, "$tag:1": "x"})).facts

    assert not [name for name in fact.fields if name.startswith("$")]


@pytest.mark.parametrize("created_at", ["9999-12-31T23:59:59Z", 7_258_118_400, "1998-12-31T23:59:59Z", -1])
@pytest.mark.parametrize("event_type", ["project.deleted", "project.archived"])
def test_b76_a_deletion_at_a_time_that_cannot_be_is_not_applied_and_asks_for_a_read(
    event_type: str, created_at: object
) -> None:
    said = reading(event("project_created", event_type) | {"created_at": created_at})

    assert said.facts == ()
    assert [hint.reason for hint in said.hints] == ["implausible_time"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("name", ["project_created", "photo_created"])
@given(st.data())
def test_whatever_the_values_they_become_a_fact_a_record_and_a_row_or_our_own_error(
    name: str, data: st.DataObject
) -> None:
    document = event(name)
    resource = document["event_type"].split(".")[0]
    names = st.sampled_from(sorted(document["payload"][resource].keys() - {"id", "project_id"}))
    document["payload"][resource] |= data.draw(st.dictionaries(names, JSON, max_size=6))

    for parsed in companycam.understand(json.dumps(document).encode("utf-8", "surrogatepass")).parsed:
        (record,) = records_of([parsed], SOURCE_COMPANYCAM, "companycam")
        with suppress(PoisonError):
            for fact in read(notification(record, 1_767_342_500_000)).facts:
                merged = merge(Record(object=fact.object, id=fact.id, first_seen_at=NOON_MS), [fact]).record
                if name == "project_created":
                    row = project_from(merged, CUSTOMER, CONFIG)
                    match_keys(merged, CONFIG.relation_types)
                    as_json([row.columns])
                else:
                    as_json([asdict(photo_from(merged, PROJECT_ROW, CONFIG))])
                as_json([{"fields": merged.fields, "versions": merged.versions}])
