"""Who has a transaction open in a partition: Kafka's DescribeProducers (KIP-664), which aiokafka 0.14 lacks."""

from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

DESCRIBE_PRODUCERS = 61
NOT_OPEN = -1


class DescribeProducersResponse_v0(Response):  # type: ignore[misc] # noqa: N801 - as aiokafka has it, which ships no types
    """Of each partition its active producers, and where the open transaction of each begins."""

    API_KEY = DESCRIBE_PRODUCERS
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition_index", Int32),
                        ("error_code", Int16),
                        ("error_message", CompactString("utf-8")),
                        (
                            "active_producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("current_txn_start_offset", Int64),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeProducersRequest_v0(RequestStruct):  # type: ignore[misc] # noqa: N801 - as above
    """About some partitions; their leader answers."""

    FLEXIBLE_VERSION = True
    API_KEY = DESCRIBE_PRODUCERS
    API_VERSION = 0
    RESPONSE_TYPE = DescribeProducersResponse_v0
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("partition_indexes", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeProducersRequest(Request[DescribeProducersRequest_v0]):  # type: ignore[misc] # as above
    """About these partitions, by their topics."""

    API_KEY = DESCRIBE_PRODUCERS

    def __init__(self, topics: Iterable[tuple[str, Sequence[int]]]) -> None:
        self._topics: list[tuple[str, list[int], dict[int, bytes]]] = [
            (name, list(partitions), {}) for name, partitions in topics
        ]

    def build(self, request_struct_class: type[DescribeProducersRequest_v0]) -> DescribeProducersRequest_v0:
        """The request on the wire."""
        return request_struct_class(self._topics, {})


def has_open(active: Iterable[Sequence[Any]], producer_id: int) -> bool:
    """Whether this producer is among a partition's active ones, with a transaction that nobody has ended there."""
    return any(one[0] == producer_id and one[5] != NOT_OPEN for one in active)
