"""Every kind of bad input that the catalogue knows is named by a test that posts it, or produces it."""

import re
from pathlib import Path
from typing import Final

from support.stacks import CHECKOUT

LISTED: Final = Path(__file__).with_name("bad_input.txt")
NAMED: Final = re.compile(r"(?<![a-z0-9])b([0-9]{2,3})(?![a-z0-9])", re.IGNORECASE)


def listed() -> set[str]:
    """The ids of the catalogue's rows that concern what exists."""
    lines = LISTED.read_text().splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def named() -> set[str]:
    """The ids that names of tests, or of their parameters, have in them."""
    files = [file for file in (CHECKOUT / "tests").rglob("test_*.py") if file != Path(__file__)]
    return {f"B{number}" for file in files for number in NAMED.findall(file.read_text())}


def test_every_listed_kind_of_bad_input_is_named_by_a_test() -> None:
    assert sorted(listed() - named()) == []
    assert len(listed()) > 50


def test_no_test_names_a_kind_that_is_not_listed() -> None:
    assert sorted(named() - listed()) == []
