"""More parked within a minute than bad data explains is a bad release: what is counted, and the alarm that stays."""

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final

from synckit import failpoints
from synckit.postgres import Pool

WINDOW_SECONDS: Final = 60.0
MOST_PARKED: Final = 100
LARGEST_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Count:
    """Records of a topic within a minute, and how many of them were parked: by all consumers of a process."""

    records: int
    parked: int

    def is_alarming(self, parked_by_all: int | None) -> bool:
        """Whether that is not bad data but a bad release, which every copy of the process meets in the same share.

        `parked_by_all` counts each record once; None where that is not known. Our own count has those that were read
        again, as after a rebalance, once more each time: good for the share alone.
        """
        parked = self.parked if parked_by_all is None else parked_by_all
        return parked > MOST_PARKED and self.parked > self.records * LARGEST_SHARE


class Window:
    """What was applied and parked within the last minute, in one process."""

    def __init__(self) -> None:
        self._batches: deque[tuple[float, Count]] = deque()

    def add(self, now: float, count: Count) -> Count:
        """The sum of the last minute, with this batch; `now` in seconds of any clock that only rises."""
        self._batches.append((now, count))
        while self._batches[0][0] < now - WINDOW_SECONDS:
            self._batches.popleft()
        counts = [one for _, one in self._batches]
        return Count(sum(one.records for one in counts), sum(one.parked for one in counts))

    def clear(self) -> None:
        """Count afresh."""
        self._batches.clear()


class Alarms:
    """The alarms of one process's topics: in the database, so that every copy of the process heeds them."""

    def __init__(self, pool: Pool, consumer: str) -> None:
        self._pool = pool
        self._consumer = consumer
        self._windows: defaultdict[str, Window] = defaultdict(Window)

    def window(self, topic: str) -> Window:
        """What this process has applied of a topic, by however many consumers."""
        return self._windows[topic]

    async def count_parked(self, topic: str) -> int:
        """How many of a topic's records all copies of the process have parked within a minute, and since its last alarm
        was cleared."""
        async with self._pool.acquire() as connection:
            parked: int = await connection.fetchval(
                """
                SELECT count(*)
                  FROM integrations.parked_records
                 WHERE consumer = $1 AND topic = $2 AND redriven_at IS NULL AND dropped_at IS NULL
                   AND parked_at > greatest(
                       now() - make_interval(secs => $3),
                       (SELECT cleared_at FROM integrations.consumer_alarms WHERE consumer = $1 AND topic = $2))
                """,
                self._consumer,
                topic,
                WINDOW_SECONDS,
            )
        return parked

    async def raise_alarm(self, topic: str, count: Count) -> None:
        """Put an alarm in force. One that is in force already stays as it is."""
        async with self._pool.acquire() as connection:
            failpoints.hit("consumer.alarm:before_commit")
            await connection.execute(
                """
                INSERT INTO integrations.consumer_alarms AS stored (consumer, topic, records, parked)
                VALUES ($1, $2, $3, $4)
                ON CONFLICT (consumer, topic) DO UPDATE
                   SET raised_at  = excluded.raised_at,
                       records    = excluded.records,
                       parked     = excluded.parked,
                       cleared_at = NULL
                 WHERE stored.cleared_at IS NOT NULL
                """,
                self._consumer,
                topic,
                count.records,
                count.parked,
            )
            failpoints.hit("consumer.alarm:after_commit")

    async def list_topics(self) -> frozenset[str]:
        """The topics that have an alarm in force."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT topic FROM integrations.consumer_alarms WHERE consumer = $1 AND cleared_at IS NULL",
                self._consumer,
            )
        return frozenset(row["topic"] for row in rows)
