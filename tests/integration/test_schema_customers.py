from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from paintbox.databases import Connection
from support.rows import a_customer, insert

pytestmark = pytest.mark.database

SYSTEM = UUID(int=0)
CONTACT = "003000000000001AAA"


@pytest.mark.parametrize(
    "email",
    [
        "john.smith@example.com",
        "john+paint@example.com",
        "o'brien@example.ie",
        "用户@例子.公司",
        "someone@xn--e1afmkfd.xn--p1ai",
    ],
)
async def test_an_address_of_any_script_is_taken(customers: Connection, email: str) -> None:
    row = await a_customer(customers, email=email)

    assert row["email"] == email


@pytest.mark.parametrize(
    "email", ["", "john", "john@", "@example.com", "a@b..com", "a b@example.com", "a@b@example.com", "a@com"]
)
async def test_what_is_no_address_is_refused(customers: Connection, email: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="valid_email"):
        await a_customer(customers, email=email)


async def test_only_a_customer_of_salesforce_may_have_no_email(customers: Connection) -> None:
    row = await a_customer(customers, email=None, salesforce_id=CONTACT)

    assert row["email"] is None
    with pytest.raises(asyncpg.CheckViolationError, match="email_required_unless_salesforce"):
        await a_customer(customers, email=None)


async def test_two_contacts_of_one_household_may_share_an_address(customers: Connection) -> None:
    await a_customer(customers, email="home@example.com", salesforce_id=CONTACT)

    row = await a_customer(customers, email="home@example.com", salesforce_id="003000000000002AAA")

    assert row["email"] == "home@example.com"


async def test_a_second_customer_by_hand_with_the_same_address_in_another_case_is_refused(
    customers: Connection,
) -> None:
    await a_customer(customers, email="Case@Example.com")

    with pytest.raises(asyncpg.UniqueViolationError, match="uq_customers_email_local"):
        await a_customer(customers, email="case@example.com")


async def test_the_address_of_a_deleted_customer_is_free_again(customers: Connection) -> None:
    await a_customer(customers, email="free@example.com", deleted_at=datetime.now(UTC))

    row = await a_customer(customers, email="free@example.com")

    assert row["deleted_at"] is None


@pytest.mark.parametrize(
    "phone",
    [
        "+15035550100",
        "(503) 555-0100",
        "503.555.0100",
        "503-555-0100 x12",
        "503-555-0100, ext. 12",
        "+1;ext=12",
        "555 #9",
    ],
)
async def test_a_phone_with_or_without_an_extension_is_taken(customers: Connection, phone: str) -> None:
    row = await a_customer(customers, phone=phone)

    assert row["phone"] == phone


@pytest.mark.parametrize("phone", ["", "---", "call me", "555-0100 x", "555-0100 x123456789"])
async def test_what_is_no_phone_is_refused(customers: Connection, phone: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="valid_phone"):
        await a_customer(customers, phone=phone)


async def test_a_phone_as_long_as_salesforce_allows_is_taken(customers: Connection) -> None:
    row = await a_customer(customers, phone="+" + "1" * 39)

    assert len(row["phone"]) == 40


async def test_a_customer_made_by_a_webhook_needs_no_first_name_and_is_the_systems(customers: Connection) -> None:
    row = await a_customer(customers, salesforce_id=CONTACT)

    assert (row["first_name"], row["created_by"], row["updated_by"]) == ("", SYSTEM, None)


@pytest.mark.parametrize("column", ["salesforce_id", "salesforce_owner_id"])
async def test_an_id_of_15_characters_is_refused(customers: Connection, column: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match=f"customers_{column}_has_18_characters"):
        await a_customer(customers, **{column: "003000000000001"})


async def test_every_other_place_of_a_salesforce_id_refuses_15_characters_too(customers: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="customer_sync_logs_salesforce_id_has_18_characters"):
        await insert(
            customers,
            "customers.customer_sync_logs",
            salesforce_id="003000000000001",
            sync_type="WEBHOOK",
            status="COMPLETED",
        )
    with pytest.raises(asyncpg.CheckViolationError, match="salesforce_users_id_has_18_characters"):
        await insert(
            customers,
            "customers.salesforce_users",
            id="005000000000001",
            name="Ann",
            email="ann@example.com",
            username="ann@example.com",
            expires_at=datetime.now(UTC),
        )


@pytest.mark.parametrize("country", ["u", "us", "United States", "U1"])
async def test_a_country_is_an_iso_code(customers: Connection, country: str) -> None:
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.StringDataRightTruncationError)):
        await a_customer(customers, billing_country=country)


@pytest.mark.parametrize(("latitude", "longitude"), [(95, 0), (0, 400), (None, -181)])
@pytest.mark.parametrize("address", ["mailing", "billing", "service"])
async def test_a_location_is_on_earth(
    customers: Connection, address: str, latitude: int | None, longitude: int
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match=f"customers_{address}_location_is_on_earth"):
        await a_customer(customers, **{f"{address}_latitude": latitude, f"{address}_longitude": longitude})


