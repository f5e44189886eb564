"""Whether readers see what was sent in a transaction.

Kafka answers a commit once its coordinator has written it down; the markers that close the records in each partition
follow, or never do: a coordinator that is killed in between, and finds no leader of a partition when it begins again,
takes that for deleted, and the transaction for complete (`TransactionMarkerChannelManager`, Kafka 4.3). Its records
stay open then, for nobody to read, until the same producer ends its next transaction there, and are dropped with it
where that one is aborted.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.protocol.offset import OffsetRequest

from synckit import leaders
from synckit.errors import TransientError
from synckit.outbox.producers import DescribeProducersRequest, has_open

log = logging.getLogger(__name__)

ANY_REPLICA: Final = -1
READ_UNCOMMITTED: Final = 0
READ_COMMITTED: Final = 1
LATEST: Final = -1
SHORTEST_SECONDS: Final = 0.002
LONGEST_SECONDS: Final = 0.25
OTHERS_SECONDS: Final = 2.0
"""After this it is asked whose open transaction readers wait for. By then every copy has our markers."""
UNCLOSED_SECONDS: Final = 10.0
"""Open for so long, our own is taken for one that Kafka will never close. A round may take 20 s."""

Answers = dict[TopicPartition, Any]


class UnclosedError(TransientError):
    """Kafka has answered a commit, and its records are open still."""


def last_of(sent: Iterable[Any]) -> dict[TopicPartition, int]:
    """Where the last batch of each partition begins. TransientError where Kafka did not say, as of one sent twice."""
    found: dict[TopicPartition, int] = {}
    for one in sent:
        if one.offset < 0:
            raise TransientError("Kafka did not tell where a batch lies")
        found[one.topic_partition] = max(one.offset, found.get(one.topic_partition, 0))
    return found


async def until_visible(client: Any, producer_id: int, sent: Mapping[TopicPartition, int]) -> None:
    """Returns once readers of what is committed get beyond these offsets, as far as this producer is concerned.

    What others have open in a partition, perhaps for ever, holds its readers up, and not whoever sent before or after.
    UnclosedError where our own is open, and its leader has said so for 10 s. That no leader answers is for the caller
    to bound.
    """
    waiting, delay, began, open_since = dict(sent), SHORTEST_SECONDS, monotonic(), 0.0
    while True:
        ends = await leaders.ask(client, waiting, partial(_ends, READ_COMMITTED), _told)
        waiting = {at: offset for at, offset in waiting.items() if ends.get(at, 0) <= offset}
        is_open: list[TopicPartition] = []
        if waiting and monotonic() - began > OTHERS_SECONDS:
            waiting, is_open = await _ours(client, producer_id, waiting)
        if not waiting:
            return
        open_since = (open_since or monotonic()) if is_open else 0.0
        if is_open and monotonic() - open_since > UNCLOSED_SECONDS:
            log.warning("Kafka has not closed what it answered as committed", extra={"partitions": _named(is_open)})
            raise UnclosedError("Kafka has not closed what it answered as committed")
        await asyncio.sleep(delay)
        delay = min(2 * delay, LONGEST_SECONDS)


async def _ours(
    client: Any, producer_id: int, waiting: Mapping[TopicPartition, int]
) -> tuple[dict[TopicPartition, int], list[TopicPartition]]:
    """Those of which no leader says that what was sent is there and ended; and those of which one says it is open."""
    active = await leaders.ask(client, waiting, _producers, _told)
    ends = await leaders.ask(client, waiting, partial(_ends, READ_UNCOMMITTED), _told)
    is_open = [at for at in waiting if has_open(active.get(at, ()), producer_id)]
    return {
        at: offset for at, offset in waiting.items() if at in is_open or at not in active or ends.get(at, 0) <= offset
    }, is_open


def _named(partitions: Iterable[TopicPartition]) -> list[str]:
    return [f"{at.topic}-{at.partition}" for at in sorted(partitions)]


def _ends(isolation: int, partitions: Mapping[str, Sequence[int]]) -> OffsetRequest:
    """How far readers get. Answered with (partition, error, time, offset)."""
    topics = [(topic, [(number, LATEST) for number in numbers]) for topic, numbers in partitions.items()]
    return OffsetRequest(ANY_REPLICA, isolation, topics)


def _producers(partitions: Mapping[str, Sequence[int]]) -> DescribeProducersRequest:
    """Who is active there. Answered with (partition, error, message, producers, tags)."""
    return DescribeProducersRequest(partitions.items())


def _told(answered: Sequence[Any]) -> tuple[int, int, Any]:
    """Both are answered in this order: the partition, its error, something else, and what was asked for."""
    number, code, _, told, *_ = answered
    return number, code, told
