"""What a process reads: its consumers, which are members of one group, and who applies redrives to each topic."""

from collections.abc import Mapping, Sequence

from synckit.background import Loop
from synckit.consumer import Alarms, Consumer, ConsumerGroup
from synckit.contracts.topics import Topic
from synckit.observability.health import Check
from synckit.parking import Redrive
from synckit.postgres import Pool


class Subscriptions:
    """The group of a process. Of a topic that several consumers read one applies what is redriven."""

    def __init__(
        self, name: str, servers: str, consumers: Sequence[Consumer], alarms: Alarms, integrations: Pool
    ) -> None:
        self._consumers = consumers
        self._group = ConsumerGroup(name, servers, consumers, alarms)
        by_topic = {one.topic: one for one in consumers}
        self.topics: Sequence[Topic] = list(by_topic)
        """Each once."""
        self._redrives = [Redrive(integrations, name, one) for one in by_topic.values()]

    @property
    def loops(self) -> Mapping[str, Loop]:
        """What is to run in the background, by its name."""
        return {"consumers": self._group.run, **{one.name: one.run for one in self._redrives}}

    @property
    def checks(self) -> Mapping[str, Check]:
        """For readiness."""
        return {**{one.name: one.check for one in self._consumers}, **{one.name: one.check for one in self._redrives}}

    async def stop(self) -> None:
        """Finish the batches in hand, commit, and leave the group."""
        await self._group.stop()
