"""What a check came to: an invariant, how much of it was looked at, and what was not so."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SHOWN: Final = 20
"""How many violations of one check are kept to be shown; all are counted."""


class State(StrEnum):
    """Whether an invariant held."""

    HELD = "held"
    VIOLATED = "violated"
    NOTHING_CHECKED = "nothing checked"
    """There was nothing to look at, so nothing is known: never taken for `held`."""
    SKIPPED = "skipped"
    """This machine, or what exists of the product, does not allow it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is not as it must be. `subject` is an id that `paintbox trace` takes, where there is one."""

    subject: str
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found. `invariant` is its number in docs/proof.md."""

    invariant: str
    claim: str
    checked: int
    violated: int = 0
    violations: tuple[Violation, ...] = ()
    """The first of them."""
    note: str = ""
    """Why it was skipped, or what was measured."""
    is_skipped: bool = False

    @property
    def state(self) -> State:
        """Whether it held."""
        if self.violated:
            return State.VIOLATED
        if self.is_skipped:
            return State.SKIPPED
        return State.HELD if self.checked else State.NOTHING_CHECKED


def verdict(invariant: str, claim: str, checked: int, violations: Iterable[Violation], note: str = "") -> Verdict:
    """The verdict over so many things, some of which may violate the invariant."""
    all_of_them = tuple(violations)
    return Verdict(invariant, claim, checked, len(all_of_them), all_of_them[:SHOWN], note)


def skipped(invariant: str, claim: str, why: str) -> Verdict:
    """An invariant that could not be looked at here."""
    return Verdict(invariant, claim, 0, note=why, is_skipped=True)
