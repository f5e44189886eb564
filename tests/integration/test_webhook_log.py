"""The webhook log: a row an event, whichever of log and consumer is faster."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from paintbox.databases import Database
from support import samples
from support.notifications import TRACE, KafkaRecord, salesforce_messages
from support.postgres import NewDatabase
from support.services import CustomerSync, all_rows, customer_sync_on, one_row
from synckit import identity, times
from synckit.consumer import Batch
from synckit.contracts.headers import SOURCE_COMPANYCAM, EventHeaders, to_kafka
from synckit.contracts.values import Quarantined
from webhook_ingest.log import handlers

pytestmark = pytest.mark.database

MESSAGE = samples.body("outbound_message_contacts.xml")


@pytest.fixture
async def sync(new_database: NewDatabase) -> AsyncIterator[CustomerSync]:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    async with customer_sync_on(customers, integrations) as service:
        yield service


async def log(sync: CustomerSync, records: list[KafkaRecord]) -> None:
    await handlers.on_webhooks(Batch(records), sync.resources.integrations)


async def events(sync: CustomerSync) -> list[dict[str, Any]]:
    return await all_rows(sync.resources.integrations, "SELECT * FROM integrations.webhook_events ORDER BY id")


def quarantined(body: bytes, reason: str = "not_json", pointer: str = "") -> KafkaRecord:
    event_id = identity.event_id("quarantined", body.hex())
    head = EventHeaders(
        id=event_id,
        source=SOURCE_COMPANYCAM,
        type="companycam.quarantined.v1",
        subject=str(event_id),
        time=0,
        received_at=1_767_342_000_000,
        correlation_id=event_id,
        traceparent=TRACE,
    )
    value = Quarantined(
        source=SOURCE_COMPANYCAM,
        received_at=times.moment(0),
        reason=reason,
        pointer=pointer,
        body_base64=b64encode(body).decode(),
    )
    return KafkaRecord(key=str(event_id).encode(), value=value.encoded(), headers=to_kafka(head.encoded()))


async def test_an_event_is_logged_whole_and_as_received(sync: CustomerSync) -> None:
    await log(sync, salesforce_messages(MESSAGE))

    first, _ = await events(sync)
    assert first["status"] == "RECEIVED"
    assert first["service"] == "SALESFORCE"
    assert first["headers"] == '{"content-type": "text/xml"}'
    assert (str(first["source_ip"]), first["user_agent"]) == ("192.0.2.1", "test")
    assert first["event_id"].startswith("04l5e00000")
    assert "canary-session" not in str(first)


async def test_log_first_then_consumer(sync: CustomerSync) -> None:
    await log(sync, salesforce_messages(MESSAGE))
    before = await events(sync)

    await sync.messages(MESSAGE)

    after = await events(sync)
    assert {row["status"] for row in after} == {"PROCESSED"}
    assert [(row["id"], row["payload"], row["headers"]) for row in after] == [
        (row["id"], row["payload"], row["headers"]) for row in before
    ]
    assert all(row["processed_at"] and row["processing_duration_ms"] is not None for row in after)


async def test_consumer_first_then_log_is_the_same_and_never_goes_back(sync: CustomerSync) -> None:
    await sync.messages(MESSAGE)
    before = await events(sync)

    await log(sync, salesforce_messages(MESSAGE))

    assert await events(sync) == before


async def test_a_quarantined_body_is_logged_as_failed_with_its_bytes(sync: CustomerSync) -> None:
    await handlers.on_quarantined(Batch([quarantined(b"\xff\x00 no json")]), sync.resources.integrations)

    row = await one_row(sync.resources.integrations, "SELECT * FROM integrations.webhook_events")
    assert (row["status"], row["error_message"]) == ("FAILED", "quarantined: not_json")
    assert (row["raw"], row["payload"]) == (b"\xff\x00 no json", "{}")
    assert row["event_type"] == "quarantined"


async def test_b50_a_quarantined_body_is_logged_with_what_is_wrong_in_it(sync: CustomerSync) -> None:
    record = quarantined(b"{}", "malformed_id", "/payload/photo/id")

    await handlers.on_quarantined(Batch([record]), sync.resources.integrations)

    row = await one_row(sync.resources.integrations, "SELECT error_message FROM integrations.webhook_events")
    assert row["error_message"] == "quarantined: malformed_id: /payload/photo/id"


async def test_a_quarantined_body_that_is_json_is_shown_as_such(sync: CustomerSync) -> None:
    await handlers.on_quarantined(Batch([quarantined(b'{"a": 1}', "no_resource")]), sync.resources.integrations)

    row = await one_row(sync.resources.integrations, "SELECT payload, raw FROM integrations.webhook_events")
    assert (row["payload"], row["raw"]) == ('{"a": 1}', b'{"a": 1}')


async def test_what_the_log_cannot_read_is_parked_and_the_rest_logged(sync: CustomerSync) -> None:
    good, bad = salesforce_messages(MESSAGE)
    elsewhere = [(name, b"/nowhere" if name == "ce_source" else value) for name, value in bad.headers]

    await log(sync, [good, replace(bad, headers=[], offset=1), replace(bad, headers=elsewhere, offset=2)])

    parked = await all_rows(
        sync.resources.integrations, 'SELECT consumer, reason_code FROM integrations.parked_records ORDER BY "offset"'
    )
    assert parked == [
        {"consumer": "webhook-log", "reason_code": "missing_header"},
        {"consumer": "webhook-log", "reason_code": "unknown_source"},
    ]
    assert len(await events(sync)) == 1


async def test_a_value_that_jsonb_refuses_is_kept_as_bytes(sync: CustomerSync) -> None:
    record = replace(salesforce_messages(MESSAGE)[0], value=rb'{"a": "\u0000"}')

    await log(sync, [record])

    row = await one_row(sync.resources.integrations, "SELECT payload, raw FROM integrations.webhook_events")
    assert (row["payload"], row["raw"]) == ("{}", rb'{"a": "\u0000"}')
