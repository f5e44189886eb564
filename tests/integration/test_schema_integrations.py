from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from paintbox.databases import Connection
from support.rows import insert

pytestmark = pytest.mark.database

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def test_both_vendors_have_a_configuration_that_overrides_nothing(integrations: Connection) -> None:
    rows = await integrations.fetch(
        "SELECT service, config, enabled, updated_by FROM integrations.integration_configs ORDER BY service::text"
    )

    assert [tuple(row) for row in rows] == [
        ("COMPANY_CAM", "{}", True, UUID(int=0)),
        ("SALESFORCE", "{}", True, UUID(int=0)),
    ]


async def test_a_health_check_does_not_look_like_a_change_of_configuration(integrations: Connection) -> None:
    await insert(
        integrations, "integrations.integration_configs", service="SMS_SERVICE", config="{}", updated_at=LONG_AGO
    )
    returning = "WHERE service = 'SMS_SERVICE' RETURNING updated_at"

    checked = await integrations.fetchval(
        f"UPDATE integrations.integration_configs SET last_health_check = now(), consecutive_failures = 1 {returning}"
    )
    changed = await integrations.fetchval(f"UPDATE integrations.integration_configs SET max_retries = 4 {returning}")

    assert checked == LONG_AGO
    assert changed > LONG_AGO


async def test_a_window_is_a_minute(integrations: Connection) -> None:
    window = {"service": "SALESFORCE", "endpoint": "/query"}
    minute = datetime(2024, 6, 1, 10, 7, tzinfo=UTC)
    await insert(integrations, "integrations.rate_limit_tracking", **window, window_start=minute)

    with pytest.raises(asyncpg.CheckViolationError, match="rate_limit_tracking_window_is_a_minute"):
        await insert(integrations, "integrations.rate_limit_tracking", **window, window_start=minute.replace(second=1))


async def test_a_window_of_millions_of_calls_has_an_average(integrations: Connection) -> None:
    row = await insert(
        integrations,
        "integrations.rate_limit_tracking",
        service="SALESFORCE",
        endpoint="/query",
        window_start=datetime(2024, 6, 1, 10, 7, tzinfo=UTC),
        request_count=3_600_000,
        total_duration_ms=3_600_000 * 700,
    )

    assert row["avg_response_time_ms"] == 700


async def test_a_window_without_calls_has_the_average_zero(integrations: Connection) -> None:
    row = await insert(
        integrations,
        "integrations.rate_limit_tracking",
        service="SALESFORCE",
        endpoint="/query",
        window_start=datetime(2024, 6, 1, 10, 7, tzinfo=UTC),
    )

    assert row["avg_response_time_ms"] == 0


async def test_a_bulk_operation_lists_a_thousand_failures_and_no_more(integrations: Connection) -> None:
    operation = {"service": "SALESFORCE", "operation_type": "sweep"}

    await insert(integrations, "integrations.bulk_sync_operations", **operation, failed_entity_ids=["1"] * 1000)

    with pytest.raises(asyncpg.CheckViolationError, match="failed_entity_ids_are_few"):
        await insert(integrations, "integrations.bulk_sync_operations", **operation, failed_entity_ids=["1"] * 1001)


@pytest.mark.parametrize("table", ["sync_logs", "webhook_events"])
async def test_a_retry_count_is_not_negative(integrations: Connection, table: str) -> None:
    values = {
        "sync_logs": {"service": "SALESFORCE", "operation": "SYNC", "entity_type": "Contact"},
        "webhook_events": {"service": "SALESFORCE", "event_type": "Contact", "payload": "{}"},
    }[table]

    with pytest.raises(asyncpg.CheckViolationError, match=f"{table}_retry_count_is_not_negative"):
        await insert(integrations, f"integrations.{table}", **values, retry_count=-1)


async def test_a_year_of_milliseconds_fits(integrations: Connection) -> None:
    year = 366 * 24 * 3_600_000

    log = await insert(
        integrations,
        "integrations.sync_logs",
        service="SALESFORCE",
        operation="BULK_SYNC",
        entity_type="Contact",
        duration_ms=year,
        response_size=2**40,
    )
    event = await insert(
        integrations,
        "integrations.webhook_events",
        service="SALESFORCE",
        event_type="Contact",
        payload="{}",
        processing_duration_ms=year,
    )

    assert (log["duration_ms"], event["processing_duration_ms"]) == (year, year)


async def test_f22_the_first_receipt_of_an_event_is_kept(integrations: Connection) -> None:
    event = uuid4()

    for received_at in (LONG_AGO, datetime.now(UTC)):
        await integrations.execute(
            """
            INSERT INTO integrations.webhook_event_keys (event_id, service, received_at)
            VALUES ($1, 'SALESFORCE', $2)
            ON CONFLICT DO NOTHING
            """,
            event,
            received_at,
        )

    assert await integrations.fetchval("SELECT received_at FROM integrations.webhook_event_keys") == LONG_AGO


@pytest.mark.parametrize("digest", ["ab" * 32, None])
async def test_a_record_is_parked_once(integrations: Connection, digest: str | None) -> None:
    record = {"consumer": "customer-sync", "topic": "t", "partition": 0, "offset": 7, "value_sha256": digest}
    reason = {"reason_code": "not_json", "reason": "not JSON"}
    await insert(integrations, "integrations.parked_records", **record, **reason)

    with pytest.raises(asyncpg.UniqueViolationError, match="parked_records_key"):
        await insert(integrations, "integrations.parked_records", **record, **reason)


async def test_a_topic_made_anew_parks_at_the_same_offset_again(integrations: Connection) -> None:
    record = {"consumer": "customer-sync", "topic": "t", "partition": 0, "offset": 7}
    reason = {"reason_code": "not_json", "reason": "not JSON"}

    for digest in ("ab" * 32, "cd" * 32):
        await insert(integrations, "integrations.parked_records", **record, **reason, value_sha256=digest)

    assert await integrations.fetchval("SELECT count(*) FROM integrations.parked_records") == 2


async def test_touching_the_cache_writes_no_index(integrations: Connection) -> None:
    await insert(
        integrations,
        "integrations.external_entity_cache",
        service="SALESFORCE",
        external_id="003000000000001AAA",
        entity_type="Contact",
        data="{}",
        expires_at=datetime.now(UTC),
    )

    async with integrations.transaction():
        await integrations.execute(
            """
            UPDATE integrations.external_entity_cache
               SET last_accessed_at = clock_timestamp(), access_count = access_count + 1
            """
        )
        row = await integrations.fetchrow(
            """
            SELECT n_tup_upd, n_tup_hot_upd
              FROM pg_stat_xact_user_tables WHERE relid = 'integrations.external_entity_cache'::regclass
            """
        )

    assert row is not None
    assert tuple(row) == (1, 1)
