"""The customer that a contact, its account and the mapping make."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from customer_sync.models.configuration import AccountTypeChoice, SalesforceConfig, Source, StatusChoice
from customer_sync.models.customer import Customer
from customer_sync.rules.projection import customer_from, problems_of
from support.facts import NOON_MS, a_fact, at
from support.samples import ACME, DOUGLAS
from synckit.columns import Problem
from synckit.identity import customer_id, salesforce_id18
from synckit.mirror.facts import DELETED, Record
from synckit.mirror.merge import merge

SHIPPED = SalesforceConfig()


@pytest.mark.parametrize(
    ("name", "fields", "problems"),
    [
        ("Contact", {"LastName": "Hunting", "Email": "none", "Phone": None}, [("email", "not_an_email")]),
        ("Contact", {"AccountId": "short"}, [("salesforce_account_id", "not_a_salesforce_id")]),
        ("Account", {"BillingCountry": "Atlantis"}, [("billing_country", "unknown_country")]),
        ("Lead", {"Email": "none"}, []),
    ],
)
def test_the_problems_of_a_fact_are_those_of_what_it_says(
    name: str, fields: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    fact = replace(a_fact(at(0), **fields), object=name)

    assert [(one.column, one.problem) for one in problems_of(fact, SHIPPED)] == problems


def contact(**fields: Any) -> Record:
    record = merge(Record(object="Contact", id=DOUGLAS), [a_fact(at(0), **{"LastName": "Hunting"} | fields)]).record
    return Record(
        object="Contact",
        id=DOUGLAS,
        fields=record.fields,
        base_version=record.base_version,
        parent_id=ACME,
        is_deleted=record.is_deleted,
    )


def account(**fields: Any) -> Record:
    return Record(object="Account", id=ACME, fields={"Name": "Acme"} | fields, base_version=at(5))


def customer(of: Record, to: Record | None = None, config: SalesforceConfig = SHIPPED) -> Customer:
    return customer_from(of, to, config)


def test_a_contact_without_a_known_account_is_a_customer_at_once() -> None:
    made = customer(contact(FirstName="Douglas", Email="d@example.com"))

    assert made.id == customer_id(DOUGLAS)
    assert made.columns["first_name"] == "Douglas"
    assert made.columns["company"] is None
    assert made.columns["billing_street"] is None
    assert (made.status, made.account_type) == ("PROSPECT", "RESIDENTIAL")
    assert made.problems == ()


def test_the_account_is_named_in_eighteen_characters_and_what_is_no_id_is_a_problem() -> None:
    assert customer(contact()).account_id == ACME
    assert customer(replace(contact(), parent_id=ACME[:15])).account_id == salesforce_id18(ACME[:15])

    made = customer(replace(contact(), parent_id="Acme, the company of Douglas"))

    assert made.account_id is None
    assert made.problems == (Problem("salesforce_account_id", "not_a_salesforce_id"),)
    assert customer(replace(contact(AccountId=5), parent_id=None)).problems == (
        Problem("salesforce_account_id", "not_a_salesforce_id"),
    )


def test_its_account_gives_company_addresses_and_type() -> None:
    made = customer(
        contact(),
        account(
            BillingStreet="1 Main", ShippingCity="Salem", Industry="Government", Type="Customer - Direct", Website="x"
        ),
    )

    assert made.columns["company"] == "Acme"
    assert made.columns["billing_street"] == "1 Main"
    assert made.columns["service_city"] == "Salem"
    assert made.columns["industry"] == "Government"
    assert (made.status, made.account_type) == ("ACTIVE", "GOVERNMENT")


def test_it_is_as_new_as_the_newer_of_the_two() -> None:
    assert customer(contact()).source_version == at(0)
    assert customer(contact(), account()).source_version == at(5)
    assert customer(contact(), account()).source_modified_at == NOON_MS + 5_000


def test_the_mobile_phone_stands_in_for_the_phone() -> None:
    assert customer(contact(Phone=None, MobilePhone="503-555-0100")).columns["phone"] == "503-555-0100"
    assert customer(contact(Phone="", MobilePhone="503-555-0100")).columns["phone"] == "503-555-0100"


def test_a_country_code_counts_before_a_name() -> None:
    made = customer(contact(MailingCountryCode="CA", MailingCountry="Narnia"))

    assert made.columns["mailing_country"] == "CA"


def test_what_a_column_cannot_take_is_a_problem_that_names_no_value() -> None:
    made = customer(contact(Email="nobody", Phone="ask Ann"))

    assert made.columns["email"] is None
    assert set(made.problems) == {Problem("email", "not_an_email"), Problem("phone", "not_a_phone")}


@pytest.mark.parametrize("place", [(0, 0), (45.5, None), (None, -122.6), (95, 10)])
def test_zero_zero_and_half_a_coordinate_are_none(place: tuple[Any, Any]) -> None:
    made = customer(contact(MailingLatitude=place[0], MailingLongitude=place[1]))

    assert made.columns["mailing_latitude"] is None
    assert made.columns["mailing_longitude"] is None


def test_an_unknown_value_of_a_picklist_falls_back_and_is_counted() -> None:
    made = customer(contact(), account(Type="Friend of the house", Industry="Retail"))

    assert (made.status, made.account_type) == ("PROSPECT", "COMMERCIAL")
    assert set(made.problems) == {Problem("status", "unknown_value"), Problem("account_type", "unknown_value")}


def test_a_deleted_contact_is_a_customer_deleted_when_it_was() -> None:
    deleted = merge(contact(), [a_fact(at(9), **{DELETED: True})]).record

    assert customer(deleted).deleted_at == NOON_MS + 9_000
    assert customer(contact()).deleted_at is None


def test_another_mapping_makes_its_columns_beside_the_shipped_ones() -> None:
    config = SalesforceConfig(
        columns={"credit_limit": (Source(object="Account", field="Limit__c"),)},
        status=StatusChoice(rules=(), default="ACTIVE"),
        account_type=AccountTypeChoice(rules=(), default_with_account="INDUSTRIAL"),
    )

    made = customer(contact(), account(Limit__c=5000.5), config)

    assert made.columns == {**customer(contact(), account()).columns, "credit_limit": 5000.5}
    assert (made.status, made.account_type) == ("ACTIVE", "INDUSTRIAL")


def test_a_mapping_of_one_column_leaves_the_others_as_shipped() -> None:
    config = SalesforceConfig.model_validate(
        {"columns": {"territory": [{"object": "Account", "field": "Territory__c"}]}}
    )

    made = customer(contact(), account(Territory__c="West"), config)

    assert (made.columns["territory"], made.columns["last_name"], made.columns["company"]) == (
        "West",
        "Hunting",
        "Acme",
    )
    assert config.columns.keys() == SHIPPED.columns.keys() | {"territory"}


def test_a_column_with_an_empty_list_is_fed_by_nothing_and_a_named_one_by_what_it_names() -> None:
    config = SalesforceConfig.model_validate(
        {"columns": {"lead_source": [], "email": [{"object": "Contact", "field": "Work_Email__c"}]}}
    )

    made = customer(contact(LeadSource="Web", Email="d@example.com", Work_Email__c="w@example.com"), None, config)

    assert "lead_source" not in made.columns
    assert made.columns["email"] == "w@example.com"


@pytest.mark.parametrize(
    "given",
    [
        {"columns": {"created_by": [{"object": "Contact", "field": "x"}]}},
        {"columns": {"email": [{"object": "Lead", "field": "x"}]}},
        {"columns": {"last_name": []}},
        {"status": {"default": "HAPPY"}},
        {"status": {"rules": [{"object": "Account", "field": "Type", "values": {"x": "HAPPY"}}]}},
        {"types": {"Contact": {"Birthdate": "moment"}}},
        {"outbound_messages": {"04k": {"fields": []}}},
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SalesforceConfig.model_validate(given)


def test_types_of_custom_fields_come_beside_the_shipped_ones() -> None:
    types = SalesforceConfig(types={"Contact": {"Limit__c": "number"}}).types_of("Contact")

    assert types["Limit__c"] == "number"
    assert types["MailingLatitude"] == "number"
