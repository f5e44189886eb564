import json
from collections.abc import Callable

import pytest
from pydantic import JsonValue

from simulators.companycam import records, webhooks
from simulators.companycam.shapes import SHAPES
from simulators.records import Fields, Record
from simulators.vendor import Change, InvalidInputError

MOMENT = 1_761_330_000_123
LATER = MOMENT + 5000
SECOND, LATER_SECOND = MOMENT // 1000, LATER // 1000

PROJECT_KEYS = [
    "id", "company_id", "creator_id", "creator_type", "creator_name", "integration_relation_id", "status", "archived",
    "public", "name", "slug", "project_url", "public_url", "geofence", "created_at", "updated_at",
    "embedded_project_url", "photo_count", "capture_photo_deeplink", "primary_contact", "integrations", "notepad",
    "address", "feature_image", "coordinates",
]  # fmt: skip
PHOTO_KEYS = [
    "id", "company_id", "creator_id", "creator_type", "creator_name", "project_id", "coordinates", "status", "uris",
    "hash", "internal", "photo_url", "captured_at", "created_at", "updated_at", "processing_status", "description",
]  # fmt: skip
DOCUMENT_KEYS = [
    "id", "creator_id", "creator_type", "creator_name", "project_id", "name", "url", "content_type", "byte_size",
    "created_at", "updated_at",
]  # fmt: skip
TODO_LIST_KEYS = [
    "id", "company_id", "project_id", "name", "created_at", "updated_at", "completed_at", "creator_id",
    "checklist_template_id", "is_populating", "sectionless_tasks", "sections",
]  # fmt: skip


def a_project(**fields: JsonValue) -> Record:
    return records.create("projects", "111390001", fields, MOMENT)


def a_photo(**fields: JsonValue) -> Record:
    return records.create("photos", "3553000001", fields, MOMENT)


def events_of_update(before: Record, **fields: JsonValue) -> list[str]:
    return webhooks.events_of(Change("update", before, records.change(before, fields, LATER)))


@pytest.mark.parametrize(
    ("kind", "keys"),
    [("projects", PROJECT_KEYS), ("photos", PHOTO_KEYS), ("documents", DOCUMENT_KEYS), ("todo_lists", TODO_LIST_KEYS)],
)
def test_a_record_has_the_keys_of_the_published_samples_in_their_order(kind: str, keys: list[str]) -> None:
    assert list(records.create(kind, "115", {}, MOMENT).fields) == keys


@pytest.mark.parametrize("kind", list(SHAPES))
def test_ids_are_text_and_stamps_epoch_seconds(kind: str) -> None:
    fields = records.create(kind, "115", {}, MOMENT).fields

    assert fields["id"] == "115"
    assert fields["created_at"] == fields["updated_at"] == SECOND


def test_an_address_and_a_contact_have_all_their_parts() -> None:
    made = a_project(address={"city": "Lincoln"}, primary_contact={"name": "Ada", "email": "ada@example.com"})

    assert made.fields["address"] == {
        "street_address_1": None,
        "street_address_2": None,
        "city": "Lincoln",
        "state": None,
        "postal_code": None,
        "country": None,
    }
    assert made.fields["primary_contact"] == {
        "id": "7111390001",
        "project_id": "111390001",
        "name": "Ada",
        "email": "ada@example.com",
        "phone_number": None,
        "created_at": SECOND,
        "updated_at": SECOND,
    }


def test_a_changed_contact_keeps_its_id_and_moves_its_stamp() -> None:
    before = a_project(primary_contact={"name": "Ada"})

    contact = records.change(before, {"primary_contact": {"name": "Ada King"}}, LATER).fields["primary_contact"]

    assert isinstance(contact, dict)
    assert (contact["id"], contact["created_at"], contact["updated_at"]) == ("7111390001", SECOND, LATER_SECOND)


def test_replacing_forgets_what_is_not_given_but_not_what_companycam_sets() -> None:
    before = records.archive(a_project(name="House", notepad="Gate code 1"), MOMENT)

    after = records.replace(before, {"name": "Barn"}, LATER)

    assert (after.fields["name"], after.fields["notepad"]) == ("Barn", None)
    assert (after.fields["archived"], after.fields["created_at"]) == (True, SECOND)
    assert after.fields["updated_at"] == LATER_SECOND


@pytest.mark.parametrize("make", [a_project, a_photo])
def test_what_a_read_gave_can_be_put_back(make: Callable[[], Record]) -> None:
    before = make()
    shown: Fields = {**before.fields, **({"photo_count": 3} if before.object == "projects" else {})}

    after = records.replace(before, shown, LATER)

    assert {**after.fields, "updated_at": SECOND} == before.fields


