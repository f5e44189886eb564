"""A stretch of a topic in batches, as the product's consumer applies them: side by side, of other partitions each."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from customer_sync.app import LANES, MEMBERS
from synckit.consumer.lanes import apart

AT_ONCE: Final = MEMBERS * LANES
"""Batches side by side, as customer-sync has them."""


async def batches(
    servers: str, topic: str, begins: Mapping[str, int], ends: Mapping[str, int], at_most: int
) -> AsyncIterator[list[list[Any]]]:
    """The committed records between these offsets, by the number of their partition as text.

    So many batches at a time, where so many records wait.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        client_id="paintbox-bench",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=9 * 1024 * 1024,
    )
    await consumer.start()
    try:
        places = {TopicPartition(topic, int(number)): end for number, end in ends.items()}
        consumer.assign(list(places))
        for place in places:
            consumer.seek(place, begins.get(str(place.partition), 0))
        left = sum(end - begins.get(str(place.partition), 0) for place, end in places.items())
        while left > 0:
            taken = await consumer.getmany(timeout_ms=500, max_records=at_most * AT_ONCE)
            records = [one for place, some in taken.items() for one in some if one.offset < places[place]]
            left -= len(records)
            if records:
                yield apart(records, at_most, AT_ONCE)
    finally:
        await consumer.stop()
