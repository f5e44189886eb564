"""How much is sent at once over a link of unknown speed: half after a failure, twice as much after a quick success."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, islice
from time import monotonic
from typing import Final

from synckit.failures import is_time_out

QUICK: Final = 0.25
"""Of the time that an attempt has. What took no longer may be doubled, and still has half of its time to spare."""


class Portion:
    """Rows and bytes of the next attempt. Keep it for longer than what an attempt is made with."""

    def __init__(self, most_rows: int, most_bytes: int, seconds: float) -> None:
        """An attempt that takes longer than `seconds` fails."""
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._quick_seconds = seconds * QUICK
        self.rows = most_rows
        self.bytes = most_bytes

    def fits(self, sizes: Sequence[int]) -> int:
        """How many of rows of these sizes, from the first, are to be sent at once: one at least, where there is one."""
        before = islice(accumulate(sizes, initial=0), min(len(sizes), self.rows))
        return sum(size < self.bytes for size in before)

    def is_filled_by(self, sizes: Sequence[int]) -> bool:
        """Whether these are a whole portion, so that more may wait behind them."""
        return len(sizes) >= self.rows or sum(sizes) >= self.bytes

    def failed(self, sizes: Sequence[int]) -> None:
        """These did not get through: half of them is next, in rows and in bytes, down to one row."""
        self.rows = max(len(sizes) // 2, 1)
        self.bytes = max(sum(sizes) // 2, 1)

    def succeeded(self, sizes: Sequence[int], seconds: float) -> None:
        """These got through. Where they filled the portion, and that was quick, twice as much is next.

        Less than a portion says nothing of a whole one: a trickle over a slow link would end in another failure.
        """
        if self.is_filled_by(sizes) and seconds <= self._quick_seconds:
            self.rows = min(self.rows * 2, self._most_rows)
            self.bytes = min(self.bytes * 2, self._most_bytes)


@contextmanager
def learning(portion: Portion, sizes: Sequence[int]) -> Iterator[None]:
    """What is attempted within says how large the next portion may be: less after a time-out, after another failure no
    less."""
    started = monotonic()
    try:
        yield
    except Exception as error:
        if sizes and is_time_out(error):
            portion.failed(sizes)
        raise
    portion.succeeded(sizes, monotonic() - started)