@pytest.mark.parametrize(
    "given",
    [
        {"id": "2"},
        {"status": "deleted"},
        {"created_at": 1},
        {"creator_id": 7},
        {"captured_at": "2026-01-01T00:00:00Z"},
        {"address": "1 Main"},
        {"integrations": {}},
    ],
    ids=["id", "status", "stamp", "number as id", "ISO time", "address", "list"],
)
def test_what_companycam_would_not_take_is_refused(given: dict[str, JsonValue]) -> None:
    with pytest.raises(InvalidInputError):
        records.change(a_project(), given, LATER)


def test_unknown_fields_are_kept() -> None:
    assert a_project(brand_new={"a": 1}).fields["brand_new"] == {"a": 1}


@pytest.mark.parametrize("given", [7, "", "abc", "1" * 19, "\u0661", None])
def test_an_id_is_text_of_digits(given: JsonValue) -> None:
    with pytest.raises(InvalidInputError):
        records.parse_id(given)


@pytest.mark.parametrize(
    ("kind", "action", "events"),
    [
        ("projects", "create", ["project.created"]),
        ("projects", "update", ["project.updated"]),
        ("projects", "archive", ["project.archived"]),
        ("projects", "restore", ["project.updated"]),
        ("projects", "delete", ["project.deleted"]),
        ("projects", "labels", ["project.label_added"]),
        ("photos", "create", ["photo.created"]),
        ("photos", "tags", ["photo.tag_added"]),
        ("photos", "delete", []),
        ("documents", "create", ["document.created"]),
        ("documents", "update", ["document.updated"]),
        ("documents", "delete", []),
        ("comments", "create", ["comment.created"]),
        ("comments", "update", []),
        ("comments", "delete", []),
        ("todo_lists", "create", ["todo_list.created"]),
        ("todo_lists", "delete", ["todo_list.deleted"]),
    ],
)
def test_each_kind_of_change_makes_its_event_or_none(kind: str, action: str, events: list[str]) -> None:
    record = records.create(kind, "115", {}, MOMENT)

    assert webhooks.events_of(Change(action, None if action == "create" else record, record)) == events


def test_a_photo_is_told_of_when_it_is_processed() -> None:
    pending = a_photo(processing_status="pending")

    assert webhooks.events_of(Change("create", None, pending)) == []
    assert events_of_update(pending, description="Front") == []
    assert events_of_update(pending, processing_status="processed") == ["photo.created"]


def test_a_photos_description_has_an_event_of_its_own() -> None:
    photo = a_photo()

    assert events_of_update(photo, description="Front") == ["photo.description_updated"]
    assert events_of_update(photo, internal=True) == ["photo.updated"]
    assert events_of_update(photo, internal=True, description="Front") == ["photo.description_updated", "photo.updated"]
    assert events_of_update(photo, internal=False) == []


def test_a_checklist_is_completed_when_it_gets_its_time() -> None:
    checklist = records.create("todo_lists", "115", {}, MOMENT)
    done = records.change(checklist, {"completed_at": 1_761_339_999}, LATER)

    assert events_of_update(checklist, completed_at=1_761_339_999) == ["todo_list.completed"]
    assert events_of_update(checklist, name="Roof") == []
    assert events_of_update(done, completed_at=None) == []


@pytest.mark.parametrize(
    ("scopes", "covered"),
    [
        (["*"], True),
        (["photo.*"], True),
        (["photo.created"], True),
        (["project.*", "photo.created"], True),
        (["photo.updated"], False),
        (["photo"], False),
        (["photo.create"], False),
        (["project.*"], False),
    ],
)
def test_a_scope_is_everything_a_resource_or_one_event(scopes: list[str], covered: bool) -> None:
    assert webhooks.is_in_scope("photo.created", scopes) is covered


def test_the_signature_is_the_published_one() -> None:
    body = b'{"event_type":"project.created","created_at":1661361759,"payload":{"project":{"id":"1"}},"webhook_id":7}'

    assert webhooks.signature("whsec-test-token", body) == "CnOxTynI3CnxdgJPwsySMFcNmxg="


def test_an_envelope_is_the_published_one_byte_for_byte() -> None:
    sent = webhooks.envelope("project.created", 1661361759, {"project": {"id": "1"}}, 7)

    assert sent == (
        b'{"event_type":"project.created","created_at":1661361759,"payload":{"project":{"id":"1"}},"webhook_id":7}'
    )
    assert list(json.loads(sent)) == ["event_type", "created_at", "payload", "webhook_id"]


@pytest.mark.parametrize(("status", "counts"), [(200, True), (201, False), (202, False), (204, False), (301, False)])
def test_only_exactly_200_counts(status: int, counts: bool) -> None:
    assert webhooks.is_taken(status, b"") is counts
