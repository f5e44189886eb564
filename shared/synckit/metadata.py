"""What Kafka tells of a topic that aiokafka 0.14 does not: which topic it is, and the epochs of its leaders.

One that was deleted and made anew has another id: Metadata tells it from version 10 on, which Apache Kafka has since
2.8. Each time that somebody begins to lead a partition its epoch rises, and the records say under which one they were
written: a log that lost some ends an epoch before them (KIP-101, KIP-320; https://kafka.apache.org/protocol).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, ClassVar, Final
from uuid import UUID

from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

METADATA: Final = 3
VERSION: Final = 10
NO_TOPIC: Final = UUID(int=0)


class _Uuid(AbstractType):  # type: ignore[misc] # aiokafka ships no types
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


_TEXT: Final = CompactString("utf-8")
_TAGS: Final = ("tags", TaggedFields)
_BROKERS: Final = CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), _TAGS)
_PARTITIONS: Final = CompactArray(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline", CompactArray(Int32)),
    _TAGS,
)


class _MetadataResponse(Response):  # type: ignore[misc] # as above
    API_KEY: ClassVar[int] = METADATA
    API_VERSION: ClassVar[int] = VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", _BROKERS),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("id", _Uuid),
                ("is_internal", Boolean),
                ("partitions", _PARTITIONS),
                ("authorized_operations", Int32),
                _TAGS,
            ),
        ),
        ("authorized_operations", Int32),
        _TAGS,
    )


class _MetadataRequest(RequestStruct):  # type: ignore[misc] # as above
    FLEXIBLE_VERSION = True
    API_KEY = METADATA
    API_VERSION = VERSION
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("id", _Uuid), ("name", _TEXT), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class _Request(Request[_MetadataRequest]):  # type: ignore[misc] # as above
    API_KEY = METADATA

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, struct: type[_MetadataRequest]) -> _MetadataRequest:
        return struct([(NO_TOPIC, self._topic, {})], False, False, False, {})


@dataclass(frozen=True, slots=True)
class Described:
    """A topic as it is now."""

    id: str = ""
    """"" where there is none of this name, or the brokers know of no ids."""
    epochs: Mapping[int, int] = field(default_factory=dict)
    """Of each partition's leader."""
    exists: bool = True
    node: int | None = None
    """The broker that says so."""


async def describe(client: Any, topic: str, but: int | None = None) -> Described:
    """The topic that has this name now, as another broker than `but` says it, where there is one.

    `client` is a consumer. Raises KafkaError where the broker does not answer.
    """
    connection = client._client  # noqa: SLF001 - aiokafka has no other way
    nodes = {broker.nodeId for broker in connection.cluster.brokers()}
    if not nodes:
        raise NodeNotReadyError
    node = random.choice(sorted(nodes - {but} or nodes))  # noqa: S311 - no secret
    try:
        answer = await connection.send(node, _Request(topic))
    except NotImplementedError:  # the broker is older than the ids
        return Described(node=node)
    [(_, _, found, _, partitions, *_)] = answer.topics
    if found == NO_TOPIC:
        return Described(exists=False, node=node)
    return Described(str(found), {number: epoch for _, number, _, epoch, *_ in partitions}, node=node)
