"""Notices that a log is not the one that was read: its topic was made anew, or it lost its end.

Kafka forgets the offsets of a topic that is deleted, but takes old ones for the new topic afterwards, from whoever has
a batch in hand, and its client reads on from where it was. Likewise where a leader lost records that were read (its
host died before they were on its disk, an election was unclean) and others have come in their place. So offsets are
committed together with the topic's id and the epoch of its leader, and whoever is given them later knows how far they
are of this log. Those that have neither (of an earlier release, of Kafka's tools) are believed.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from aiokafka import TopicPartition

from synckit import leaders, metadata
from synckit.errors import TransientError

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.9
"""Below a second, which is how often it is asked for."""
NEVER: Final = float("-inf")
UNKNOWN: Final = -1


class UnsureError(TransientError):
    """Nobody could say which log a batch is of: it is read again."""


class OtherLogError(UnsureError):
    """What the client is at, or its group has committed, is of another log: another client is to read this one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Which log offsets are of."""

    id: str = ""
    epochs: Mapping[int, int] = field(default_factory=dict)

    def followed_by(self, found: metadata.Described) -> "Mark":
        """What is known next. An epoch never goes down: a broker may not have heard of the newest one yet."""
        known = self.epochs if found.id == self.id else {}
        return Mark(
            found.id, {number: max(epoch, known.get(number, UNKNOWN)) for number, epoch in found.epochs.items()}
        )

    def put_on(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
        """The offsets as they are committed."""
        return {at: (offset, self._text(at)) if self.id else offset for at, offset in offsets.items()}

    def _text(self, at: TopicPartition) -> str:
        return f"{self.id}/{self.epochs.get(at.partition, UNKNOWN)}"


class Continuity:
    """Of the topic that one consumer reads."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.mark = Mark()
        """Of what the client hands out next."""
        self._done: Mapping[TopicPartition, int] = {}
        """What was committed when that was asked for."""
        self.is_fresh = True
        """Nothing was handed out yet since the partitions were assigned."""
        self._asked_at = NEVER

    def forget(self) -> None:
        """Partitions were assigned: offsets are those that are committed, whatever log it was before."""
        self.is_fresh = True

    async def look(self, client: Any, done: Mapping[TopicPartition, int]) -> None:
        """Once a second at most, and before the first batch: goes back to where the log that was read has ended.

        OtherLogError where nothing of it is there. What the client raises is raised, and nothing is changed then. Nor
        does a topic change anything that is away just now, or a broker that knows of no ids.
        """
        now = monotonic()
        if not self.is_fresh and now - self._asked_at < LOOK_SECONDS:
            return
        found = await metadata.describe(client, self._topic)
        if found.id and self.mark.id and not self.is_fresh:
            await self._compare(client, found)
        self.is_fresh, self._asked_at = False, now
        if found.id:
            self.mark, self._done = self.mark.followed_by(found), dict(done)

    async def _compare(self, client: Any, found: metadata.Described) -> None:
        """What was handed out between two looks may be of the new epoch already, and is read once more then."""
        if found.id != self.mark.id:
            log.error("A topic was made anew, and is read from its beginning", extra={"topic": self._topic})
            raise OtherLogError("its topic was made anew")
        before = {at: self.mark.epochs.get(at.partition, UNKNOWN) for at in client.assignment()}
        changed = {at: epoch for at, epoch in before.items() if UNKNOWN < epoch < found.epochs.get(at.partition, epoch)}
        for at, end in (await leaders.epoch_ends(client, changed)).items() if changed else ():
            if end < await client.position(at):
                client.seek(at, end)
                said = {"topic": self._topic, "partition": at.partition, "offset": end}
                if end < self._done.get(at, 0):
                    log.error("Kafka lost records that were read before, and what came since is read", extra=said)
                else:
                    log.info("A partition has another leader, and is read on from where its epoch begins", extra=said)

    async def find_other(
        self, client: Any, committed: Mapping[TopicPartition, tuple[int, str]]
    ) -> dict[TopicPartition, int]:
        """Of committed offsets those that are of another log, and where that parts from this one: 0 at its beginning.

        `committed`: with the text that was committed with each.
        """
        if not self.mark.id:
            return {}
        found, older = dict[TopicPartition, int](), dict[TopicPartition, int]()
        for at, (_, text) in committed.items():
            topic_id, _, epoch = text.partition("/")
            now = self.mark.epochs.get(at.partition, UNKNOWN)
            if not topic_id or not epoch.removeprefix("-").isdecimal() or now == UNKNOWN:
                continue
            if topic_id != self.mark.id:
                said = {"topic": self._topic, "partition": at.partition}
                log.error(
                    "Offsets are of a topic that was made anew since, which is read from its beginning", extra=said
                )
                found[at] = 0
            elif UNKNOWN < int(epoch) < now:
                older[at] = int(epoch)
        ends = await leaders.epoch_ends(client, older) if older else {}
        return found | {at: end for at, end in ends.items() if end < committed[at][0]}
