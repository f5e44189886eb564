"""What the loop asks of aiokafka's client."""

from collections.abc import Sequence
from typing import Any, Protocol

from aiokafka import TopicPartition


class KafkaClient(Protocol):
    """What we use of the Kafka consumer."""

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that it reads now."""

    async def position(self, partition: TopicPartition) -> int:
        """The offset of the next record that it will hand out."""

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Where each partition begins now."""

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Where each partition ends now."""

    async def commit(self, offsets: dict[TopicPartition, Any]) -> None:
        """Commit these offsets, each alone or with a text of ours that is kept beside it."""
