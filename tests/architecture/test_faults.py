"""Whatever can go wrong, and whatever bad can come in, is named by a test that does it."""

import pytest

from support import catalogue
from support.catalogue import Row

ROWS = catalogue.rows()
NAMED = catalogue.tests()


def test_every_row_that_can_happen_is_named_by_a_test() -> None:
    assert [number for number, row in ROWS.items() if not row.waits and number not in NAMED] == []


def test_no_test_names_a_row_that_is_not_listed_or_waits() -> None:
    assert [number for number in NAMED if number not in ROWS or ROWS[number].waits] == []


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_says_what_holds_or_what_it_waits_for(row: Row) -> None:
    assert bool(row.holds) != bool(row.waits)
    assert not any("|" in text or text.endswith(".") for text in (row.done, row.holds, row.needs, row.waits))
