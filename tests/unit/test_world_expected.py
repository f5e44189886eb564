"""The rows that the demo expects of what the vendors hold."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from paintbox.world import expected
from synckit.identity import customer_id, photo_id, project_id

CONTACT = "0035e0000000001AAA"
ACCOUNT = "0015e0000000001AAA"


def a_contact(**changes: Any) -> dict[str, Any]:
    return {"Id": CONTACT, "LastName": "King", "OwnerId": "0055e000001SimuAAC", "IsDeleted": False, **changes}


def an_account(**changes: Any) -> dict[str, Any]:
    return {"Id": ACCOUNT, "Name": "Alpine Realty", **changes}


def a_project(**changes: Any) -> dict[str, Any]:
    address = dict.fromkeys(("street_address_1", "street_address_2", "city", "state", "postal_code", "country"))
    return {
        "id": "1",
        "name": "Fence",
        "address": address,
        "coordinates": None,
        "notepad": None,
        "primary_contact": None,
        "integrations": [],
        "status": "active",
        "archived": False,
        **changes,
    }


def a_photo(**changes: Any) -> dict[str, Any]:
    uris = [{"type": "original", "uri": "https://o"}, {"type": "thumbnail", "uri": "https://t"}]
    return {
        "id": "9",
        "project_id": "1",
        "status": "active",
        "uris": uris,
        "coordinates": None,
        "description": None,
        "captured_at": 1_790_000_000,
        "created_at": 1_790_000_060,
        **changes,
    }


def customer(contact: dict[str, Any], *accounts: dict[str, Any]) -> expected.Row:
    return expected.customers([contact], accounts)[CONTACT]


def project(record: dict[str, Any], *contacts: dict[str, Any], photos: tuple[dict[str, Any], ...] = ()) -> expected.Row:
    return expected.projects([record], contacts, photos)["1"]


def test_a_contact_alone_is_a_residential_prospect_in_the_united_states() -> None:
    row = customer(a_contact(Email="ada@example.com", MobilePhone="402-555-0143"))

    assert row["id"] == customer_id(CONTACT)
    assert (row["first_name"], row["last_name"], row["email"]) == ("", "King", "ada@example.com")
    assert row["phone"] == "402-555-0143"
    assert (row["status"], row["account_type"], row["company"]) == ("PROSPECT", "RESIDENTIAL", None)
    assert (row["mailing_country"], row["billing_country"], row["service_country"]) == ("US", "US", "US")


def test_an_account_gives_its_contacts_their_company_and_two_addresses() -> None:
    account = an_account(Type="Former Customer", BillingCity="Lincoln", ShippingCity="Omaha", ShippingCountry="Canada")

    row = customer(a_contact(AccountId=ACCOUNT, MailingCity="Boise"), account)

    assert (row["company"], row["status"], row["account_type"]) == ("Alpine Realty", "CHURNED", "COMMERCIAL")
    assert (row["mailing_city"], row["billing_city"], row["service_city"]) == ("Boise", "Lincoln", "Omaha")
    assert row["service_country"] == "CA"


@pytest.mark.parametrize(
    ("industry", "account_type"),
    [
        ("Government", "GOVERNMENT"),
        ("Not For Profit", "NON_PROFIT"),
        ("Energy", "INDUSTRIAL"),
        ("Retail", "COMMERCIAL"),
    ],
)
def test_the_industry_of_a_company_says_what_kind_of_customer_it_is(industry: str, account_type: str) -> None:
    row = customer(a_contact(AccountId=ACCOUNT), an_account(Industry=industry))

    assert row["account_type"] == account_type


def test_a_deleted_contact_is_expected_to_be_deleted() -> None:
    assert customer(a_contact(IsDeleted=True))["is_deleted"] is True


@pytest.mark.parametrize(
    "named",
    [
        {"integrations": [{"type": "Salesforce", "relation_id": CONTACT}]},
        {"integrations": [{"type": "Salesforce", "relation_id": CONTACT[:15]}]},
        {"primary_contact": {"name": "Ada", "email": "ADA@Example.com", "phone_number": None}},
        {"primary_contact": {"name": "Ada", "email": None, "phone_number": "+1 402 555 0143"}},
    ],
)
def test_a_project_is_that_customers_whom_it_names(named: dict[str, Any]) -> None:
    ada = a_contact(Email="ada@example.com", Phone="(402) 555-0143")
    other = a_contact(Id="0035e0000000002AAA", Email="bob@example.com", Phone="(402) 555-0144")

    assert project(a_project(**named), other, ada)["customer_id"] == customer_id(CONTACT)


def test_a_relation_is_stronger_than_an_email_address() -> None:
    ada, bob = a_contact(), a_contact(Id="0035e0000000002AAA", Email="bob@example.com")
    person = {"name": "Bob", "email": "bob@example.com", "phone_number": None}

    row = project(
        a_project(integrations=[{"type": "Salesforce", "relation_id": CONTACT}], primary_contact=person), ada, bob
    )

    assert row["customer_id"] == customer_id(CONTACT)


@pytest.mark.parametrize(
    ("changes", "status", "is_deleted"),
    [
        ({}, "PLANNING", False),
        ({"archived": True}, "ARCHIVED", False),
        ({"status": "deleted"}, "CANCELLED", True),
        ({"status": "deleted", "archived": True}, "CANCELLED", True),
    ],
)
def test_a_project_is_planned_until_it_is_archived_or_deleted(
    changes: dict[str, Any], status: str, is_deleted: bool
) -> None:
    row = project(a_project(**changes))

    assert (row["status"], row["is_deleted"]) == (status, is_deleted)


def test_a_projects_photos_are_counted_but_for_deleted_ones() -> None:
    photos = a_photo(id="7"), a_photo(id="8", status="deleted"), a_photo(id="9"), a_photo(id="10", project_id="2")

    assert project(a_project(), photos=photos)["photo_count"] == 2


@pytest.mark.parametrize(
    ("place", "latitude"),
    [(None, None), ({"lat": 0, "lon": 0}, None), ({"lat": 40.5, "lon": None}, None), ({"lat": 40.5, "lon": 0}, "40.5")],
)
def test_a_place_is_known_only_as_a_whole_and_never_at_null_island(place: Any, latitude: str | None) -> None:
    row = project(a_project(coordinates=place))

    assert row["service_latitude"] == (None if latitude is None else Decimal(latitude))


def test_a_photo_is_expected_with_its_links_its_times_and_its_tags_in_order() -> None:
    row = expected.photos([a_photo()], {"9": ["Prep", "After"]})["9"]

    assert (row["id"], row["project_id"]) == (photo_id("9"), project_id("1"))
    assert (row["url"], row["thumbnail_url"], row["tags"]) == ("https://o", "https://t", ["After", "Prep"])
    assert row["captured_at"] == datetime.fromtimestamp(1_790_000_000, UTC)
    assert row["uploaded_at"] == datetime.fromtimestamp(1_790_000_060, UTC)
    assert row["sync_status"] == "SYNCED"
    assert (row["mime_type"], row["metadata"]) == ("application/octet-stream", {"uris": a_photo()["uris"]})


def test_a_key_is_expected_on_both_sides_each_seen_from_its_own() -> None:
    rows = expected.projects(
        [a_project(integrations=[{"type": "Salesforce", "relation_id": CONTACT}])], [a_contact()], []
    )

    owned, applied = expected.owned_keys(rows)["1"], expected.applied_keys(rows)["1"]

    assert (owned["local_id"], owned["external_id"]) == (project_id("1"), str(customer_id(CONTACT)))
    assert (applied["local_id"], applied["external_id"]) == (customer_id(CONTACT), str(project_id("1")))
    assert (owned["is_owner"], applied["is_owner"]) == (True, False)
