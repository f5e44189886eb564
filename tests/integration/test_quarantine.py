"""Quarantined bodies read again by a release that understands them: what their door would have sent is spooled."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from paintbox.databases import Connection
from paintbox.parked.decisions import ask_redrive
from paintbox.parked.listing import Filter
from support import samples
from support.postgres import WAITS_FOR_A_LOCK
from support.rows import insert
from support.services import all_rows
from support.waiting import until
from synckit import failpoints, postgres
from synckit.contracts import headers
from synckit.errors import TransientError
from synckit.postgres import Pool
from synckit.times import moment
from webhook_ingest import records, spool
from webhook_ingest.log.quarantine import Reader, claim_next, settle
from webhook_ingest.models import Understanding
from webhook_ingest.parsers import companycam, outbound_messages, salesforce_events, soap
from webhook_ingest.records import Door

pytestmark = pytest.mark.database

MESSAGE = samples.body("outbound_message_contacts.xml")
ORGANIZATION = soap.parse(MESSAGE).organization_id[:15]
RECEIVED_MS = 1_767_342_000_123


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with postgres.create_pool(dsn, process="test") as pool:
        yield pool


async def quarantine(session: Connection, door: Door, body: bytes, **changes: Any) -> UUID:
    """As the log writes what a door of an older release did not understand."""
    event_id = records.quarantine_id(door, body)
    values: dict[str, Any] = {
        "id": event_id,
        "service": "COMPANY_CAM" if door is records.COMPANYCAM else "SALESFORCE",
        "event_type": "quarantined",
        "headers": json.dumps({"content-type": "text/xml"}),
        "payload": "{}",
        "status": "FAILED",
        "error_message": "quarantined: too_new",
        "raw": body,
        "received_at": moment(RECEIVED_MS),
        "correlation_id": event_id,
        "source_ip": "192.0.2.1",
        "user_agent": "test",
    }
    await insert(session, "integrations.webhook_events", **values | changes)
    return event_id


async def spooled(pool: Pool) -> list[dict[str, Any]]:
    rows = await all_rows(pool, "SELECT * FROM integrations.webhook_spool ORDER BY seq")
    return [row | {"headers": json.loads(row["headers"])} for row in rows]


async def event(session: Connection, event_id: UUID) -> tuple[str, str | None, int]:
    row = await session.fetchrow(
        "SELECT status, error_message, retry_count FROM integrations.webhook_events WHERE id = $1", event_id
    )
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize(
    ("door", "body", "expected"),
    [
        (
            records.SALESFORCE_MESSAGES,
            MESSAGE,
            {one.event_id: one.value for one in outbound_messages.understand(soap.parse(MESSAGE)).parsed},
        ),
        (
            records.SALESFORCE_EVENTS,
            samples.body("change_event_contact_update.json"),
            {
                one.event_id: one.value
                for one in salesforce_events.understand(samples.body("change_event_contact_update.json"), None).parsed
            },
        ),
        (
            records.COMPANYCAM,
            samples.body("companycam_photo_created.json"),
            {
                one.event_id: one.value
                for one in companycam.understand(samples.body("companycam_photo_created.json")).parsed
            },
        ),
    ],
    ids=["messages", "events", "companycam"],
)
async def test_a_body_that_is_understood_now_is_spooled_as_its_door_would_have_sent_it(
    dsn: str, pool: Pool, session: Connection, door: Door, body: bytes, expected: dict[UUID, bytes]
) -> None:
    event_id = await quarantine(session, door, body)
    await ask_redrive(dsn, Filter())

    done = await Reader(pool, [ORGANIZATION]).once()

    rows = await spooled(pool)
    heads = [headers.decode(headers.to_kafka(row["headers"])) for row in rows]
    assert done
    assert {row["event_id"]: row["value"] for row in rows} == expected
    assert {row["topic"] for row in rows} == {door.topic.name}
    assert {(head.received_at, head.correlation_id, head.source) for head in heads} == {
        (RECEIVED_MS, event_id, door.source)
    }
    assert {headers.http_request(head)["source_ip"] for head in heads} == {"192.0.2.1"}
    assert await event(session, event_id) == ("PROCESSED", None, 1)
    assert not await Reader(pool, [ORGANIZATION]).once()


async def test_only_what_was_asked_for_is_read_again(pool: Pool, session: Connection) -> None:
    await quarantine(session, records.COMPANYCAM, samples.body("companycam_photo_created.json"))

    assert not await Reader(pool, []).once()
    assert await spooled(pool) == []


@pytest.mark.parametrize(
    ("door", "body", "reason"),
    [
        (records.COMPANYCAM, b"\xff\x00", "not_json"),
        (records.SALESFORCE_EVENTS, b"[]x", "not_json"),
        (records.SALESFORCE_EVENTS, b'{"new": [{"Id": 7}]}', "malformed_id: /new/0/Id"),
        (records.SALESFORCE_MESSAGES, b"<a>", "not_well_formed"),
        (
            records.SALESFORCE_MESSAGES,
            MESSAGE.replace(ORGANIZATION.encode(), b"00D000000000000"),
            "unknown_organization",
        ),
    ],
    ids=["companycam", "events", "a record of events", "messages", "a stranger's message"],
)
async def test_b82_what_is_still_not_understood_is_one_attempt_more_and_waits_to_be_asked_for(
    dsn: str, pool: Pool, session: Connection, door: Door, body: bytes, reason: str
) -> None:
    event_id = await quarantine(session, door, body)
    await ask_redrive(dsn, Filter())

    first, second = await Reader(pool, [ORGANIZATION]).once(), await Reader(pool, [ORGANIZATION]).once()

    assert (first, second) == (True, False)
    assert await spooled(pool) == []
    assert await event(session, event_id) == ("FAILED", f"quarantined: {reason}", 1)


async def test_a_body_that_meets_a_bug_is_named_and_holds_no_other_up(
    dsn: str, pool: Pool, session: Connection, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [samples.dumped({"payload": {}, "made_different_by": number}) for number in range(3)]
    ids = [await quarantine(session, records.COMPANYCAM, body) for body in bodies]
    good = samples.body("companycam_photo_created.json")
    ids.append(await quarantine(session, records.COMPANYCAM, good))
    understand = companycam.understand

    def falls_over(body: bytes) -> Understanding:
        if body == good:
            return understand(body)
        raise KeyError("canary")

    monkeypatch.setattr(companycam, "understand", falls_over)
    await ask_redrive(dsn, Filter())
    read = [await Reader(pool, []).once() for _ in range(5)]

    assert read == [True] * 4 + [False]
    assert [await event(session, each) for each in ids] == [("FAILED", "quarantined: bug", 1)] * 3 + [
        ("PROCESSED", None, 1)
    ]
    named = [record for record in caplog.records if record.message == "A quarantined body met a bug"]
    assert {record.__dict__["event_id"] for record in named} == set(map(str, ids[:3]))
    assert all(record.exc_info for record in named)


@pytest.mark.parametrize("step", [(records, "of"), (spool, "insert")], ids=["making", "keeping"])
async def test_a_body_whose_records_meet_a_bug_is_named_and_holds_no_other_up(
    dsn: str,
    pool: Pool,
    session: Connection,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[ModuleType, str],
) -> None:
    names = ("companycam_photo_created.json", "companycam_project_created.json")
    first, second = sorted([await quarantine(session, records.COMPANYCAM, samples.body(name)) for name in names])
    works, tries = getattr(*step), count()

    def falls_over_once(*given: Any) -> Any:
        if next(tries) == 0:
            raise KeyError("canary")
        return works(*given)

    monkeypatch.setattr(*step, falls_over_once)
    await ask_redrive(dsn, Filter())
    read = [await Reader(pool, []).once() for _ in range(3)]

    assert read == [True, True, False]
    assert await event(session, first) == ("FAILED", "quarantined: bug", 1)
    assert await event(session, second) == ("PROCESSED", None, 1)
    assert len(await spooled(pool)) == 1
    (named,) = [record for record in caplog.records if record.message == "A quarantined body met a bug"]
    assert named.__dict__["event_id"] == str(first)


async def test_of_a_body_that_is_understood_in_part_the_rest_is_quarantined_on_its_own(
    dsn: str, pool: Pool, session: Connection
) -> None:
    good = samples.document("change_event_contact_update.json")
    event_id = await quarantine(session, records.SALESFORCE_EVENTS, samples.dumped([good, {"no": "event"}]))
    await ask_redrive(dsn, Filter())

    await Reader(pool, []).once()

    assert [row["topic"] for row in await spooled(pool)] == [
        "paintbox.webhooks.salesforce.v1",
        "paintbox.webhooks.quarantined.v1",
    ]
    assert (await event(session, event_id))[0] == "PROCESSED"


async def test_a_signed_timestamp_counts_where_a_signature_came_with_it(
    dsn: str, pool: Pool, session: Connection
) -> None:
    body = samples.dumped({"new": [{"Id": "0035e00000Dou01AAB", "LastName": "x"}], "old": []})
    kept = json.dumps({"x-salesforce-timestamp": "1767342000"})
    await quarantine(session, records.SALESFORCE_EVENTS, body, headers=kept, signature="s")
    await ask_redrive(dsn, Filter())

    await Reader(pool, []).once()

    (row,) = await spooled(pool)
    assert row["headers"]["ce_time"] == "2026-01-02T08:20:00.000Z"


async def test_a_body_that_came_through_none_of_the_doors_stays(dsn: str, pool: Pool, session: Connection) -> None:
    event_id = await quarantine(session, Door("x", "/x", "x", records.COMPANYCAM.topic), b"{}")
    await ask_redrive(dsn, Filter())

    await Reader(pool, []).once()

    assert await event(session, event_id) == ("FAILED", "quarantined: unknown_door", 1)


@pytest.mark.parametrize("step", ["before_commit", "after_commit"])
async def test_killed_at_either_side_of_the_commit_it_is_spooled_once(
    dsn: str, pool: Pool, session: Connection, step: str
) -> None:
    event_id = await quarantine(session, records.COMPANYCAM, samples.body("companycam_photo_created.json"))
    await ask_redrive(dsn, Filter())
    reader = Reader(pool, [])

    failpoints.arm([f"quarantine.read:{step}=fail"])
    try:
        with pytest.raises(TransientError):
            await reader.once()
    finally:
        failpoints.arm([])
    await reader.once()

    assert len(await spooled(pool)) == 1
    assert await event(session, event_id) == ("PROCESSED", None, 1)


async def test_one_that_is_asked_for_again_while_it_is_read_is_read_again(
    pool: Pool, session: Connection, dsn: str
) -> None:
    await quarantine(session, records.COMPANYCAM, b"no JSON")
    await ask_redrive(dsn, Filter())

    async with postgres.transaction(pool, "test") as connection:
        body = await claim_next(connection)
        assert body is not None
        asking = asyncio.create_task(ask_redrive(dsn, Filter()))
        await until(lambda: session.fetchval(WAITS_FOR_A_LOCK))
        await settle(connection, body, "not_json")
    await asking

    assert await Reader(pool, []).once()
    assert not await Reader(pool, []).once()
