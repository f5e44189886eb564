"""One bad field never loses a record: it is mended, or it is NULL and counted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_sync.models.columns import COLUMNS
from synckit.columns import Column, Kind, country_code, fit

PHONE = COLUMNS["phone"]
EMAIL = COLUMNS["email"]
COUNTRY = COLUMNS["mailing_country"]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("last_name", " King ", ("King", None)),
        ("last_name", None, ("", None)),
        ("last_name", "x" * 300, ("x" * 255, "too_long")),
        ("company", "", (None, None)),
        ("first_name", 47, ("47", None)),
        ("first_name", ["Ann"], ("", "not_text")),
        ("first_name", False, ("", "not_text")),
        ("last_name", {"first": "Ann"}, ("", "not_text")),
        ("company", [], (None, "not_text")),
        ("mailing_street", True, (None, "not_text")),
        ("mailing_postal_code", [68502], (None, "not_text")),
        ("mailing_postal_code", 68502, ("68502", None)),
        ("email", ["a@b.example"], (None, "not_text")),
        ("phone", {"mobile": "5035550100"}, (None, "not_text")),
        ("mailing_country", True, ("US", "not_text")),
        ("salesforce_owner_id", ["0055e00000Epjsf"], (None, "not_text")),
        ("mailing_street", "1 Main Street\nSuite 5", ("1 Main Street\nSuite 5", None)),
        ("mailing_postal_code", "9" * 21, (None, "too_long")),
        ("website", "https://x.example/" + "y" * 500, (None, "too_long")),
        ("email", "o'brien+x@例子.公司", ("o'brien+x@例子.公司", None)),
        ("email", "a@b..com", (None, "not_an_email")),
        ("email", "call me", (None, "not_an_email")),
        ("email", "a@" + "b" * 330 + ".com", (None, "too_long")),
        ("phone", "(503) 555-0100", ("(503) 555-0100", None)),
        ("phone", "+1 503 555 0100 x12", ("+1 503 555 0100 x12", None)),
        ("phone", "503\u2011555\u20110100", ("+15035550100", "reformatted")),
        ("phone", "503/555-0100 x12", ("+15035550100;ext=12", "reformatted")),
        ("phone", "(503) 555-0100 extension 12", ("+15035550100;ext=12", "reformatted")),
        ("phone", "503 555 0100 ext \u0661\u0662", ("+15035550100;ext=12", "reformatted")),
        ("phone", "503/555-0100 x123456789", ("+15035550100", "reformatted")),
        ("phone", "---", (None, "not_a_phone")),
        ("phone", "ask Ann", (None, "not_a_phone")),
        ("mailing_country", None, ("US", None)),
        ("mailing_country", "Taiwan", ("TW", None)),
        ("mailing_country", "Narnia", ("US", "unknown_country")),
        ("mailing_latitude", 91, (None, "not_a_coordinate")),
        ("mailing_longitude", -180, (-180, None)),
        ("mailing_latitude", "north", (None, "not_a_coordinate")),
        ("mailing_latitude", True, (None, "not_a_coordinate")),
        ("credit_limit", 10**10, (None, "not_an_amount")),
        ("credit_limit", 12.345, (12.345, None)),
        ("tax_exempt", "yes", (False, "not_a_flag")),
        ("tax_exempt", True, (True, None)),
        ("salesforce_owner_id", "0055e00000Epjsf", ("0055e00000EpjsfAAB", None)),
        ("salesforce_owner_id", "me", (None, "not_a_salesforce_id")),
    ],
)
def test_a_value_as_its_column_takes_it(column: str, value: Any, expected: Any) -> None:
    assert fit(value, COLUMNS[column]) == expected


@pytest.mark.parametrize("name", ["US", "us", "USA", "United States", "U.S.", "united states of america"])
def test_countries_by_code_name_and_habit(name: str) -> None:
    assert country_code(name) == "US"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Russia", "RU"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("Korea", "KR"),
        ("South Korea", "KR"),
        ("North Korea", "KP"),
        ("Brunei", "BN"),
        ("Macau", "MO"),
        ("Ivory Coast", "CI"),
        ("Cape Verde", "CV"),
        ("Swaziland", "SZ"),
        ("Macedonia", "MK"),
        ("Vatican City", "VA"),
        ("The Bahamas", "BS"),
        ("UAE", "AE"),
        ("Northern Ireland", "GB"),
    ],
)
def test_countries_by_their_usual_names_that_no_standard_has(name: str, code: str) -> None:
    assert country_code(name) == code
    assert country_code(name.upper()) == code


@given(st.text(max_size=60), st.sampled_from(sorted(COLUMNS)))
def test_whatever_the_text_the_column_can_take_the_result(text: str, name: str) -> None:
    column = COLUMNS[name]

    value, _ = fit(text, column)

    assert isinstance(value, str | bool | None)
    assert not isinstance(value, str) or column.length is None or len(value) <= column.length


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.integers())))
def test_whatever_the_json_no_error_leaves(value: Any) -> None:
    for column in COLUMNS.values():
        fit(value, column)


def test_text_without_a_limit_is_never_cut() -> None:
    assert fit("x" * 100_000, Column(Kind.TEXT)) == ("x" * 100_000, None)
