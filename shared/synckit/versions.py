"""One sortable number for "how new is this fact": the modified second, then how long after it it was observed.

`version = second * 2^30 + clamp(observed - start of that second, in milliseconds, 0, 2^30 - 1)`. Within one modified
second the later observation wins, whoever made it. 0 stands for "nobody knows": it fills only what nothing has filled.
"""

OBSERVED_BITS = 30
OBSERVED_LIMIT = (1 << OBSERVED_BITS) - 1
UNKNOWN = 0
EARLIEST = 1
"""The oldest version that is known."""
DAY_MS = 24 * 60 * 60 * 1000
PUSH_LIMIT_MS = 1000
"""A push is observed when it was modified, so less than a second after the start of that second; a read, later."""


def version(modified_ms: int, observed_ms: int) -> int:
    """The version of a fact modified and observed at these milliseconds since 1970.

    Seconds before 1970 give EARLIEST: versions do not go below 0, and a time that cannot be is not an unknown one.
    """
    second = modified_ms // 1000
    if second < 0:
        return EARLIEST
    return (second << OBSERVED_BITS) + min(max(observed_ms - second * 1000, 0), OBSERVED_LIMIT)


def pushed(modified_ms: int) -> int:
    """The version of what a vendor pushed: receipt is no observation, so it counts as observed when modified."""
    return version(modified_ms, modified_ms)


def second_of(stamp: int) -> int:
    """The modified second that a version stands for, since 1970."""
    return stamp >> OBSERVED_BITS


def modified_ms(stamp: int) -> int:
    """The start of the modified second of a version, in milliseconds since 1970."""
    return second_of(stamp) * 1000


def observed_ms(stamp: int) -> int:
    """When the fact of a version was observed, in milliseconds since 1970 (12.4 days after its second at most)."""
    return modified_ms(stamp) + (stamp & OBSERVED_LIMIT)


def is_ahead(stamp: int, of_ms: int) -> bool:
    """Whether a version is of a time more than a day after this one: a wrong clock, which would win for ever."""
    return modified_ms(stamp) > of_ms + DAY_MS


def is_read(stamp: int) -> bool:
    """Whether a version can only be a read's: it was observed a second or more after what it observed.

    A read within the second of the change looks like a push; it then asks for one read more than it needs.
    """
    return stamp & OBSERVED_LIMIT >= PUSH_LIMIT_MS
