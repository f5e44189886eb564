"""What only the leader of a partition can say."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from aiokafka import TopicPartition
from aiokafka.errors import IncompatibleBrokerVersion, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Int64, Schema, String

OFFSET_FOR_LEADER_EPOCH: Final = 23
VERSION: Final = 2
ANY_EPOCH: Final = -1
NO_LEADER: Final = -1


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

    def __init__(self, topics: list[tuple[str, list[tuple[int, int, int]]]]) -> None:
        self._topics = topics

    def build(self, struct: type[_EpochStruct]) -> _EpochStruct:
        return struct(self._topics)


async def epoch_ends(consumer: Any, epochs: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """Where an epoch of each partition ends in the log as it is now; those that its leader does not know are left out.

    Raises KafkaError where a leader does not answer. Those of partitions without a leader are not known either.
    """
    client, found = consumer._client, dict[TopicPartition, int]()  # noqa: SLF001 - aiokafka 0.14 has no other way
    for leader, topics in by_leader(client, epochs).items():
        asked = [
            (topic, [(number, ANY_EPOCH, epochs[TopicPartition(topic, number)]) for number in numbers])
            for topic, numbers in topics.items()
        ]
        try:
            answer = await client.send(leader, _EpochRequest(asked))
        except (NotImplementedError, IncompatibleBrokerVersion):  # it keeps no epochs
            continue
        for topic, partitions in answer.topics:
            for code, number, _, end in partitions:
                if for_code(code).errno:
                    client.force_metadata_update()
                    raise for_code(code)
                if end >= 0:
                    found[TopicPartition(topic, number)] = end
    return found
