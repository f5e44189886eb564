"""What should be, held against what is: row by row, column by column."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from paintbox.world.expected import Row

SHOWN: Final = 10
"""How many differences of one kind are kept to be shown."""
WHOLE_ROW: Final = "(the row)"


@dataclass(frozen=True, slots=True)
class Difference:
    """One column that is not as it should be; of a row that is missing, or should not be there, the row."""

    what: str
    record: str
    """The vendor's id."""
    column: str
    expected: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Tally:
    """How many things of one kind there should be, and how many are as they should be."""

    what: str
    expected: int
    equal: int
    different: int
    missing: int
    differences: tuple[Difference, ...] = ()
    """The first of them."""

    @property
    def is_equal(self) -> bool:
        """Whether all is as it should be."""
        return self.equal == self.expected and not self.different and not self.missing


def compare(what: str, expected: Mapping[str, Row], found: Mapping[str, Row]) -> Tally:
    """The rows that were found, against those that should be there; both by the vendor's id."""
    wrong = {key: _differences(what, key, row, found[key]) for key, row in expected.items() if key in found}
    missing = [key for key in expected if key not in found]
    surplus = [key for key in found if key not in expected]
    differences = (
        *(Difference(what, key, WHOLE_ROW, "there", "missing") for key in missing),
        *(Difference(what, key, WHOLE_ROW, "missing", "there") for key in surplus),
        *(difference for ones in wrong.values() for difference in ones),
    )
    return Tally(
        what=what,
        expected=len(expected),
        equal=sum(not ones for ones in wrong.values()),
        different=sum(bool(ones) for ones in wrong.values()) + len(surplus),
        missing=len(missing),
        differences=tuple(islice(differences, SHOWN)),
    )


def _differences(what: str, key: str, expected: Row, found: Row) -> list[Difference]:
    """The columns that differ; those that nothing is expected of are not looked at."""
    return [
        Difference(what, key, column, value, found[column])
        for column, value in expected.items()
        if found[column] != value
    ]
