"""How long to wait before the next try."""

import random
from collections.abc import Iterator
from typing import Final

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 30.0


def delays() -> Iterator[float]:
    """0.1 s, doubling up to 30 s, each between half and the whole of that."""
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, protects nothing
        delay = min(delay * 2, LONGEST_DELAY)
