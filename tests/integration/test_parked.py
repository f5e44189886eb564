"""`paintbox parked list` and `show`: what was set aside, without what it says."""

import json
from datetime import UTC, datetime

import pytest

from paintbox.databases import Connection
from paintbox.parked.listing import Filter, list_set_aside
from support.set_aside import paintbox, park, quarantine

pytestmark = pytest.mark.database


async def test_the_newest_come_first_and_nothing_of_the_payload(dsn: str, session: Connection) -> None:
    await park(session, 1)
    await park(session, 2, key=b"\xff\x00", reason_code="null_value")

    found = await list_set_aside(dsn, Filter(), 10)

    assert [(one.kind, one.offset, one.reason, one.key) for one in found] == [
        ("parked", 2, "null_value", r"\377\000"),
        ("parked", 1, "key_mismatch", "003"),
    ]
    assert "canary" not in repr(found)


async def test_what_was_redriven_or_dropped_is_not_listed(dsn: str, session: Connection) -> None:
    await park(session, 1, redriven_at=datetime.now(UTC))
    await park(session, 2, dropped_at=datetime.now(UTC))

    assert await list_set_aside(dsn, Filter(), 10) == []


async def test_quarantined_deliveries_are_listed_beside_them(dsn: str, session: Connection) -> None:
    event_id = await quarantine(session)
    await park(session, 1)

    found = await list_set_aside(dsn, Filter(), 10)

    assert [(one.kind, one.id, one.reason, one.detail) for one in found if one.kind == "quarantined"] == [
        ("quarantined", str(event_id), "not_json", "quarantined")
    ]
    assert len(found) == 2


@pytest.mark.parametrize("topic", ["paintbox.webhooks.quarantined.v1", "company_cam"])
async def test_quarantined_deliveries_are_found_by_topic_and_those_read_again_are_shown_with_all(
    dsn: str, session: Connection, topic: str
) -> None:
    await park(session, 1)
    await quarantine(session)
    await quarantine(session, status="PROCESSED", error_message=None)
    await quarantine(session, status="PROCESSED", error_message=None, event_type="photo.created")

    found = await list_set_aside(dsn, Filter(topic=topic), 10)
    ever = await list_set_aside(dsn, Filter(topic=topic, with_decided=True), 10)

    assert [(one.topic, one.state) for one in found] == [("paintbox.webhooks.quarantined.v1", "open")]
    assert sorted(one.state for one in ever) == ["open", "redriven"]


async def test_b50_the_place_in_a_body_is_a_detail_and_no_part_of_the_reason(dsn: str, session: Connection) -> None:
    await quarantine(session, error_message="quarantined: malformed_id: /payload/photo/id")

    (found,) = await list_set_aside(dsn, Filter(reason="malformed_id"), 10)

    assert (found.reason, found.detail) == ("malformed_id", "quarantined at /payload/photo/id")


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        (Filter(consumer="photo-sync"), [2]),
        (Filter(reason="key_mismatch"), [1]),
        (Filter(keys=("004",)), [2]),
        (Filter(topic="nowhere"), []),
        (Filter(consumer="customer-sync", reason="null_value"), []),
        (Filter(before=datetime(2026, 1, 2, 10, 2, tzinfo=UTC)), [1]),
        (Filter(after=datetime(2026, 1, 2, 10, 1, tzinfo=UTC)), [2]),
        (Filter(ids=("0",)), []),
    ],
)
async def test_filters(dsn: str, session: Connection, wanted: Filter, offsets: list[int]) -> None:
    await park(session, 1)
    await park(session, 2, consumer="photo-sync", key=b"004", reason_code="null_value")

    assert [one.offset for one in await list_set_aside(dsn, wanted, 10)] == offsets


async def test_list_names_no_payload_and_show_prints_the_whole_record(dsn: str, session: Connection) -> None:
    await park(session, 1, value=b'{"name": "canary\x1b[2J"}'.replace(b"\x1b", b"\\u001b"), headers='{"ce_id": "7"}')
    event_id = await quarantine(session)
    listed = json.loads((await paintbox(dsn, "list", "--json"))[1])["parked"]

    _, table = await paintbox(dsn, "list")
    code, record = await paintbox(dsn, "show", listed[0]["id"])
    _, delivery = await paintbox(dsn, "show", str(event_id))
    missing, sentence = await paintbox(dsn, "show", "4711")

    assert "canary" not in table + json.dumps(listed)
    assert code == 0
    assert "ce_id: 7" in record
    assert "canary" in record
    assert "\x1b" not in record
    assert delivery.endswith("value\ncanary\n")
    assert (missing, "4711" in sentence) == (1, True)


async def test_a_key_is_given_as_text_or_as_it_is_shown(dsn: str, session: Connection) -> None:
    await park(session, 1, key="ü".encode())

    as_text, as_shown = await paintbox(dsn, "list", "--key", "ü"), await paintbox(dsn, "list", "--key", r"\303\274")
    code, said = await paintbox(dsn, "list", "--key", "\udcff")

    assert as_text == as_shown
    assert "key_mismatch" in as_text[1]
    assert (code, "--key is not UTF-8" in said) == (2, True)


async def test_a_key_with_a_backslash_is_given_as_text_or_as_it_is_shown(dsn: str, session: Connection) -> None:
    await park(session, 1, key="a\\ü".encode())

    as_text, as_shown = [await paintbox(dsn, "list", "--key", key) for key in (r"a\ü", r"a\\\303\274")]
    dropped = await paintbox(dsn, "drop", "--key", r"a\ü", "--yes")

    assert as_text == as_shown
    assert "key_mismatch" in as_text[1]
    assert dropped == (0, "1 dropped\n")
