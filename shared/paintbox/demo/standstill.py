"""Whether anything still moves: what is said of a run holds only when nothing does."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from paintbox.demo import counts as progress
from paintbox.demo.counts import Counts, Lack
from paintbox.demo.sessions import Sessions
from paintbox.errors import OperatorError
from paintbox.status.lag import TopicLag, topic_lags

_QUEUES: Final = {
    "customer-sync": {"customers.projection_todo": "notes", "customers.outbox_events": "events"},
    "photo-sync": {"projects.projection_todo": "notes", "projects.outbox_events": "events"},
}
"""Process → where what it has still to do waits, and what that is."""


async def lacks(sessions: Sessions, counts: Counts) -> Sequence[Lack]:
    """What is missing or still moves; nothing where all is there and stands still."""
    return [*progress.undelivered(counts), *progress.unprojected(counts)] or await movements(sessions)


async def movements(sessions: Sessions) -> Sequence[Lack]:
    """What still moves, whoever set it off; nothing where all stands still.

    Kafka is asked before and after the databases: whoever takes something from a queue there after it was looked at
    publishes it, and so moves an end.
    """
    try:
        before = await topic_lags(sessions.kafka.servers)
        if moving := [*_behind(before), *await _queued(sessions)]:
            return moving
        after = await topic_lags(sessions.kafka.servers)
    except OperatorError as error:
        return [Lack("kafka", str(error))]
    return [] if before == after else [Lack("kafka", "records are still being published")]


def _behind(topics: Iterable[TopicLag]) -> Iterator[Lack]:
    for topic in topics:
        for group, many in topic.lag.items():
            if many:
                yield Lack(group, f"{group} is {many:,} records behind on {topic.topic}")


async def _queued(sessions: Sessions) -> list[Lack]:
    waiting = []
    for part, connection in (("customer-sync", sessions.customers), ("photo-sync", sessions.projects)):
        for queue, name in _QUEUES[part].items():
            many: int = await connection.fetchval(f"SELECT count(*) FROM {queue}")  # noqa: S608 - one of four names
            if many:
                waiting.append(Lack(part, f"{many:,} {name} wait in {queue}"))
    return waiting
