"""More parked within a minute than bad data explains is a bad release: what is counted, and the alarm that stays."""

import logging
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import uuid4

from synckit import failpoints, postgres
from synckit.consumer.fetching import NEVER
from synckit.failures import describe
from synckit.postgres import Pool

log = logging.getLogger(__name__)

WINDOW_SECONDS: Final = 60.0
MOST_PARKED: Final = 100
LARGEST_SHARE: Final = 0.05
TELL_SECONDS: Final = 5.0

_FORGET: Final = """
    DELETE FROM integrations.consumer_counts
     WHERE (consumer, topic, copy) IN (
               SELECT consumer, topic, copy
                 FROM integrations.consumer_counts
                WHERE counted_at < now() - interval '1 hour'
                  FOR UPDATE SKIP LOCKED
           )
    """
_TELL: Final = """
    INSERT INTO integrations.consumer_counts AS stored (consumer, topic, copy, records)
    SELECT $1, topic, $2, records
      FROM unnest($3::text[], $4::bigint[]) AS incoming (topic, records)
     ORDER BY topic
    ON CONFLICT (consumer, topic, copy) DO UPDATE
       SET records = excluded.records, counted_at = excluded.counted_at
    """
_COUNT: Final = """
    WITH since AS MATERIALIZED (
        SELECT greatest(
                   now() - make_interval(secs => $3),
                   (SELECT cleared_at FROM integrations.consumer_alarms WHERE consumer = $1 AND topic = $2)) AS at
    )
    SELECT (SELECT count(*)
              FROM integrations.parked_records
             WHERE consumer = $1 AND topic = $2 AND redriven_at IS NULL AND dropped_at IS NULL
               AND parked_at > (SELECT at FROM since)) AS parked,
           (SELECT coalesce(sum(records), 0)::bigint
              FROM integrations.consumer_counts
             WHERE consumer = $1 AND topic = $2 AND copy <> $4 AND counted_at > (SELECT at FROM since)) AS records
    """


@dataclass(frozen=True, slots=True)
class Count:
    """Records of a topic within a minute, and how many of them were parked."""

    records: int
    parked: int

    @property
    def is_alarming(self) -> bool:
        """Whether that is not bad data but a bad release."""
        return self.parked > MOST_PARKED and self.is_large_share

    @property
    def is_large_share(self) -> bool:
        """Whether too much of it was parked, however little it is."""
        return self.parked > self.records * LARGEST_SHARE


class Window:
    """What was applied and parked within the last minute, in one process."""

    def __init__(self) -> None:
        self._batches: deque[tuple[float, Count]] = deque()

    def add(self, now: float, count: Count) -> Count:
        """The sum of the last minute, with this batch; `now` in seconds of any clock that only rises."""
        self._batches.append((now, count))
        return self.total(now)

    def total(self, now: float) -> Count:
        """The sum of the last minute."""
        while self._batches and self._batches[0][0] < now - WINDOW_SECONDS:
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
        self._copy = uuid4()
        self._windows: defaultdict[str, Window] = defaultdict(Window)
        self._told_at = NEVER
        self._is_mute = False
        self._told: set[str] = set()
        """Topics of which others take something into account."""

    def window(self, topic: str) -> Window:
        """What this process has applied of a topic, by however many consumers."""
        return self._windows[topic]

    async def tell(self) -> None:
        """Every 5 s at most: let the other copies know how much of each topic this one has applied within a minute.

        Of a topic of which that is nothing still nothing is written, but for the first time.
        """
        now = monotonic()
        if now - self._told_at < TELL_SECONDS:
            return
        is_first, self._told_at = self._told_at == NEVER, now
        applied = {topic: window.total(now).records for topic, window in self._windows.items()}
        due = applied if is_first else self._told
        counts = {topic: records for topic, records in sorted(applied.items()) if records or topic in due}
        if counts:
            await self._write(counts)
        self._told = {topic for topic, records in counts.items() if records}

    async def _write(self, counts: Mapping[str, int]) -> None:
        """Our own rows first: those of dead copies are passed over where another copy removes them just now.

        Whatever fails, the consumers go on: their alarms then know less of what others have applied.
        """
        try:
            async with postgres.transaction(self._pool, "consumer.counts") as connection:
                await connection.execute(_TELL, self._consumer, self._copy, list(counts), list(counts.values()))
                await connection.execute(_FORGET)
        except Exception as error:  # noqa: BLE001 - see above
            if not self._is_mute:
                log.warning("What was applied cannot be told to the other copies", extra=describe(error))
            self._is_mute = True
        else:
            self._is_mute = False

    async def count_all(self, topic: str, mine: Count) -> Count:
        """What all copies of the process have applied and parked of a topic within a minute, and since its last alarm
        was cleared. Each parked record counts once, however often it was read. What others applied is up to 5 s old."""
        async with postgres.session(self._pool) as connection:
            [row] = await connection.fetch(_COUNT, self._consumer, topic, WINDOW_SECONDS, self._copy)
        return Count(max(mine.records + row["records"], row["parked"]), row["parked"])

    async def raise_alarm(self, topic: str, count: Count) -> None:
        """Put an alarm in force. One that is in force already stays as it is."""
        async with postgres.session(self._pool) as connection:
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
        """The topics that have an alarm in force. ReadOnlySQLTransactionError where that may be those of long ago."""
        async with postgres.session(self._pool) as connection:
            await postgres.demand_writable(connection)
            rows = await connection.fetch(
                "SELECT topic FROM integrations.consumer_alarms WHERE consumer = $1 AND cleared_at IS NULL",
                self._consumer,
            )
        return frozenset(row["topic"] for row in rows)
