"""`paintbox parked list`: what was set aside, without what it says."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from paintbox.databases import Connection, Database
from paintbox.parked import Filter, list_set_aside
from support.postgres import NewDatabase, OpenSession
from support.rows import insert

pytestmark = pytest.mark.database


@pytest.fixture
async def dsn(new_database: NewDatabase) -> str:
    return await new_database(Database.INTEGRATIONS)


@pytest.fixture
async def session(dsn: str, connect: OpenSession) -> Connection:
    return await connect(dsn)


async def park(session: Connection, offset: int, **changes: object) -> None:
    values: dict[str, object] = {
        "consumer": "customer-sync",
        "topic": "paintbox.webhooks.salesforce.v1",
        "partition": 3,
        "offset": offset,
        "key": b"003",
        "headers": "{}",
        "value": b"canary",
        "reason_code": "key_mismatch",
        "reason": "the key is not the record's",
        "value_sha256": str(offset),
        "parked_at": datetime(2026, 1, 2, 10, offset, tzinfo=UTC),
    }
    await insert(session, "integrations.parked_records", **values | changes)


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
    event_id = uuid4()
    await insert(
        session,
        "integrations.webhook_events",
        id=event_id,
        service="COMPANY_CAM",
        event_type="quarantined",
        payload="{}",
        status="FAILED",
        error_message="quarantined: not_json",
        raw=b"canary",
    )
    await park(session, 1)

    found = await list_set_aside(dsn, Filter(), 10)

    assert [(one.kind, one.id, one.reason) for one in found if one.kind == "quarantined"] == [
        ("quarantined", str(event_id), "not_json")
    ]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        (Filter(consumer="photo-sync"), [2]),
        (Filter(reason="key_mismatch"), [1]),
        (Filter(key="004"), [2]),
        (Filter(topic="nowhere"), []),
        (Filter(consumer="customer-sync", reason="null_value"), []),
    ],
)
async def test_filters(dsn: str, session: Connection, wanted: Filter, offsets: list[int]) -> None:
    await park(session, 1)
    await park(session, 2, consumer="photo-sync", key=b"004", reason_code="null_value")

    assert [one.offset for one in await list_set_aside(dsn, wanted, 10)] == offsets
