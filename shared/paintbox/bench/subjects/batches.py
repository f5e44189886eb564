"""A stretch of a topic in batches, as the product's consumer applies them: side by side, of other partitions each."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from aiokafka import TopicPartition

from customer_sync.app import LANES, MEMBERS
from paintbox.brokers import outsider

AT_ONCE: Final = MEMBERS * LANES
"""Batches side by side, as customer-sync has them."""


async def batches(
    servers: str, topic: str, begins: Mapping[str, int], ends: Mapping[str, int], at_most: int
) -> AsyncIterator[list[list[Any]]]:
    """The committed records between these offsets, by the number of their partition as text.

    So many batches at a time as customer-sync has, where so many records wait.
    """
    options = {"isolation_level": "read_committed", "max_partition_fetch_bytes": 9 * 1024 * 1024}
    async with outsider(servers, client_id="paintbox-bench", **options) as consumer:
        places = {TopicPartition(topic, int(number)): end for number, end in ends.items()}
        consumer.assign(list(places))
        for place in places:
            consumer.seek(place, begins.get(str(place.partition), 0))
        left = sum(end - begins.get(str(place.partition), 0) for place, end in places.items())
        while left > 0:
            side_by_side = await _next(consumer, places, at_most)
            left -= sum(map(len, side_by_side))
            if side_by_side:
                yield side_by_side


async def _next(consumer: Any, places: Mapping[TopicPartition, int], at_most: int) -> list[list[Any]]:
    """Batches of so many records each, filled from one partition after another, and none from another's."""
    found: list[list[Any]] = []
    others = set(places)
    for _ in range(AT_ONCE):
        if not others:
            break
        taken = await consumer.getmany(*others, timeout_ms=500, max_records=at_most)
        records = [one for place, some in taken.items() for one in some if one.offset < places[place]]
        others -= taken.keys()
        if records:
            found.append(records)
    return found
