"""How much of everything: what the page shows, or a few seconds of each to see that it works."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rounds, and per workload how much in each."""

    rounds: int = 5
    door_seconds: float = 4.0
    door_requests: int = 4_096
    """Requests that differ; a load sends them again and again."""
    contacts: int = 50_000
    changes: int = 200_000
    batches: tuple[int, ...] = (50, 200, 500, 1_000)
    """Not more than what a batch writes itself: the rest would be counted before it is written."""
    batch_changes: int = 6_000
    batches_each: int = 10
    """So many batches of each size at least: what the first commit has does not count."""
    outbox_rows: int = 200_000
    rates: tuple[int, ...] = (100, 500, 1_000)
    rate_seconds: float = 30.0
    copies: int = 40
    large_changes: int = 20_000
    large_rounds: int = 3
    large_rows: int = 2_000_000
    account_contacts: int = 50_000
    busy_contacts: int = 5_000
    busy_changes: int = 20_000
    idle_seconds: float = 3.0
    afterwards_seconds: float = 25.0
    """What was left free is given back within twice 10 s (`synckit.memory`)."""


FULL: Final = Sizes()
FEWER_ROUNDS: Final = (
    f"{FULL.large_rounds} rounds (of a quick run one) instead of {FULL.rounds}: a round of all that is grown takes "
    "minutes."
)
"""What the notes of each grown workload say."""
QUICK: Final = replace(
    FULL,
    rounds=1,
    door_seconds=1.0,
    door_requests=256,
    contacts=2_000,
    changes=4_000,
    batches=(50, 200),
    batch_changes=1_000,
    batches_each=5,
    outbox_rows=2_000,
    rates=(50, 100),
    rate_seconds=3.0,
    busy_contacts=1_000,
    busy_changes=1_000,
    idle_seconds=1.0,
    afterwards_seconds=1.0,
    copies=3,
    large_changes=1_500,
    large_rounds=1,
    large_rows=20_000,
    account_contacts=2_000,
)
