"""Telephone numbers that nobody has: 555-0100 to 555-0199 of every area are kept free for fiction (NANPA)."""

from collections.abc import Container
from random import Random
from typing import Final

from paintbox.world.towns import Town

_FORMS: Final = ("({area}) 555-{line:04}", "{area}-555-{line:04}", "{area}.555.{line:04}", "+1 {area} 555 {line:04}")
_OWN_LINES: Final = range(100, 180)
"""Each is one customer's, in all runs: projects find customers by them."""
_OTHER_LINES: Final = range(180, 200)
"""Anybody's, any number of times: no project names them."""


def own_line(town: Town, dice: Random, taken: Container[str]) -> int | None:
    """A line of this town that is not taken; None where all are. `taken` holds numbers in E.164."""
    free = [line for line in _OWN_LINES if e164(town, line) not in taken]
    return dice.choice(free) if free else None


def any_number(town: Town, dice: Random) -> str:
    """A number of this town, which others may have too."""
    return written(town, dice.choice(_OTHER_LINES), dice)


def written(town: Town, line: int, dice: Random) -> str:
    """A number in one of the ways in which people write theirs."""
    return dice.choice(_FORMS).format(area=town.area_code, line=line)


def e164(town: Town, line: int) -> str:
    """A number in the one form in which equals are equal."""
    return f"+1{town.area_code}555{line:04}"


def beginnings(area_code: str) -> list[str]:
    """What each number of the area that is kept free for fiction begins with: as it is typed, and in E.164."""
    typed = [form.format(area=area_code, line=_OWN_LINES.start) for form in _FORMS]
    return [number[:-2] for number in (*typed, f"+1{area_code}555{_OWN_LINES.start:04}")]
