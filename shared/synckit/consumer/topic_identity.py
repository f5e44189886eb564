"""Notices that a topic was made anew under a consumer: what it and its group know of offsets is of the one before.

Kafka forgets the offsets of a topic that is deleted, but takes old ones for the new topic afterwards, from whoever has
a batch in hand, and its client reads on from where it was. So offsets are committed together with the id of the topic
that they are of, and whoever is given them later knows whether it is this one. Those that have none (of an earlier
release, of Kafka's tools) are believed.
"""

import logging
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from aiokafka import TopicPartition

from synckit import topic_ids
from synckit.errors import TransientError

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
NEVER: Final = float("-inf")


class AnewError(TransientError):
    """The topic was deleted and made anew: it is to be read from its beginning, by another client."""


class Identity:
    """Of the topic that one consumer reads."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._id = ""
        self._is_fresh = True
        """Nothing was handed out yet since the partitions were assigned."""
        self._asked_at = NEVER

    def forget(self) -> None:
        """Partitions were assigned: offsets are those that are committed, whatever topic it was before."""
        self._is_fresh = True

    async def look(self, client: Any) -> None:
        """Every 5 s at most, and before the first batch. AnewError where it is another topic since.

        What the client raises is raised. A topic that is away just now, and a broker that knows of no ids, change
        nothing.
        """
        now = monotonic()
        if not self._is_fresh and now - self._asked_at < LOOK_SECONDS:
            return
        found = await topic_ids.find(client, self._topic)
        was_fresh, self._is_fresh, self._asked_at = self._is_fresh, False, now
        if not found or found == self._id:
            return
        if self._id and not was_fresh:
            log.error("A topic was made anew, and is read from its beginning", extra={"topic": self._topic})
            raise AnewError("its topic was made anew")
        self._id = found

    def mark(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
        """The offsets as they are committed."""
        return {at: (offset, self._id) if self._id else offset for at, offset in offsets.items()}

    def is_of_another(self, mark: str) -> bool:
        """Whether offsets that were committed so are of another topic."""
        return bool(mark and self._id and mark != self._id)
