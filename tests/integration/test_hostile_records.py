"""Records that no door of ours made: what either database would refuse is found before the first write.

Each case is a batch of a good record and a hostile one. The hostile one is parked and leaves no other trace; the good
one is applied, logged, and not taken for the other.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from customer_sync.handlers.webhooks import on_salesforce_webhooks
from paintbox.databases import Database
from support import samples
from support.notifications import KafkaRecord, companycam_record, salesforce_messages
from support.people import photo, project
from support.postgres import NewDatabase
from support.samples import DOUGLAS
from support.services import CustomerSync, PhotoSync, all_rows, customer_sync_on, numbered, one_row, photo_sync_on
from support.waiting import until_true
from synckit.consumer import Batch
from synckit.consumer.applying import Applier
from synckit.contracts import headers
from synckit.postgres import Pool
from webhook_ingest.log import handlers

pytestmark = pytest.mark.database

OTHER, GOOD = salesforce_messages(samples.body("outbound_message_contacts.xml"))
LONG = "x" * 5_000
REQUEST = {"headers": {"content-type": "text/xml"}, "source_ip": "192.0.2.1", "user_agent": "test"}


def changed(record: KafkaRecord, headers: Mapping[str, str | bytes | None]) -> KafkaRecord:
    """The record with other headers; None leaves one without a value."""
    values = {name: value.encode() if isinstance(value, str) else value for name, value in headers.items()}
    given: list[Any] = list((dict(record.headers) | values).items())
    return replace(record, headers=given)


def requested(**changes: Any) -> dict[str, str]:
    return {"request": json.dumps(REQUEST | changes)}


HEADERS: dict[str, Mapping[str, str | bytes | None]] = {
    "b74_no_value": {"ce_id": None},
    "not_utf8": {"ce_type": b"\xff"},
    "nul_in_type": {"ce_type": "salesforce.outbound_message.Con\0tact.v1"},
    "nul_in_trace": {"traceparent": "00-\0"},
    "nul_in_vendors_id": {"ce_vendoreventid": "\0"},
    "long_subject": {"ce_subject": LONG},
    "empty_subject": {"ce_subject": ""},
    "request_is_no_json": {"request": "{"},
    "request_is_a_list": {"request": "[]"},
    "request_with_nul": {"request": '{"user_agent": "a\\u0000b"}'},
    "request_from_nowhere": requested(source_ip="nowhere"),
    "request_with_a_long_signature": requested(signature=LONG),
    "request_with_odd_headers": requested(headers=[1]),
    "b79_received_before_the_year_1": {"ce_receivedat": "0001-01-01T00:00:00+05:00"},
    "b79_happened_after_the_year_9999": {"ce_time": "9999-12-31T23:59:59-05:00"},
    "b77_another_major_version": {"ce_type": "salesforce.outbound_message.Contact.v2"},
    "b77_an_unknown_type": {"ce_type": "salesforce.letter.Contact.v1"},
    "another_source": {"ce_source": "/nowhere"},
    "b76_a_version_of_many_digits": {"ce_factversion": "9" * 5_000},
    "b76_a_major_version_of_many_digits": {"ce_type": f"companycam.project.updated.v{'9' * 5_000}"},
}


@pytest.fixture
async def customers(new_database: NewDatabase) -> AsyncIterator[CustomerSync]:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    async with customer_sync_on(customers, integrations) as service:
        yield service


@pytest.fixture
async def projects(new_database: NewDatabase) -> AsyncIterator[PhotoSync]:
    projects, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(projects, integrations) as service:
        yield service


async def parked(pool: Pool) -> list[int]:
    rows = await all_rows(pool, 'SELECT "offset" FROM integrations.parked_records ORDER BY "offset"')
    return [row["offset"] for row in rows]


async def statuses(pool: Pool) -> list[str]:
    return sorted(row["status"] for row in await all_rows(pool, "SELECT status FROM integrations.webhook_events"))


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
async def test_f43_hostile_headers_are_parked_before_anything_is_written(
    customers: CustomerSync, headers: Mapping[str, str | bytes | None]
) -> None:
    batch = await customers.webhooks([changed(OTHER, headers), GOOD])

    mirrored = await all_rows(customers.resources.customers, "SELECT id FROM customers.salesforce_records")
    assert sorted(batch.condemned) == [0]
    assert await parked(customers.resources.integrations) == [0]
    assert [row["id"] for row in mirrored] == [DOUGLAS]
    assert [one for one in await statuses(customers.resources.integrations) if one != "FAILED"] == ["PROCESSED"]


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
async def test_hostile_headers_do_not_stop_the_log(
    customers: CustomerSync, headers: Mapping[str, str | bytes | None]
) -> None:
    pool = customers.resources.integrations

    await handlers.on_webhooks(Batch(numbered([changed(OTHER, headers), GOOD])), pool)

    good = await one_row(pool, "SELECT status FROM integrations.webhook_events WHERE id = $1", event_id(GOOD))
    assert good["status"] == "RECEIVED"
    assert await parked(pool) in ([0], [])  # the log knows nothing of types


BROKEN = replace(GOOD, value=b"[]")
"""Another record of the same event."""
IGNORED = replace(GOOD, value=json.dumps(json.loads(GOOD.value or b"") | {"object": "Opportunity"}).encode())


@pytest.mark.parametrize(
    ("batches", "status"),
    [
        ([[GOOD, BROKEN]], "PROCESSED"),
        ([[BROKEN, GOOD]], "PROCESSED"),
        ([[GOOD], [BROKEN]], "PROCESSED"),
        ([[IGNORED, BROKEN]], "IGNORED"),
        ([[IGNORED], [BROKEN]], "IGNORED"),
        ([[GOOD, IGNORED]], "PROCESSED"),
        ([[BROKEN], [IGNORED]], "IGNORED"),
        ([[BROKEN], [GOOD]], "PROCESSED"),
    ],
)
async def test_of_an_event_that_comes_twice_the_better_outcome_stands_in_both_logs(
    customers: CustomerSync, batches: Sequence[Sequence[KafkaRecord]], status: str
) -> None:
    for batch in batches:
        await customers.webhooks(batch)

    log = await one_row(customers.resources.integrations, "SELECT status FROM integrations.sync_logs")
    assert (await statuses(customers.resources.integrations), log["status"]) == ([status], "COMPLETED")


def event_id(record: KafkaRecord) -> str:
    return dict(record.headers)["ce_id"].decode()


async def test_b40_b73_a_doubled_key_with_u0000_behind_it_is_applied_as_the_last_one_says(projects: PhotoSync) -> None:
    """PostgreSQL reads the first one too, where the body is written as it came."""
    doubled = project().replace(b'"event_type"', rb'"event_type":"\u0000","event_type"', 1)
    records = [companycam_record(doubled)]

    batch = await projects.webhooks(records)
    await handlers.on_webhooks(Batch(numbered(records)), projects.resources.integrations)

    assert batch.condemned == {}
    assert await statuses(projects.resources.integrations) == ["PROCESSED"]


async def test_f43_unknown_headers_are_other_peoples(customers: CustomerSync) -> None:
    strange = changed(GOOD, {"x-b3-sampled": b"\xff\x00", "empty": None})

    batch = await customers.webhooks([strange])

    assert batch.condemned == {}
    assert await statuses(customers.resources.integrations) == ["PROCESSED"]


@pytest.mark.parametrize(
    "value",
    [None, b"", b"[]", b"null", b"\xff", b'{"a": NaN}', rb'{"a": "\u0000"}', b"[" * 2_000, b'{"object": 1}'],
    ids=lambda value: repr(value)[:20],
)
async def test_f43_b73_values_that_are_none_of_ours_are_parked_and_the_rest_applied(
    customers: CustomerSync, value: bytes | None
) -> None:
    await customers.webhooks([replace(OTHER, value=value), GOOD])

    assert await parked(customers.resources.integrations) == [0]
    assert await statuses(customers.resources.integrations) == ["FAILED", "PROCESSED"]


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"003000000000000AAA"], ids=repr)
async def test_f43_b74_a_key_that_is_not_the_records_is_parked(customers: CustomerSync, key: bytes | None) -> None:
    await customers.webhooks([replace(OTHER, key=key), GOOD])

    row = await one_row(customers.resources.integrations, "SELECT key, reason_code FROM integrations.parked_records")
    assert (row["key"], row["reason_code"]) == (key, "key_mismatch")
    assert await statuses(customers.resources.integrations) == ["FAILED", "PROCESSED"]


async def test_f43_a_record_of_another_vendors_door_is_parked_and_cached_as_nobodys(
    customers: CustomerSync, projects: PhotoSync
) -> None:
    record = companycam_record(samples.body("companycam_photo_created.json"))

    await customers.webhooks([changed(OTHER, {"ce_source": headers.SOURCE_COMPANYCAM}), GOOD])
    await projects.webhooks([changed(record, {"ce_source": headers.SOURCE_SALESFORCE_EVENTS})])

    assert await parked(customers.resources.integrations) == [0]
    assert await parked(projects.resources.integrations) == [0]
    cached = "SELECT DISTINCT service::text AS service FROM integrations.external_entity_cache"
    assert await all_rows(customers.resources.integrations, cached) == [{"service": "SALESFORCE"}]
    assert await all_rows(projects.resources.integrations, cached) == []


@pytest.mark.parametrize(
    "text",
    [b'{"Description": 1e-20000}', b'{"Description": 0.' + b"1" * 20_000 + b"}"],
    ids=["exponent", "digits"],
)
async def test_a_number_that_only_jsonb_refuses_is_applied_and_logged(customers: CustomerSync, text: bytes) -> None:
    value = json.loads(GOOD.value or b"")
    body = json.dumps(value).encode().replace(b'"fields": {', b'"odd": ' + text + b', "fields": {')

    batch = await customers.webhooks([replace(GOOD, value=body)])
    await handlers.on_webhooks(Batch([replace(GOOD, value=body)]), customers.resources.integrations)

    assert batch.condemned == {}
    assert await statuses(customers.resources.integrations) == ["PROCESSED"]


async def test_a_byte_order_mark_is_no_part_of_the_payload(customers: CustomerSync) -> None:
    batch = await customers.webhooks([replace(GOOD, value=b"\xef\xbb\xbf" + (GOOD.value or b""))])

    assert batch.condemned == {}
    assert await statuses(customers.resources.integrations) == ["PROCESSED"]


@pytest.mark.parametrize("subject", ["project", "project/", "/1", f"project/{LONG}", f"project/{'1' * 120}"])
async def test_a_subject_that_names_no_record_is_parked(projects: PhotoSync, subject: str) -> None:
    hostile = changed(companycam_record(photo()), {"ce_subject": subject})

    batch = await projects.webhooks([hostile, companycam_record(project())])

    assert sorted(batch.condemned) == [0]
    assert await parked(projects.resources.integrations) == [0]


@pytest.mark.parametrize("event", ["project.deleted", "project.archived", "project.label_added"])
async def test_b76_what_happened_in_the_year_9999_decides_nothing(projects: PhotoSync, event: str) -> None:
    far = companycam_record(project(event, 253_402_300_799))
    labelled = json.loads(far.value or b"")
    labelled["payload"]["label"] = {"id": "1", "value": "x"}

    await projects.webhooks([replace(far, value=json.dumps(labelled).encode())])
    await projects.events(project())

    record = await one_row(projects.resources.projects, "SELECT * FROM projects.companycam_records")
    asked = await projects.published()
    fields = json.loads(record["fields"])
    assert (record["is_deleted"], fields["archived"], [name for name in fields if "$" in name]) == (False, False, [])
    assert [one.topic for one in asked] == ["paintbox.sync.requests.v1"]


async def test_a_record_that_a_database_refuses_is_logged_as_failed(customers: CustomerSync) -> None:
    """The loop condemns it, not the handler: its event fails all the same."""
    async with customers.resources.customers.acquire() as connection:
        await connection.execute(
            f"ALTER TABLE customers.salesforce_records ADD CONSTRAINT no_douglas CHECK (id <> '{DOUGLAS}')"
        )

    refused = await Applier("t", _handler(customers)).apply(Batch(numbered([GOOD, OTHER])))

    failed = await one_row(
        customers.resources.integrations,
        "SELECT error_message FROM integrations.webhook_events WHERE status = 'FAILED'",
    )
    assert [record.key for record in refused] == [GOOD.key]
    assert failed["error_message"] == (
        "parked: refused_by_database: CheckViolationError sqlstate 23514 constraint no_douglas table salesforce_records"
    )
    assert await statuses(customers.resources.integrations) == ["FAILED", "PROCESSED"]


def _handler(customers: CustomerSync) -> Callable[[Batch], Any]:
    return lambda batch: on_salesforce_webhooks(batch, customers.resources)


async def test_a_month_without_a_partition_is_waited_for_by_its_name(customers: CustomerSync) -> None:
    async with customers.resources.integrations.acquire() as connection:
        await connection.execute("DROP TABLE integrations.sync_logs_default")
    elsewhere = changed(GOOD, {"ce_receivedat": "2090-01-01T00:00:00.000Z"})
    applier = Applier("t", _handler(customers))

    waiting = asyncio.create_task(applier.apply(Batch([elsewhere])))
    await until_true(lambda: applier.trouble is not None)
    trouble = applier.trouble
    async with customers.resources.integrations.acquire() as connection:
        await connection.execute("SELECT integrations.create_monthly_partitions('sync_logs', '2090-01-01', 1)")
    parked_records = await waiting

    assert trouble == "waits: a partition of sync_logs is missing"
    assert parked_records == []
    assert await statuses(customers.resources.integrations) == ["PROCESSED"]
