"""Times as the vendors write them, in milliseconds since 1970, UTC; and back."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEPT = 8192
"""Above the different times that a batch of 1,000 records has: of these one cache after the other is asked."""
EARLIEST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
LATEST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
LONGEST = 64
"""Characters of a text that may be a time."""
EPOCH_SECONDS_END = 100_000_000_000
"""Integers below are seconds (until the year 5138), those above are milliseconds (since 1973)."""


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970; a moment without zone is refused with ValueError, never guessed."""
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return (moment - EPOCH) // MILLISECOND


def moment(ms: int) -> datetime:
    """The moment so many milliseconds after 1970; ValueError outside the years 1 to 9999."""
    try:
        return EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        raise ValueError("a time outside the years 1 to 9999") from None


def rfc3339(ms: int) -> str:
    """RFC 3339 with milliseconds, in UTC: `2026-11-22T15:04:05.006Z`."""
    second, rest = divmod(ms, 1000)
    return f"{_second(second)}.{rest:03}Z"


@lru_cache(maxsize=KEPT)
def _second(second: int) -> str:
    return moment(second * 1000).isoformat(timespec="seconds").removesuffix("+00:00")


def parse(value: object) -> int:
    """Milliseconds since 1970 of any form that the vendors send; ValueError for what is none of them.

    ISO 8601 with zone (`…000Z`, `…000+0000`, `+00:00`), epoch seconds, epoch milliseconds. A leap second counts as
    the second before it, since neither PostgreSQL nor Python stores one.
    """
    if isinstance(value, bool):
        raise ValueError("a truth value is no time")  # noqa: TRY004 - one error for whatever is no time
    if isinstance(value, int):
        ms = value if abs(value) >= EPOCH_SECONDS_END else value * 1000
        if not EARLIEST <= ms <= LATEST:
            raise ValueError("a time outside the years 1 to 9999")
        return ms
    if isinstance(value, str):
        text = value.strip()
        if len(text) > LONGEST:
            raise ValueError("too long for a time")
        return _parsed(text)
    raise ValueError("neither text nor a whole number")


@lru_cache(maxsize=KEPT)
def _parsed(text: str) -> int:
    said = datetime.fromisoformat(text.replace(":60.", ":59.").replace(":60Z", ":59Z"))
    return milliseconds(moment(milliseconds(said)))  # in UTC it may be outside the years 1 to 9999
