"""Ids are computed, never drawn."""

from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synckit import identity


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("00A000000000000", "00A000000000000EAA"),
        ("00000000000000A", "00000000000000AAAQ"),
        ("0000A0000A0000A", "0000A0000A0000AQQQ"),
        ("000A0000A0000A0", "000A0000A0000A0III"),
    ],
)
def test_fifteen_characters_become_the_published_eighteen(short: str, long: str) -> None:
    assert identity.salesforce_id18(short) == long
    assert identity.salesforce_id18(long) == long


@pytest.mark.parametrize("text", ["", "003", "00A00000000000000", "00A00000000000é", "00A0000000000 0", "0" * 19])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Salesforce id"):
        identity.salesforce_id18(text)


def test_the_same_parts_give_the_same_id_and_their_borders_count() -> None:
    assert identity.event_id("a", "bc") == identity.event_id("a", "bc")
    assert identity.event_id("a", "bc") != identity.event_id("ab", "c")


def test_a_row_and_an_event_of_one_name_are_two_things() -> None:
    assert identity.row_id("customers", "x") != identity.event_id("customers", "x")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_id_is_the_uuid_of_version_5_that_everybody_computes(name: str) -> None:
    assert identity.event_id(name) == uuid5(identity.EVENTS, name)
    assert identity.row_id(name, "1") == uuid5(identity.ROWS, f"{name}\x1f1")
