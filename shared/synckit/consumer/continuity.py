"""Notices that a log is not the one that was read: its topic was made anew, or it lost its end.

Kafka forgets the offsets of a topic that is deleted, but takes old ones for the new topic afterwards, from whoever has
a batch in hand, and its client reads on from where it was. Likewise where a leader lost records that were read (its
host died before they were on its disk, an election was unclean) and others have come in their place. So offsets are
committed together with the topic's id and the epoch of its leader, and whoever is given them later knows how far they
are of this log. Those that have neither (of an earlier release, of Kafka's tools) are believed.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from aiokafka import TopicPartition

from synckit import leaders, metadata
from synckit.consumer.fetching import NEVER
from synckit.errors import TransientError

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.9
"""Below a second, which is how often it is asked for."""
UNKNOWN: Final = -1
SURE: Final = 2
"""Looks in a row."""


class UnsureError(TransientError):
    """Nobody could say which log a batch is of: it is read again."""


class OtherLogError(UnsureError):
    """What the client is at, or its group has committed, is of another log: another client is to read this one."""


class GoneLogError(OtherLogError):
    """The log that is read is gone while the client is at it: what it has in hand may be all that is left of it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Which log offsets are of."""

    id: str = ""
    epochs: Mapping[int, int] = field(default_factory=dict)

    def followed_by(self, found: metadata.Described, unanswered: Collection[int] = ()) -> "Mark":
        """What is known next, but for partitions of which no leader has said how far they are of this log.

        An epoch never goes down: a broker may not have heard of the newest one yet.
        """
        known = self.epochs if found.id == self.id else {}
        newest = {number: max(epoch, known.get(number, UNKNOWN)) for number, epoch in found.epochs.items()}
        return Mark(found.id, {**known, **newest, **{number: known[number] for number in unanswered}})

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
        self._described = metadata.Described()
        """As it last was: its leaders are asked by their epochs, and refuse an older one."""
        self._done: Mapping[TopicPartition, int] = {}
        """What was committed when that was asked for."""
        self.is_fresh = True
        """Nothing was handed out yet since the partitions were assigned."""
        self._asked_at = NEVER
        self._seen = ("", 0)
        """The topic's id, as the last looks saw it, and how many of them did."""

    def forget(self) -> None:
        """Partitions were assigned: offsets are those that are committed, whatever log it was before."""
        self.is_fresh, self._seen = True, ("", 0)

    async def look(self, client: Any, done: Mapping[TopicPartition, int]) -> None:
        """Once a second at most, and before the first batch: goes back to where the log that was read has ended.

        GoneLogError where nothing of it is there, UnsureError where the broker that is asked has not heard of the topic
        that is read. What the client raises is raised, and nothing is changed then. Nor does a topic change anything
        that is away later, or a broker that knows of no ids.
        """
        now = monotonic()
        if not self.is_fresh and now - self._asked_at < LOOK_SECONDS:
            return
        found = await metadata.describe(client, self._topic)
        if self.is_fresh and not found.exists:
            raise UnsureError("the broker does not know the topic")
        if self.is_fresh and found.id and self.mark.id not in {"", found.id}:
            await self._confirm(client, found)
        unanswered: Collection[int] = ()
        if found.id and self.mark.id and not self.is_fresh:
            if self._is_another(found.id):
                self._asked_at = now
                return
            unanswered = await self._compare(client, found)
        self.is_fresh, self._asked_at = False, now
        if found.id:
            self.mark, self._described = self.mark.followed_by(found, unanswered), found
            self._done = {at: self._done.get(at, 0) if at.partition in unanswered else done[at] for at in done}

    async def _confirm(self, client: Any, found: metadata.Described) -> None:
        """Begins afresh, with UnsureError, where the next broker, of several, does not say that it is this topic."""
        if (await metadata.describe(client, self._topic, but=found.node)).id != found.id:
            self.is_fresh = True
            raise UnsureError("brokers do not agree on which topic it is")

    def _is_another(self, topic_id: str) -> bool:
        """GoneLogError once it was seen twice in a row: a broker may not have heard of the newest topic yet."""
        self._seen = (topic_id, self._seen[1] + 1 if topic_id == self._seen[0] else 1)
        if topic_id == self.mark.id:
            return False
        if self._seen[1] == SURE:
            log.error("A topic was made anew, and is read from its beginning", extra={"topic": self._topic})
        if self._seen[1] >= SURE:
            raise GoneLogError("its topic was made anew")
        return True

    async def _compare(self, client: Any, found: metadata.Described) -> Collection[int]:
        """Those of which no leader has answered.

        What the client has fetched and not handed out yet is fetched anew. What was handed out between two looks may be
        of the new epoch already, and is read once more then.
        """
        before = {at: self.mark.epochs.get(at.partition, UNKNOWN) for at in client.assignment()}
        changed = {at: epoch for at, epoch in before.items() if UNKNOWN < epoch < found.epochs.get(at.partition, epoch)}
        ends = await leaders.epoch_ends(client, changed, found.epochs) if changed else {}
        for at, end in ends.items():
            position = await client.position(at)
            client.seek(at, min(end, position))
            if end < position:
                self._tell(at, end)
        return {at.partition for at in changed.keys() - ends.keys()}

    def _tell(self, at: TopicPartition, end: int) -> None:
        said = {"topic": self._topic, "partition": at.partition, "offset": end}
        if end < self._done.get(at, 0):
            log.warning(
                "A partition has another leader, which may have lost what was read: it is read anew", extra=said
            )
        else:
            log.info("A partition has another leader, and is read on from where its epoch begins", extra=said)

    async def find_other(
        self, client: Any, committed: Mapping[TopicPartition, tuple[int, str]]
    ) -> tuple[dict[TopicPartition, int], Collection[TopicPartition]]:
        """Of committed offsets those that are of another log, and where that parts from this one: 0 at its beginning.

        And those of which nobody could say it. `committed`: with the text that was committed with each. UnsureError
        where brokers do not agree on which topic it is.
        """
        found, older, epochs = dict[TopicPartition, int](), dict[TopicPartition, int](), self._described.epochs
        for at, (_, text) in committed.items() if self.mark.id else ():
            topic_id, _, epoch = text.partition("/")
            if not topic_id or not epoch.removeprefix("-").isdecimal():
                continue
            if topic_id != self.mark.id:
                found[at] = 0
            elif UNKNOWN < int(epoch) < epochs.get(at.partition, UNKNOWN):
                older[at] = int(epoch)
        if found:
            await self._confirm(client, self._described)
        for at in found:
            said = {"topic": self._topic, "partition": at.partition}
            log.error("Offsets are of a topic that was made anew since, which is read from its beginning", extra=said)
        ends = await leaders.epoch_ends(client, older, epochs) if older else {}
        found |= {at: end for at, end in ends.items() if end < committed[at][0]}
        return found, older.keys() - ends.keys()
