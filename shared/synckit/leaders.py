"""What only the leader of a partition can say."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Int64, Schema, String

OFFSET_FOR_LEADER_EPOCH: Final = 23
VERSION: Final = 2
NO_LEADER: Final = -1
NEVER: Final = 2**63 - 1
"""Beyond any offset."""

Topics = list[tuple[str, list[tuple[int, int, int]]]]
"""Partition, epoch of its leader, and the epoch that is asked for."""
Ask = Callable[[Mapping[str, Sequence[int]]], Any]
"""A request about these partitions, by their topics."""
Read = Callable[[Sequence[Any]], tuple[int, int, Any]]
"""Of what is answered about a partition: its number, the error's code, and what was asked for."""


def by_leader(client: Any, partitions: Iterable[TopicPartition]) -> dict[int, dict[str, list[int]]]:
    """The partitions by who leads them, as far as a client knows. It asks anew where it does not know of one."""
    found: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at in partitions:
        leader = client.cluster.leader_for_partition(at)
        found[NO_LEADER if leader is None else leader][at.topic].append(at.partition)
    if found.pop(NO_LEADER, None):
        client.force_metadata_update()
    return found


class _EpochResponse(Response):  # type: ignore[misc] # aiokafka ships no types
    API_KEY: ClassVar[int] = OFFSET_FOR_LEADER_EPOCH
    API_VERSION: ClassVar[int] = VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            Array(
                ("topic", String("utf-8")),
                (
                    "partitions",
                    Array(("error_code", Int16), ("partition", Int32), ("leader_epoch", Int32), ("end_offset", Int64)),
                ),
            ),
        ),
    )


class _EpochStruct(RequestStruct):  # type: ignore[misc] # as above
    API_KEY = OFFSET_FOR_LEADER_EPOCH
    API_VERSION = VERSION
    RESPONSE_TYPE = _EpochResponse
    SCHEMA = Schema(
        (
            "topics",
            Array(
                ("topic", String("utf-8")),
                (
                    "partitions",
                    Array(("partition", Int32), ("current_leader_epoch", Int32), ("leader_epoch", Int32)),
                ),
            ),
        ),
    )


class _EpochRequest(Request[_EpochStruct]):  # type: ignore[misc] # as above
    API_KEY = OFFSET_FOR_LEADER_EPOCH

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> _EpochStruct:
        if self.API_KEY not in versions:
            raise NotImplementedError
        prepared: _EpochStruct = super().prepare(versions)
        return prepared

    def build(self, struct: type[_EpochStruct]) -> _EpochStruct:
        return struct(self._topics)


async def ask(client: Any, wanted: Iterable[TopicPartition], request: Ask, read: Read) -> dict[TopicPartition, Any]:
    """What the leaders say of these partitions, of those that one of them answers for."""
    leaders = by_leader(client, wanted)
    answers = await asyncio.gather(*(_ask(client, leader, request(asked), read) for leader, asked in leaders.items()))
    return {at: told for answer in answers for at, told in answer.items()}


async def _ask(client: Any, leader: int, request: Any, read: Read) -> dict[TopicPartition, Any]:
    found: dict[TopicPartition, Any] = {}
    try:
        answer = await client.send(leader, request)
    except KafkaError:
        client.force_metadata_update()
        return found
    for topic, partitions, *_ in answer.topics:
        for number, code, told in map(read, partitions):
            if for_code(code).errno:
                client.force_metadata_update()
            else:
                found[TopicPartition(topic, number)] = told
    return found


async def epoch_ends(
    consumer: Any, epochs: Mapping[TopicPartition, int], current: Mapping[int, int]
) -> dict[TopicPartition, int]:
    """Where an epoch of each partition ends in the log as it is now: NEVER where its leader cannot tell.

    `current`: the leaders' epochs, by partition: one that has been deposed and does not know it is not believed.
    Partitions are left out whose leader does not answer, or is not known.
    """

    def request(asked: Mapping[str, Sequence[int]]) -> _EpochRequest:
        return _EpochRequest(
            [
                (topic, [(number, current[number], epochs[TopicPartition(topic, number)]) for number in numbers])
                for topic, numbers in asked.items()
            ]
        )

    try:
        return await ask(consumer._client, epochs, request, _epoch_end)  # noqa: SLF001 - aiokafka has no other way
    except NotImplementedError:  # the brokers keep no epochs
        return dict.fromkeys(epochs, NEVER)


def _epoch_end(answered: Sequence[Any]) -> tuple[int, int, int]:
    code, number, _, end = answered
    return number, code, end if end >= 0 else NEVER
