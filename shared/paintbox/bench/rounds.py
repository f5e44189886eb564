"""Rounds: everybody takes a turn in each, in one order and then in the other, so that slow minutes strike all alike."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from paintbox.bench.outcomes import Run

Turn = Callable[[int], Awaitable[Run]]
"""One subject's turn in the round of a number. Round 0 warms up, and its figures are not kept."""
Say = Callable[[str], None]
Key = TypeVar("Key")


async def interleaved(
    subjects: Mapping[str, Turn], rounds: int, say: Say, followed: Mapping[str, str] = MappingProxyType({})
) -> dict[str, list[Run]]:
    """What each subject did in each round, after one round to warm up. `followed`: who comes right after whom."""
    runs: dict[str, list[Run]] = {name: [] for name in subjects}
    leading = [name for name in subjects if name not in followed.values()]
    for number in range(rounds + 1):
        for name in (one for leader in order(leading, number) for one in (leader, followed.get(leader)) if one):
            say(f"round {number} of {rounds}: {name}" if number else f"warming up: {name}")
            run = await subjects[name](number)
            if number:
                runs[name].append(run)
    return runs


def order(names: list[Key], number: int) -> list[Key]:
    """Who comes when in the round of this number."""
    return names[::-1] if number % 2 else names
