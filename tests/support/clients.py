"""A Kafka consumer that a unit test makes up."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata


@dataclass(frozen=True, slots=True)
class Broker:
    """One of a cluster."""

    nodeId: int  # noqa: N815 - aiokafka's name


class FakeClient:
    """What the loop asks of aiokafka's insides: its brokers know of no ids of topics, unless a test says one."""

    topic_id = ""
    epoch = 0
    mark = ""
    """The text that was committed with every offset."""

    @property
    def _client(self) -> "FakeClient":
        return self

    @property
    def _coordinator(self) -> "FakeClient":
        return self

    @property
    def cluster(self) -> "FakeClient":
        """What is known of the brokers."""
        return self

    def brokers(self) -> frozenset[Broker]:
        """There is one."""
        return frozenset({Broker(0)})

    async def send(self, _: int, __: object, /) -> "Described":
        """The topic, as brokers describe it that know of ids."""
        if not self.topic_id:
            raise NotImplementedError
        return Described(self.topic_id, self.epoch)

    async def committed(self, _: TopicPartition) -> int | None:
        """What the group has committed."""
        return None

    async def fetch_committed_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """The same, as the coordinator says it."""
        found = {at: await self.committed(at) for at in partitions}
        return {at: OffsetAndMetadata(-1 if one is None else one, self.mark) for at, one in found.items()}


class Described:
    """An answer about one topic."""

    def __init__(self, topic_id: str, epoch: int) -> None:
        self.topics: list[tuple[object, ...]] = [(0, "", topic_id, False, [(0, 0, 1, epoch)], 0, {})]