async def test_a_customer_is_not_merged_into_itself(customers: Connection) -> None:
    row = await a_customer(customers)

    with pytest.raises(asyncpg.CheckViolationError, match="customers_is_not_merged_into_itself"):
        await customers.execute("UPDATE customers.customers SET merged_into = id WHERE id = $1", row["id"])


@pytest.mark.parametrize("word", ["Will", "don", "5035550100", "(503) 555-0100", "müller", "acme", "will@example.com"])
async def test_a_customer_is_found_by_name_phone_digits_company_and_email(customers: Connection, word: str) -> None:
    await a_customer(
        customers,
        first_name="Will",
        last_name="Don-MÜLLER",
        phone="(503) 555-0100",
        company="Acme",
        email="will@example.com",
    )

    found = await customers.fetchval(
        "SELECT count(*) FROM customers.customers WHERE search_vector @@ plainto_tsquery('pg_catalog.simple', $1)", word
    )

    assert found == 1


async def test_an_update_of_what_is_searched_is_found_by_its_new_words_only(customers: Connection) -> None:
    row = await a_customer(customers, company="Acme")

    updated = await customers.fetchval(
        "UPDATE customers.customers SET company = 'Zenith' WHERE id = $1 RETURNING search_vector::text", row["id"]
    )

    assert "zenith" in updated
    assert "acme" not in updated


async def test_a_change_makes_a_version_and_a_redelivery_makes_none(customers: Connection) -> None:
    before = await a_customer(customers, updated_at=datetime(2020, 1, 1, tzinfo=UTC))

    redelivered = await customers.fetchrow(
        """
        UPDATE customers.customers
           SET last_name = last_name, last_sync_at = now(), source_modified_at = now(), source_version = 7
         WHERE id = $1 RETURNING version, updated_at, source_version
        """,
        before["id"],
    )
    changed = await customers.fetchrow(
        "UPDATE customers.customers SET last_name = 'Kong' WHERE id = $1 RETURNING version, updated_at", before["id"]
    )

    assert redelivered is not None
    assert changed is not None
    assert tuple(redelivered) == (1, before["updated_at"], 7)
    assert changed["version"] == 2
    assert changed["updated_at"] > before["updated_at"]


async def test_the_log_of_a_customer_outlives_it(customers: Connection) -> None:
    customer = await a_customer(customers)
    log = await insert(
        customers, "customers.customer_sync_logs", customer_id=customer["id"], sync_type="WEBHOOK", status="COMPLETED"
    )

    await customers.execute("DELETE FROM customers.customers WHERE id = $1", customer["id"])

    rows = await customers.fetch("SELECT id, customer_id FROM customers.customer_sync_logs")
    assert [tuple(row) for row in rows] == [(log["id"], None)]


async def test_a_customer_that_could_not_be_made_has_a_log(customers: Connection) -> None:
    log = await insert(
        customers,
        "customers.customer_sync_logs",
        salesforce_id=CONTACT,
        sync_type="WEBHOOK",
        status="FAILED",
        duration_ms=2**40,
    )

    assert log["duration_ms"] == 2**40


async def test_a_redelivery_with_the_stored_time_meets_its_own_log(customers: Connection) -> None:
    received_at, event = datetime(2024, 1, 31, 23, 59, tzinfo=UTC), uuid4()

    for _ in range(2):
        await customers.execute(
            """
            INSERT INTO customers.customer_sync_logs (id, sync_type, status, started_at)
            VALUES ($1, 'WEBHOOK', 'COMPLETED', $2)
            ON CONFLICT (id, started_at) DO NOTHING
            """,
            event,
            received_at,
        )

    assert await customers.fetchval("SELECT count(*) FROM customers.customer_sync_logs_y2024m01") == 1


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("00A000000000000", "00A000000000000EAA"),
        ("00000000000000A", "00000000000000AAAQ"),
        ("0000A0000A0000A", "0000A0000A0000AQQQ"),
        ("000A0000A0000A0", "000A0000A0000A0III"),
        ("ABCDEabcdeAbCdE", "ABCDEabcdeAbCdE5AV"),
    ],
)
async def test_an_id_of_15_characters_gets_its_three_check_characters(
    customers: Connection, short: str, long: str
) -> None:
    made = await customers.fetchval("SELECT customers.salesforce_id18($1)", short)

    assert made == long
    assert await customers.fetchval("SELECT customers.salesforce_id18($1)", long) == long


@pytest.mark.parametrize("wrong", ["", "00A00000000000", "00A0000000000000", "00A-00000000000", "00A000000000000EAA\n"])
async def test_what_is_no_salesforce_id_is_an_error(customers: Connection, wrong: str) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match="not a Salesforce id"):
        await customers.fetchval("SELECT customers.salesforce_id18($1)", wrong)


async def test_no_salesforce_id_stays_none(customers: Connection) -> None:
    assert await customers.fetchval("SELECT customers.salesforce_id18(NULL)") is None
