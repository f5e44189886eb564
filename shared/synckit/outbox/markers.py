"""Whether readers see what was sent in a transaction.

Kafka answers a commit once its coordinator has written it down; the markers that close the records in each partition
follow, or never do: a coordinator that is killed in between, and finds no leader of a partition when it begins again,
takes that for deleted, and the transaction for complete (`TransactionMarkerChannelManager`, Kafka 4.3). Its records
stay open then, for nobody to read, until the same producer ends its next transaction there, and are dropped with it
where that one is aborted.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.offset import OffsetRequest

from synckit.errors import TransientError

ANY_REPLICA: Final = -1
READ_COMMITTED: Final = 1
LATEST: Final = -1
NO_LEADER: Final = -1
SHORTEST_SECONDS: Final = 0.002
LONGEST_SECONDS: Final = 0.25


def last_of(sent: Iterable[Any]) -> dict[TopicPartition, int]:
    """Where the last batch of each partition begins. TransientError where Kafka did not say, as of one sent twice."""
    found: dict[TopicPartition, int] = {}
    for one in sent:
        if one.offset < 0:
            raise TransientError("Kafka did not tell where a batch lies")
        found[one.topic_partition] = max(one.offset, found.get(one.topic_partition, 0))
    return found


async def until_visible(client: Any, sent: Mapping[TopicPartition, int]) -> None:
    """Returns once readers of what is committed get beyond these offsets. How long that may take is the caller's."""
    waiting, delay = dict(sent), SHORTEST_SECONDS
    while waiting:
        ends = await _stable_ends(client, waiting)
        waiting = {at: offset for at, offset in waiting.items() if ends.get(at, 0) <= offset}
        if waiting:
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_SECONDS)


async def _stable_ends(client: Any, wanted: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """How far readers of what is committed get, of the partitions whose leader answers."""
    by_leader: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for at in wanted:
        leader = client.cluster.leader_for_partition(at)
        by_leader[NO_LEADER if leader is None else leader][at.topic].append((at.partition, LATEST))
    if by_leader.pop(NO_LEADER, None):
        client.force_metadata_update()
    answers = await asyncio.gather(*(_ask(client, leader, asked) for leader, asked in by_leader.items()))
    return {at: end for answer in answers for at, end in answer.items()}


async def _ask(client: Any, leader: int, asked: Mapping[str, list[tuple[int, int]]]) -> dict[TopicPartition, int]:
    found: dict[TopicPartition, int] = {}
    try:
        answer = await client.send(leader, OffsetRequest(ANY_REPLICA, READ_COMMITTED, list(asked.items())))
        for topic, partitions in answer.topics:
            for partition, code, _, offset in partitions:
                if for_code(code).errno:
                    client.force_metadata_update()
                else:
                    found[TopicPartition(topic, partition)] = offset
    except KafkaError:
        client.force_metadata_update()
    return found
