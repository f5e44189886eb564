"""Webhooks of Salesforce become customers: what stands in both databases after a batch, and after it again."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from string import ascii_letters
from typing import Any
from uuid import uuid4

import pytest

from customer_sync import metrics
from customer_sync.store import MIRROR
from paintbox.databases import Database
from support import samples
from support.changes import change
from support.facts import NOON_MS
from support.notifications import TRACE, KafkaRecord, salesforce_event_records, salesforce_messages
from support.postgres import WAITS_FOR_A_LOCK, NewDatabase, OpenSession
from support.samples import ACME, DOUGLAS, GERALDINE
from support.services import CustomerSync, all_rows, customer_sync_on, of_topic, one_row, value_of
from support.waiting import until
from synckit import times
from synckit.contracts import headers
from synckit.contracts.topics import CUSTOMERS_CHANGES, SYNC_REQUESTS
from synckit.errors import SettingError, TransientError
from synckit.failures import explain
from synckit.identity import customer_id
from synckit.integrations import cache
from synckit.mirror import notes, projector
from synckit.mirror.facts import Record

pytestmark = pytest.mark.database

MESSAGE = samples.body("outbound_message_contacts.xml")
DAY_MS = 24 * 60 * 60 * 1000
OTHER = "0015e00000Oth01AAB"
CUSTOMER = "SELECT * FROM customers.customers WHERE salesforce_id = $1"


@pytest.fixture
async def sync(new_database: NewDatabase) -> AsyncIterator[CustomerSync]:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    async with customer_sync_on(customers, integrations) as service:
        yield service


async def configure(sync: CustomerSync, config: dict[str, Any]) -> None:
    async with sync.resources.integrations.acquire() as connection:
        await connection.execute(
            "UPDATE integrations.integration_configs SET config = $1 WHERE service = 'SALESFORCE'", json.dumps(config)
        )


async def douglas(sync: CustomerSync) -> dict[str, Any]:
    return await one_row(sync.resources.customers, CUSTOMER, DOUGLAS)


async def test_a_message_becomes_customers_logs_events_and_announcements(sync: CustomerSync) -> None:
    await sync.messages(MESSAGE)

    row = await douglas(sync)
    logs = await all_rows(sync.resources.customers, "SELECT * FROM customers.customer_sync_logs")
    events = await all_rows(sync.resources.integrations, "SELECT * FROM integrations.webhook_events")
    sync_logs = await all_rows(sync.resources.integrations, "SELECT * FROM integrations.sync_logs")
    cached = await all_rows(sync.resources.integrations, "SELECT * FROM integrations.external_entity_cache")
    announced = of_topic(await sync.published(), CUSTOMERS_CHANGES.name)
    assert row["id"] == customer_id(DOUGLAS)
    assert (row["first_name"], row["last_name"], row["email"]) == ("Douglas", "Hunting", "douglas.hunting@example.com")
    assert row["source_modified_at"] == datetime(2026, 1, 2, 10, 0, 1, tzinfo=UTC)
    assert {log["customer_id"] for log in logs} == {customer_id(DOUGLAS), customer_id(GERALDINE)}
    assert {(log["sync_type"], log["status"], log["started_at"]) for log in logs} == {
        ("WEBHOOK", "COMPLETED", datetime.fromtimestamp(NOON_MS / 1000, UTC))
    }
    assert {(event["status"], event["event_type"], event["user_agent"]) for event in events} == {
        ("PROCESSED", "outbound_message.Contact", "test")
    }
    assert {(log["id"], log["entity_type"], log["status"]) for log in sync_logs} == {
        (event["id"], "Contact", "COMPLETED") for event in events
    }
    assert {entry["external_id"] for entry in cached} == {DOUGLAS, GERALDINE}
    assert {record.key for record in announced} == {str(log["customer_id"]).encode() for log in logs}
    assert value_of(announced[0])["source_version"] == int(dict(announced[0].headers)["ce_factversion"])


async def test_both_records_of_a_body_carry_its_one_correlation_and_trace_to_the_log_and_beyond(
    sync: CustomerSync,
) -> None:
    await sync.messages(MESSAGE)

    first, _ = [headers.decode(record.headers).id for record in salesforce_messages(MESSAGE)]
    events = await all_rows(sync.resources.integrations, "SELECT id, correlation_id FROM integrations.webhook_events")
    logs = await all_rows(sync.resources.integrations, "SELECT id, correlation_id FROM integrations.sync_logs")
    announced = [headers.decode(one.headers) for one in of_topic(await sync.published(), CUSTOMERS_CHANGES.name)]
    assert len({log["id"] for log in logs}) == len({event["id"] for event in events}) == len(announced) == 2
    assert {one["correlation_id"] for one in (*events, *logs)} == {first}
    assert {one.correlation_id for one in announced} == {first}
    assert {one.traceparent for one in announced} == {TRACE}


async def test_the_same_batch_again_changes_nothing(sync: CustomerSync) -> None:
    tables = ("customers.customers", "customers.salesforce_records", "customers.customer_sync_logs")
    records = [*salesforce_messages(MESSAGE), *salesforce_event_records(change(9, LastName="King"))]
    await sync.webhooks(records)
    before = [await all_rows(sync.resources.customers, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
    logs = await all_rows(sync.resources.integrations, "SELECT * FROM integrations.sync_logs ORDER BY id")
    await sync.published()

    await sync.webhooks(records)

    after = [await all_rows(sync.resources.customers, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
    assert after == before
    assert await all_rows(sync.resources.integrations, "SELECT * FROM integrations.sync_logs ORDER BY id") == logs
    assert of_topic(await sync.published(), CUSTOMERS_CHANGES.name) == []


async def test_numbers_that_jsonb_writes_otherwise_are_no_change_when_they_come_again(sync: CustomerSync) -> None:
    row = "SELECT xmin::text FROM customers.salesforce_records"
    body = change(1, "CREATE", LastName="Hunting", MailingLatitude=-0.0, Far__c=1e16)
    await sync.events(body)
    before = await all_rows(sync.resources.customers, row)
    await sync.published()

    await sync.events(body)

    assert await all_rows(sync.resources.customers, row) == before
    assert await sync.published() == []


async def test_f22_a_redelivery_in_another_month_meets_its_own_row_by_its_first_receipt(sync: CustomerSync) -> None:
    await sync.webhooks(salesforce_messages(MESSAGE, NOON_MS))

    await sync.webhooks(salesforce_messages(MESSAGE, NOON_MS + 86_400_000 * 40))

    rows = await all_rows(sync.resources.integrations, "SELECT id, received_at FROM integrations.webhook_events")
    assert len(rows) == 2
    assert {row["received_at"] for row in rows} == {datetime.fromtimestamp(NOON_MS / 1000, UTC)}


async def test_an_account_that_comes_later_fills_its_contacts(sync: CustomerSync) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting", AccountId=ACME))
    before = await douglas(sync)

    await sync.events(change(2, "CREATE", entity="Account", Name="Acme", BillingAddress={"City": "Salem"}))

    after = await douglas(sync)
    assert before["company"] is None
    assert (after["company"], after["billing_city"], after["account_type"]) == ("Acme", "Salem", "COMMERCIAL")
    assert after["source_version"] > before["source_version"]


@pytest.mark.parametrize("are_known", [False, True], ids=["unknown accounts", "accounts with equal columns"])
async def test_a_contact_that_moves_to_another_account_is_announced_with_it(
    sync: CustomerSync, are_known: bool
) -> None:
    if are_known:
        await sync.events(*(change(1, "CREATE", "Account", one, Name="Acme") for one in (ACME, OTHER)))
    await sync.events(change(2, "CREATE", LastName="Hunting", AccountId=ACME))
    before = await douglas(sync)
    await sync.published()

    await sync.events(change(3, AccountId=OTHER))

    after, said = await douglas(sync), of_topic(await sync.published(), CUSTOMERS_CHANGES.name)
    assert [value_of(record)["salesforce_ids"] for record in said] == [[DOUGLAS, OTHER]]
    assert value_of(said[0])["source_version"] == after["source_version"] > before["source_version"]
    assert (before["salesforce_account_id"], after["salesforce_account_id"]) == (ACME, OTHER)


async def test_a_contact_that_leaves_its_account_is_announced_without_it(sync: CustomerSync) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting", AccountId=ACME))
    await sync.published()

    await sync.events(change(2, AccountId=None))

    said = of_topic(await sync.published(), CUSTOMERS_CHANGES.name)
    assert [value_of(record)["salesforce_ids"] for record in said] == [[DOUGLAS]]


async def test_an_account_that_comes_first_waits_in_the_mirror(sync: CustomerSync) -> None:
    await sync.events(change(2, "CREATE", entity="Account", Name="Acme"))

    await sync.events(change(1, "CREATE", LastName="Hunting", AccountId=ACME))

    assert (await douglas(sync))["company"] == "Acme"


async def test_a_contact_and_its_account_written_at_the_same_moment_end_with_the_new_company(
    new_database: NewDatabase,
) -> None:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    async with customer_sync_on(customers, integrations) as one, customer_sync_on(customers, integrations) as other:
        for round_ in range(30):
            second = 10 + round_
            await asyncio.gather(
                one.events(change(second, LastName=f"Name {round_}", AccountId=ACME)),
                other.events(change(second, entity="Account", Name=f"Company {round_}")),
            )

            row = await douglas(one)

            assert (row["last_name"], row["company"]) == (f"Name {round_}", f"Company {round_}")


async def test_a_projection_waits_for_whoever_projects_the_same_contact_and_then_reads_afresh(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    other = await connect(customers)
    async with customer_sync_on(customers, integrations) as sync:
        await sync.events(change(1, LastName="Hunting", AccountId=ACME))
        held = other.transaction()
        await held.start()
        changed = (
            """UPDATE customers.salesforce_records SET fields = fields || '{"LastName": "Hunter"}' WHERE id = $1"""
        )
        await other.execute(changed, DOUGLAS)

        projecting = asyncio.create_task(sync.events(change(2, entity="Account", Name="Acme")))
        await until(partial(other.fetchval, WAITS_FOR_A_LOCK))
        await held.commit()
        await projecting

        row = await douglas(sync)

    assert (row["last_name"], row["company"]) == ("Hunter", "Acme")


async def test_two_sessions_that_cache_the_same_new_records_at_once_both_do(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.INTEGRATIONS)
    sessions = [await connect(dsn) for _ in range(4)]

    for round_ in range(30):
        records = [Record(object="Contact", id=f"{round_}-{number}", base_version=1) for number in range(20)]
        await asyncio.gather(*(cache.store(session, "SALESFORCE", records) for session in sessions))

    assert await sessions[0].fetchval("SELECT count(*) FROM integrations.external_entity_cache") == 600


async def test_f25_many_batches_of_the_same_records_at_once_neither_deadlock_nor_lose(
    new_database: NewDatabase,
) -> None:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    bodies = [change(second, LastName=f"Name {second}", AccountId=ACME) for second in range(1, 41)]
    bodies += [change(second, entity="Account", Name=f"Company {second}") for second in range(1, 41)]
    async with customer_sync_on(customers, integrations) as one, customer_sync_on(customers, integrations) as other:
        await asyncio.gather(*(sync.events(*bodies[at::4]) for at in range(4) for sync in (one, other)))

        row = await douglas(one)
        deadlocks = await one_row(one.resources.customers, "SELECT sum(deadlocks) AS sum FROM pg_stat_database")

    assert (row["last_name"], row["company"]) == ("Name 40", "Company 40")
    assert deadlocks["sum"] == 0


async def test_f37_a_hot_record_holds_no_other_up_and_ends_with_its_newest_fact(new_database: NewDatabase) -> None:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    chance, others = random.Random(37), [f"003{number:012d}AAA" for number in range(20)]
    events = [change(second, LastName=f"Name {second}") for second in range(1, 181)]
    events += [change(1, "CREATE", record=other, LastName="Other") for other in others]
    chance.shuffle(events)
    async with customer_sync_on(customers, integrations) as one, customer_sync_on(customers, integrations) as other:
        for start in range(0, 200, 50):
            halves = events[start : start + 25], events[start + 25 : start + 50]
            await asyncio.gather(one.events(*halves[0]), other.events(*halves[1]))
            brought = sum(b"Other" in event for event in events[: start + 50])
            written = await all_rows(
                one.resources.customers, "SELECT 1 FROM customers.customers WHERE last_name = 'Other'"
            )
            assert len(written) == brought

        said = [value_of(record) for record in of_topic(await one.published(), CUSTOMERS_CHANGES.name)]
        row = await douglas(one)

    versions = [value["source_version"] for value in said if value["customer_id"] == str(customer_id(DOUGLAS))]
    assert row["last_name"] == "Name 180"
    assert versions == sorted(set(versions))
    assert versions[-1] == row["source_version"]


async def test_a_deletion_and_its_return(sync: CustomerSync) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting"))

    await sync.events(change(5, "DELETE"))
    deleted = await douglas(sync)
    await sync.events(change(7, "UNDELETE", LastName="Hunting"))
    back = await douglas(sync)
    await sync.events(change(5, "DELETE"))
    still = await douglas(sync)

    assert deleted["deleted_at"] == datetime(2026, 1, 2, 10, 0, 5, tzinfo=UTC)
    assert back["deleted_at"] is None
    assert still["deleted_at"] is None


async def test_a_contact_that_is_deleted_before_we_saw_it_gets_no_row(sync: CustomerSync) -> None:
    await sync.events(change(5, "DELETE"))

    assert await all_rows(sync.resources.customers, CUSTOMER, DOUGLAS) == []


async def test_a_contact_whose_deletion_comes_before_its_data_gets_the_row_that_the_other_order_makes(
    sync: CustomerSync,
) -> None:
    await sync.events(change(5, "DELETE"))

    await sync.events(change(1, "CREATE", LastName="Hunting"))

    row = await douglas(sync)
    assert (row["last_name"], row["deleted_at"]) == ("Hunting", datetime(2026, 1, 2, 10, 0, 5, tzinfo=UTC))


async def test_a_snapshot_of_a_deleted_record_does_not_bring_it_back_and_asks(sync: CustomerSync) -> None:
    await sync.messages(MESSAGE)
    await sync.events(change(5, "DELETE"))
    await sync.published()

    await sync.messages(MESSAGE.replace(b"2026-01-02T10:00:01.000Z", b"2026-01-02T10:00:09.000Z"))

    assert (await douglas(sync))["deleted_at"] is not None
    reasons = [value_of(record)["reason"] for record in of_topic(await sync.published(), SYNC_REQUESTS.name)]
    assert "pushed_but_deleted" in reasons


async def test_what_a_person_decided_stays(sync: CustomerSync) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting", AccountId=ACME))
    async with sync.resources.customers.acquire() as connection:
        await connection.execute(
            "UPDATE customers.customers SET status = 'SUSPENDED', account_type = 'GOVERNMENT', updated_by = $1", uuid4()
        )

    await sync.events(change(2, "CREATE", entity="Account", Name="Acme", Type="Customer", Industry="Energy"))

    row = await douglas(sync)
    assert (row["company"], row["status"], row["account_type"]) == ("Acme", "SUSPENDED", "GOVERNMENT")


@pytest.mark.parametrize("given", [None, "0035e00000Oth01AAC"])
async def test_a_salesforce_id_that_somebody_took_away_is_put_back_and_holds_no_other_up(
    sync: CustomerSync, given: str | None
) -> None:
    await sync.messages(MESSAGE)
    taken = "UPDATE customers.customers SET salesforce_id = $2, email = 'd@acme.example' WHERE id = $1"
    await all_rows(sync.resources.customers, taken, customer_id(DOUGLAS), given)

    await sync.events(change(500, LastName="Other"))

    assert (await douglas(sync))["last_name"] == "Other"


async def test_columns_that_the_mapping_does_not_name_are_never_touched(sync: CustomerSync) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting"))
    async with sync.resources.customers.acquire() as connection:
        await connection.execute("UPDATE customers.customers SET territory = 'West', credit_limit = 5")

    await sync.events(change(2, LastName="King"))

    row = await douglas(sync)
    assert (row["last_name"], row["territory"], row["credit_limit"]) == ("King", "West", 5)


async def test_one_bad_field_is_null_and_logged_without_its_value(sync: CustomerSync) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting", Email="canary, no address", Phone="503-555-0100"))

    row = await douglas(sync)
    log = await one_row(sync.resources.customers, "SELECT payload::text FROM customers.customer_sync_logs")
    mirrored = await one_row(
        sync.resources.customers, "SELECT fields ->> 'Email' AS email FROM customers.salesforce_records"
    )
    assert (row["email"], row["phone"]) == (None, "503-555-0100")
    assert json.loads(log["payload"]) == {"problems": [{"column": "email", "problem": "not_an_email"}]}
    assert mirrored["email"] == "canary, no address"


async def test_a_number_of_more_digits_than_its_column_has_is_written_once(sync: CustomerSync) -> None:
    place = {"Street": "1 Elm", "Latitude": 44.12345678912, "Longitude": -123.9876543219}
    await sync.events(change(1, "CREATE", LastName="Hunting", AccountId=ACME, MailingAddress=place))
    before = await douglas(sync)

    await sync.events(change(2, "CREATE", "Account", Phone="503-555-0100"), change(3, Title="Painter"))

    after = await douglas(sync)
    assert after["mailing_latitude"] == Decimal("44.12345679")
    assert after["account_type"] != before["account_type"]
    await sync.events(change(4, Title="Master painter"), change(5, entity="Account", Phone="503-555-0101"))
    assert await douglas(sync) == after


async def test_new_changed_and_unchanged_customers_of_one_batch(sync: CustomerSync) -> None:
    ids = [f"0035e0000000{number:03}AAA" for number in range(3)]
    await sync.events(*(change(1, "CREATE", "Contact", one, LastName="Old", Title="Mr.") for one in ids[:2]))
    await sync.published()

    await sync.events(
        change(2, "UPDATE", "Contact", ids[0], LastName="New"),
        change(2, "UPDATE", "Contact", ids[1], Title="Dr."),
        change(2, "CREATE", "Contact", ids[2], LastName="First"),
    )

    said = [value_of(one) for one in of_topic(await sync.published(), CUSTOMERS_CHANGES.name)]
    assert {one["salesforce_ids"][0]: one["last_name"] for one in said} == {ids[0]: "New", ids[2]: "First"}
    assert [one["customer_id"] for one in said] == sorted(one["customer_id"] for one in said)


async def test_a_hint_becomes_a_request_and_its_event_is_ignored(sync: CustomerSync) -> None:
    await sync.events(change(1, "GAP_UPDATE"))

    (request,) = of_topic(await sync.published(), SYNC_REQUESTS.name)
    event = await one_row(sync.resources.integrations, "SELECT status FROM integrations.webhook_events")
    assert request.key == f"salesforce:Contact:{DOUGLAS}".encode()
    assert value_of(request)["ids"] == [DOUGLAS]
    assert event["status"] == "IGNORED"


async def test_f35_a_record_that_can_never_work_is_parked_and_the_others_are_applied(sync: CustomerSync) -> None:
    good, bad = salesforce_messages(MESSAGE)

    batch = await sync.webhooks(
        [good, replace(bad, key=b"another"), KafkaRecord(value=b"x", headers=[("ce_id", b"\xff")])]
    )

    parked = await all_rows(
        sync.resources.integrations,
        'SELECT "offset", reason_code, value FROM integrations.parked_records ORDER BY "offset"',
    )
    events = await all_rows(
        sync.resources.integrations, "SELECT status, error_message FROM integrations.webhook_events"
    )
    assert sorted(batch.condemned) == [1, 2]
    assert [(row["offset"], row["reason_code"]) for row in parked] == [(1, "key_mismatch"), (2, "malformed_headers")]
    assert parked[0]["value"] == bad.value
    assert sorted(event["status"] for event in events) == ["FAILED", "PROCESSED"]
    assert await all_rows(sync.resources.customers, "SELECT 1 FROM customers.customers") == [{"?column?": 1}]


async def test_a_record_is_parked_once_however_often_it_comes(sync: CustomerSync) -> None:
    bad = replace(salesforce_messages(MESSAGE)[0], key=b"another")

    await sync.webhooks([bad])
    await sync.webhooks([bad])

    assert len(await all_rows(sync.resources.integrations, "SELECT 1 FROM integrations.parked_records")) == 1


async def test_a_row_that_the_database_refuses_is_logged_and_holds_no_other_up(sync: CustomerSync) -> None:
    async with sync.resources.customers.acquire() as connection:
        await connection.execute(
            "INSERT INTO customers.customers (salesforce_id, last_name, account_type) VALUES ($1, 'x', 'RESIDENTIAL')",
            DOUGLAS,
        )

    await sync.messages(MESSAGE)

    failed = await one_row(
        sync.resources.customers, "SELECT * FROM customers.customer_sync_logs WHERE status = 'FAILED'"
    )
    assert (failed["salesforce_id"], failed["error_code"]) == (DOUGLAS, "refused_by_database")
    assert (await one_row(sync.resources.customers, CUSTOMER, GERALDINE))["last_name"] == "Brown"
    assert await all_rows(sync.resources.customers, "SELECT 1 FROM customers.projection_todo") == []


async def test_a_row_that_is_refused_because_of_its_account_is_logged_with_the_event_of_the_account(
    sync: CustomerSync,
) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting", AccountId=ACME))
    async with sync.resources.customers.acquire() as connection:
        await connection.execute("ALTER TABLE customers.customers ADD CONSTRAINT no_acme CHECK (company <> 'Acme')")

    await sync.events(change(2, "CREATE", "Account", Name="Acme"))

    failed = await one_row(
        sync.resources.customers, "SELECT started_at FROM customers.customer_sync_logs WHERE status = 'FAILED'"
    )
    assert times.milliseconds(failed["started_at"]) == NOON_MS


async def test_what_a_callout_showed_before_is_applied_again_days_later(sync: CustomerSync) -> None:
    for day, phone in enumerate(("503-555-0100", "503-555-0199", "503-555-0100")):
        shown = {"attributes": {"type": "Contact"}, "Id": DOUGLAS, "LastName": "Hunting", "Phone": phone}
        await sync.webhooks(salesforce_event_records(samples.dumped({"new": [shown]}), NOON_MS + day * DAY_MS))

    assert (await douglas(sync))["phone"] == "503-555-0100"


async def test_a_bad_field_is_counted_where_no_row_changes_too(sync: CustomerSync) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting"))
    before = problems_of_email()

    await sync.events(change(2, Email="canary, no address"))

    assert problems_of_email() == before + 1


async def test_a_bad_field_stands_in_the_log_of_its_event_where_no_row_changes_too(sync: CustomerSync) -> None:
    await sync.events(change(1, "CREATE", LastName="Hunting"))
    bad = change(2, Email="canary, no address")

    await sync.events(bad)
    await sync.events(bad)
    await sync.events(change(3, Email="canary, no address"))

    found = await all_rows(
        sync.resources.integrations,
        "SELECT metadata ->> 'problems' AS problems FROM integrations.sync_logs ORDER BY metadata ->> 'problems'",
    )
    logs = await all_rows(sync.resources.customers, "SELECT 1 FROM customers.customer_sync_logs")
    assert [json.loads(row["problems"]) for row in found] == [
        [],
        *[[{"column": "email", "problem": "not_an_email"}]] * 2,
    ]
    assert len(logs) == 1


def problems_of_email() -> float:
    found = (sample for metric in metrics.FIELD_PROBLEMS.collect() for sample in metric.samples)
    return sum(one.value for one in found if one.name.endswith("_total") and one.labels.get("column") == "email")


async def test_a_note_that_a_crash_left_behind_is_done_by_whoever_sweeps(sync: CustomerSync) -> None:
    resources = sync.resources
    await sync.events(change(1, "CREATE", LastName="Hunting"))
    async with resources.customers.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM customers.customer_sync_logs")
        await connection.execute("DELETE FROM customers.customers")
        await connection.execute(
            """
            INSERT INTO customers.projection_todo (object, ids, causes, created_at)
            VALUES ('Contact', ARRAY[$1::text], '{}', now() - interval '31 s'), ('Newer', '{}', '{}', '2020-01-01')
            """,
            DOUGLAS,
        )

    await resources.projector.sweep_once()

    assert (await douglas(sync))["last_name"] == "Hunting"
    assert await all_rows(resources.customers, "SELECT object FROM customers.projection_todo") == [{"object": "Newer"}]


async def test_what_a_process_left_when_it_died_is_done_soon_after_its_next_start(
    sync: CustomerSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = sync.resources
    monkeypatch.setattr(projector, "ADOPT_SECONDS", 0.1)
    async with resources.customers.acquire() as connection:
        await connection.execute("INSERT INTO customers.projection_todo (object, ids) VALUES ('Contact', '{x}')")

    async def is_done() -> bool:
        return await all_rows(resources.customers, "SELECT 1 FROM customers.projection_todo") == []

    sweeping = asyncio.create_task(resources.projector.sweep())
    await until(is_done, 5)

    sweeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweeping


async def test_a_young_note_is_left_to_its_worker(sync: CustomerSync) -> None:
    async with sync.resources.customers.acquire() as connection:
        await connection.execute("INSERT INTO customers.projection_todo (object, ids) VALUES ('Contact', '{x}')")

        stale = await notes.list_stale(connection, MIRROR, ["Contact"])

    assert stale == []


async def test_an_account_of_many_contacts_is_projected_in_slices(
    sync: CustomerSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = samples.document("change_event_cometd.json")["data"]["payload"]["ChangeEventHeader"]
    ids = [f"003{number:012d}AAA" for number in range(25)]
    body = samples.dumped({"ChangeEventHeader": header | {"recordIds": ids}, "LastName": "x", "AccountId": ACME})
    await sync.events(body)
    monkeypatch.setattr(notes, "SLICE", 10)

    await sync.events(change(2, entity="Account", Name="Acme"))
    before = await all_rows(sync.resources.customers, "SELECT FROM customers.customers WHERE company = 'Acme'")
    await sync.resources.projector.fan_outs.go_through()
    await sync.resources.projector.fan_outs.go_through()

    rows = await all_rows(
        sync.resources.customers,
        "SELECT company, count(*), count(DISTINCT xmin::text) AS slices FROM customers.customers GROUP BY 1",
    )
    assert len(before) == 10, "the batch does the first slice, and is over"
    assert rows == [{"company": "Acme", "count": 25, "slices": 3}]


async def test_the_configuration_in_the_database_is_the_one_in_force(sync: CustomerSync) -> None:
    await configure(sync, {"status": {"default": "ACTIVE"}, "surprise": 1})

    await sync.events(change(1, "CREATE", LastName="Hunting"))

    assert (await douglas(sync))["status"] == "ACTIVE"


async def test_a_configuration_that_makes_no_sense_changes_nothing(sync: CustomerSync) -> None:
    before = await sync.resources.config.get()
    await configure(sync, {"status": {"default": "x"}})

    await sync.resources.config.refresh()

    assert await sync.resources.config.get() == before


async def test_a_process_that_starts_with_a_configuration_that_makes_no_sense_applies_nothing_until_it_does(
    sync: CustomerSync,
) -> None:
    """By the shipped defaults it would undo what copies of it write that read the last valid one."""
    await configure(sync, {"status": {"default": "INACTIVE"}, "account_type": {"default": "RESIDENTAL"}})

    with pytest.raises(SettingError) as refused:
        await sync.events(change(1, "CREATE", LastName="Hunting"))
    nothing = await all_rows(sync.resources.customers, "SELECT FROM customers.salesforce_records")
    await configure(sync, {"status": {"default": "INACTIVE"}})
    await sync.events(change(1, "CREATE", LastName="Hunting"))

    assert "account_type.default" in explain(refused.value)
    assert nothing == []
    assert (await douglas(sync))["status"] == "INACTIVE"


async def test_a_configuration_that_is_not_there_changes_nothing_and_is_waited_for(sync: CustomerSync) -> None:
    """Amid a restore, say: by the shipped defaults rows would be written that nobody writes anew when it is back."""
    await configure(sync, {"status": {"default": "INACTIVE"}})
    before = await sync.resources.config.get()
    async with sync.resources.integrations.acquire() as connection:
        await connection.execute("DELETE FROM integrations.integration_configs WHERE service = 'SALESFORCE'")

    with pytest.raises(TransientError, match="has no row of SALESFORCE"):
        await sync.resources.config.refresh()

    assert (await sync.resources.config.get(), before.status.default) == (before, "INACTIVE")


async def test_an_account_id_that_no_index_takes_costs_the_record_nothing_else(sync: CustomerSync) -> None:
    letters = "".join(random.Random(1).choices(ascii_letters, k=6_000))

    batch = await sync.events(change(1, "CREATE", LastName="Hunting", AccountId=letters))

    stored = await one_row(sync.resources.customers, "SELECT fields, parent_id FROM customers.salesforce_records")
    assert batch.condemned == {}
    assert (await douglas(sync))["last_name"] == "Hunting"
    assert (json.loads(stored["fields"])["AccountId"], stored["parent_id"]) == (letters, None)
