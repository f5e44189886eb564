"""Which partition a key lies in: the murmur2 that Kafka's own clients use, so that every producer agrees."""

import random
import struct
from collections.abc import Sequence
from typing import Final

SEED: Final = 0x9747B28C
MULTIPLIER: Final = 0x5BD1E995
WORD: Final = 0xFFFFFFFF
POSITIVE: Final = 0x7FFFFFFF


def choose_partition(key: bytes | None, all_partitions: Sequence[int], available: Sequence[int] = ()) -> int:
    """A partition of `all_partitions`, which are sorted; without a key any that is available.

    Chooses as aiokafka's `DefaultPartitioner` does, in a third of its time: that reads a key byte by byte.
    """
    if key is None:
        return random.choice(available or all_partitions)  # noqa: S311 - to spread load, not a secret
    return all_partitions[(murmur2(key) & POSITIVE) % len(all_partitions)]


def murmur2(data: bytes) -> int:
    """The hash as an unsigned number of 32 bits."""
    size = len(data)
    found = SEED ^ size
    for word in struct.unpack_from(f"<{size >> 2}I", data):
        mixed = word * MULTIPLIER & WORD
        found = (found * MULTIPLIER ^ (mixed ^ mixed >> 24) * MULTIPLIER) & WORD
    if rest := data[size & ~3 :]:
        found = (found ^ int.from_bytes(rest, "little")) * MULTIPLIER & WORD
    found = (found ^ found >> 13) * MULTIPLIER & WORD
    return found ^ found >> 15
