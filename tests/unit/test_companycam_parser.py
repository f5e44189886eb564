"""CompanyCam's door takes both envelopes and both forms of time, and finds the project of an event."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import samples
from synckit import versions
from webhook_ingest.models import Parsed
from webhook_ingest.parsers import companycam


def parsed(value: Any) -> Parsed:
    understood = companycam.understand(value if isinstance(value, bytes) else samples.dumped(value))
    assert understood.quarantined == ()
    return understood.parsed[0]


def reason(value: Any) -> str:
    understood = companycam.understand(value if isinstance(value, bytes) else samples.dumped(value))
    assert understood.parsed == ()
    return understood.quarantined[0].reason


def photo(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = samples.document("companycam_photo_created.json")
    document["payload"]["photo"] |= changes
    return document


@pytest.mark.parametrize(
    ("name", "kind", "subject"),
    [
        ("project_created", "project.created", "project/94100001"),
        ("project_label_added", "project.label_added", "project/94100001"),
        ("photo_created", "photo.created", "photo/3553000001"),
        ("photo_tag_added", "photo.tag_added", "photo/3553000001"),
        ("document_created", "document.created", "document/115"),
        ("todo_list_completed", "todo_list.completed", "todo_list/4782987471"),
        ("comment_created", "comment.created", "comment/777"),
    ],
)
def test_every_published_event_is_keyed_by_its_project(name: str, kind: str, subject: str) -> None:
    one = parsed(samples.body(f"companycam_{name}.json"))

    assert (one.type, one.key, one.subject) == (kind, samples.PROJECT, subject)


def test_the_body_travels_as_it_was_sent() -> None:
    body = samples.body("companycam_photo_created.json")

    assert parsed(body).value == body


def test_the_flat_envelope_says_the_same() -> None:
    nested = photo()

    one = parsed(nested | {"payload": nested["payload"]["photo"]})

    assert (one.key, one.subject) == (samples.PROJECT, f"photo/{samples.PHOTO}")


@pytest.mark.parametrize("change", ["contact_created", "contact_updated"])
@pytest.mark.parametrize(
    ("payload", "key", "subject"),
    [
        ({"id": "4711", "project_id": 9999, "name": "A contact"}, "9999", "contact/4711"),
        ({"id": "4711", "name": "A contact"}, "contact:4711", "contact/4711"),
        ({"contact": {"id": "4711", "project_id": "9999"}}, "9999", "contact/4711"),
        ({"project": {"id": "9999"}, "contact": {"id": "4711", "project_id": "9999"}}, "9999", "project/9999"),
    ],
    ids=["flat", "flat without project", "nested", "both"],
)
def test_a_contact_is_never_taken_for_its_project(change: str, payload: Any, key: str, subject: str) -> None:
    one = parsed({"event_type": f"project.{change}", "created_at": 1_767_341_741, "payload": payload})

    assert (one.key, one.subject) == (key, subject)


@pytest.mark.parametrize(("event_type", "name"), [("project.label_added", "label"), ("photo.tag_added", "tag")])
def test_a_flat_word_is_never_taken_for_what_it_was_added_to(event_type: str, name: str) -> None:
    word = {"id": "4711", "display_value": "Before", "value": "before"}

    one = parsed({"event_type": event_type, "created_at": 1_767_341_741, "payload": word})

    assert (one.key, one.subject) == (f"{name}:4711", f"{name}/4711")


@pytest.mark.parametrize("created_at", [1_767_341_741, "2026-01-02T08:15:41Z", "2026-01-02T08:15:41.000+00:00"])
def test_both_forms_of_time_are_the_same_moment(created_at: object) -> None:
    assert parsed(photo() | {"created_at": created_at}).time == 1_767_341_741_000


def test_the_version_is_that_of_the_record() -> None:
    assert parsed(photo()).fact_version == versions.pushed(1_767_341_740_000)
    assert parsed(photo(updated_at=None)).fact_version is None


def test_numbers_are_ids_too() -> None:
    one = parsed(photo(id=3553000001, project_id=94100001))

    assert (one.key, one.subject) == (samples.PROJECT, f"photo/{samples.PHOTO}")


def test_without_a_project_the_key_is_the_record() -> None:
    assert parsed(photo(project_id=None)).key == f"photo:{samples.PHOTO}"


def test_a_comment_on_a_photo_is_not_keyed_by_it() -> None:
    document = samples.document("companycam_comment_created.json")
    document["payload"]["comment"] |= {"commentable_type": "Photo"}

    assert parsed(document).key == "comment:777"


def test_a_tag_without_its_photo_is_about_the_tag() -> None:
    document = samples.document("companycam_photo_tag_added.json")
    del document["payload"]["photo"]

    assert parsed(document).subject == "tag/27370002"


def test_the_same_delivery_is_the_same_event_and_another_sending_another() -> None:
    body = samples.body("companycam_project_label_added.json")

    again = parsed(body)
    later = parsed(samples.document("companycam_project_label_added.json") | {"created_at": 1_767_342_999})

    assert again.event_id == parsed(body).event_id
    assert later.event_id != again.event_id


def test_unknown_events_and_fields_are_taken() -> None:
    one = parsed(photo(new_field={"a": 1}) | {"event_type": "photo.something_new"})

    assert one.type == "photo.something_new"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (rb'{"event_type": "\u0000"}', "nul_character"),
        (b'{"webhook_id": ' + b"[" * 1_020 + b"]" * 1_020 + b"}", "too_deep"),
        ([], "unknown_shape"),
        ({"event_type": "photo.created", "created_at": 1}, "unknown_shape"),
        (photo() | {"event_type": None}, "malformed_event_type"),
        (photo() | {"event_type": "x" * 81}, "malformed_event_type"),
        (photo() | {"event_type": "photo\n.created"}, "malformed_event_type"),
        (photo() | {"created_at": None}, "malformed_time"),
        (photo() | {"created_at": True}, "malformed_time"),
        (photo() | {"created_at": "2026-01-02T08:15:41"}, "malformed_time"),
        (photo(updated_at="yesterday"), "malformed_time"),
        (photo(id=""), "malformed_id"),
        (photo(id=" 12"), "malformed_id"),
        (photo(id=True), "malformed_id"),
        (photo(id=1.5), "malformed_id"),
        (photo(id="x" * 51), "malformed_id"),
        (photo(project_id="a/b"), "malformed_id"),
        (photo() | {"payload": {}}, "no_resource"),
        (photo() | {"payload": {"photo": []}}, "no_resource"),
        (photo() | {"payload": {"": {"id": "1"}}}, "no_resource"),
        (photo() | {"payload": {"x" * 81: {"id": "1"}}}, "no_resource"),
    ],
)
def test_b46_b47_b50_what_is_not_as_documented_is_set_aside(value: Any, expected: str) -> None:
    assert reason(value) == expected


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (b"{", ""),
        ([], ""),
        (photo() | {"payload": 7}, "/payload"),
        (photo() | {"payload": {}}, "/payload"),
        (photo() | {"event_type": 7}, "/event_type"),
        (photo() | {"created_at": None}, "/created_at"),
        (photo() | {"created_at": "soon"}, "/created_at"),
        (photo(updated_at="yesterday"), "/payload/photo/updated_at"),
        (photo(id=None), "/payload/photo/id"),
        (photo(project_id="a/b"), "/payload/photo/project_id"),
        (photo() | {"payload": {"id": None}}, "/payload/id"),
        (photo() | {"payload": {"canary": {"id": None}}}, "/payload/*/id"),
        (photo() | {"event_type": "canary.x", "payload": {"canary": {"id": None}}}, "/payload/*/id"),
    ],
)
def test_b50_what_is_set_aside_says_where_it_is_not_as_documented(value: Any, pointer: str) -> None:
    understood = companycam.understand(value if isinstance(value, bytes) else samples.dumped(value))

    assert [one.pointer for one in understood.quarantined] == [pointer]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event_type", "created_at", "payload", "photo", "project", "id", "project_id"]), inner
        )
    ),
    max_leaves=15,
)


@given(JSON, st.sampled_from(["photo.created", "project.merged", "comment.created", "x"]))
def test_whatever_the_document_it_is_understood_or_set_aside(payload: Any, kind: str) -> None:
    body = json.dumps({"event_type": kind, "created_at": 1_767_341_741, "payload": payload})

    understood = companycam.understand(body.encode("utf-8", "surrogatepass"))

    assert len(understood.parsed) + len(understood.quarantined) == 1


@given(st.binary(max_size=200))
def test_whatever_the_bytes_nothing_else_leaves(body: bytes) -> None:
    understood = companycam.understand(body)

    assert len(understood.parsed) + len(understood.quarantined) == 1
