"""A stretch of a topic in batches, as the product's consumer gets them: at most so many records, of any partition."""

from collections.abc import AsyncIterator, Mapping
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition


async def batches(
    servers: str, topic: str, begins: Mapping[str, int], ends: Mapping[str, int], at_most: int
) -> AsyncIterator[list[Any]]:
    """The committed records between these offsets, by the number of their partition as text."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        client_id="paintbox-bench",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=at_most,
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
            records = list(chain(*(await consumer.getmany(timeout_ms=500, max_records=at_most)).values()))
            left -= len(records)
            if records:
                yield records
    finally:
        await consumer.stop()
