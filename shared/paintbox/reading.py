"""Topics from their first record to their end, as a reader sees them who takes only what was committed."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from paintbox.brokers import administration, find_topics, outsider
from paintbox.errors import OperatorError
from synckit.contracts.topics import Topic

POLL_MS: Final = 500
MOST_EMPTY_POLLS: Final = 90
"""Kafka ends a transaction whose producer is dead after 15 s, and looks for such every 10 s."""
FETCH_BYTES: Final = 1024 * 1024
"""What is asked for at once has to come within 40 s, over whatever line, and whatever a quota says."""

OnRecords = Callable[[Sequence[Any]], None]
"""Is given some records of one partition, in their order."""
OnProgress = Callable[[int, int], None]
"""Is told how many offsets are done, and how many there are."""


async def read(
    servers: str,
    wanted: Sequence[Topic],
    on_records: OnRecords,
    *,
    process: str,
    awaits_open: bool = False,
    on_progress: OnProgress = lambda _done, _all: None,
) -> set[str]:
    """Hand on every committed record of these topics; the names of those that exist. Raises OperatorError.

    With `awaits_open` nothing is left out that is committed and not to be seen yet, since an older transaction is open:
    it waits for those that are, for 45 s.
    """
    async with administration(servers) as admin:
        found = await find_topics(admin, [topic.name for topic in wanted])
    places = [TopicPartition(name, number) for name in sorted(found) for number in range(found[name].partitions)]
    if not places:
        return set()
    try:
        async with (
            _client(servers, process, "read_committed") as consumer,
            _client(servers, process, "read_uncommitted") as every,
        ):
            ends = await (every if awaits_open else consumer).end_offsets(places)
            await _read_all(consumer, ends, on_records, on_progress)
    except (KafkaError, OSError) as error:
        raise OperatorError(f"Kafka at {servers} does not give its records ({type(error).__name__}).") from error
    return set(found)


def _client(servers: str, process: str, isolation_level: str) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
    limits = {"fetch_max_bytes": FETCH_BYTES, "max_partition_fetch_bytes": FETCH_BYTES}
    return outsider(servers, client_id=process, isolation_level=isolation_level, **limits)


async def _read_all(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], on_records: OnRecords, on_progress: OnProgress
) -> None:
    """Until the position has passed every end: markers of transactions stand there too, and are no records."""
    places = list(ends)
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    begins = await consumer.beginning_offsets(places)
    many, empty = sum(ends[place] - begins[place] for place in places), 0
    while left := sum([max(ends[place] - await consumer.position(place), 0) for place in places]):
        on_progress(many - left, many)
        batches = await consumer.getmany(*places, timeout_ms=POLL_MS)
        for records in batches.values():
            on_records(records)
        empty = 0 if batches else empty + 1
        if empty > MOST_EMPTY_POLLS:
            raise OperatorError(await _why_it_does_not_end(consumer, ends))


async def _why_it_does_not_end(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> str:
    readable = await consumer.end_offsets(list(ends))
    if any(readable[place] < end for place, end in ends.items()):
        return "A topic does not end: a transaction in it stays open. Try again in a minute."
    return "Kafka gives no more of its records, though it has some: is there a quota, or a slow line to it?"
