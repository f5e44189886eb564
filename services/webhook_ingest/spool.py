"""`integrations.webhook_spool`: what the doors accept while Kafka is away, and the sender that empties it afterwards.

Any number of senders may run. Order between the spool and a topic is not promised, and a record may be sent twice: ids
and versions make both harmless. A record that no slice of 4 s gets over the link (the largest, of 1.4 MiB, needs 360
KiB/s) is passed over like one that Kafka refuses, and tried again after the others. So is what lies in a partition that
takes nothing while others do.
"""

import asyncio
import contextlib
import logging
import random
from base64 import b64encode
from collections.abc import Sequence
from time import monotonic
from typing import Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from synckit import failpoints, kafka, postgres, queues
from synckit.contracts.headers import LATE, to_kafka
from synckit.errors import TransientError
from synckit.failures import describe, passes
from synckit.portions import Portion
from synckit.postgres import Connection, Pool, Row, as_json
from webhook_ingest import metrics
from webhook_ingest.lanes import Lanes, size
from webhook_ingest.models import Outgoing

log = logging.getLogger(__name__)

SLICE_ROWS: Final = 500
SLICE_BYTES: Final = 4 * 1024 * 1024
SEND_SECONDS: Final = 4.0
"""How long a slice may wait for its acknowledgements: its rows are locked meanwhile."""
START_SECONDS: Final = 5.0
POLL_SECONDS: Final = 1.0
MEASURE_SECONDS: Final = 5.0
SHORTEST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 10.0


async def insert(connection: Connection, records: Sequence[Outgoing], *, of_now: bool = False) -> None:
    """Keep these until they are sent, once the caller commits. One statement. `of_now`: with the time by our clock."""
    await connection.execute(
        """
        INSERT INTO integrations.webhook_spool (topic, key, headers, value, event_id)
        SELECT topic, key, headers || CASE WHEN $2 THEN jsonb_build_object('ce_spooledat', to_char(
                 clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) ELSE '{}' END,
               decode(value, 'base64'), event_id
          FROM ROWS FROM (
                 json_to_recordset($1::json)
                   AS (topic text, key text, headers jsonb, value text, event_id uuid)
               ) WITH ORDINALITY AS incoming (topic, key, headers, value, event_id, position)
         ORDER BY position
        """,
        as_json(
            {
                "topic": record.topic,
                "key": record.key,
                "headers": record.headers.encoded(),
                "value": b64encode(record.value).decode(),
                "event_id": record.headers.id,
            }
            for record in records
        ),
        of_now,
    )


async def check(connection: Connection) -> None:
    """Raises what any insert would: of a lock, a right, a server that only reads. Not one row is inserted."""
    await connection.execute(
        """
        INSERT INTO integrations.webhook_spool (topic, value, event_id)
        SELECT 'none', ''::bytea, gen_random_uuid() WHERE false
        """
    )


async def rehearse(connection: Connection) -> None:
    """Raises what keeping a record would, of a full disk or of a commit too. The row is rolled back, and never sent."""
    async with connection.transaction():
        row = connection.transaction()
        await row.start()
        await connection.execute(
            """
            INSERT INTO integrations.webhook_spool (topic, value, event_id)
            VALUES ('none', convert_to(repeat('-', 1900), 'UTF8'), gen_random_uuid())
            """
        )
        await row.rollback()
        # Without a word in the WAL a commit waits neither for the disk nor for a synchronous standby.
        await connection.execute("SELECT pg_logical_emit_message(true, 'webhook_spool', '')")


async def claim_next(connection: Connection, at_most: int, after: int) -> list[Row]:
    """The oldest rows after a `seq` that no other sender holds, locked, in order; of values about 4 MiB at most."""
    return await connection.fetch(
        """
        WITH claimed AS (
            SELECT seq, octet_length(value) AS bytes
              FROM integrations.webhook_spool
             WHERE seq > $3
             ORDER BY seq
             LIMIT $1
               FOR UPDATE SKIP LOCKED
        ), counted AS (
            SELECT seq, sum(bytes) OVER (ORDER BY seq) - bytes AS bytes_before FROM claimed
        )
        SELECT spool.seq, spool.topic, spool.key, spool.headers, spool.value
          FROM integrations.webhook_spool AS spool
          JOIN counted USING (seq)
         WHERE counted.bytes_before < $2
         ORDER BY spool.seq
        """,
        at_most,
        SLICE_BYTES,
        after,
    )


async def delete(connection: Connection, seqs: Sequence[int]) -> None:
    """Forget rows that Kafka has."""
    await connection.execute("DELETE FROM integrations.webhook_spool WHERE seq = ANY($1::bigint[])", seqs)


class Sender:
    """Sends what the spool holds, as long as it holds something. A producer lives as long as there is work for it."""

    def __init__(self, pool: Pool, servers: str, process: str) -> None:
        self._pool = pool
        self._servers = servers
        self._process = process
        self._stopping = asyncio.Event()
        self._measured_at = 0.0
        self._failure: str | None = None
        self._portion = Portion(SLICE_ROWS, SLICE_BYTES, SEND_SECONDS)
        self._one_by_one_to = 0
        """The `seq` up to which rows go one by one, as Kafka refused a batch of them."""
        self._lanes = Lanes()
        self._sent_to = 0
        """The `seq` up to which rows were sent lately."""
        self._tried_to = 0
        """The `seq` up to which everything was sent or is passed over, until all rows were gone through."""

    def stop(self) -> None:
        """Finish the slice, then end `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Until `stop`: look once a second, and send what is there. What fails is tried again, at most 10 s later."""
        wait = SHORTEST_WAIT
        while not self._stopping.is_set():
            try:
                if await self._has_rows():
                    await self._send_all()
                wait = SHORTEST_WAIT
                self._failure = None
                await self._pause(POLL_SECONDS)
            except Exception as error:
                if not passes(error):
                    raise
                self._note(error)
                await self._pause(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
                wait = min(wait * 2, LONGEST_WAIT)

    async def _has_rows(self) -> bool:
        await self._measure()
        async with postgres.session(self._pool) as connection:
            return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM integrations.webhook_spool)"))

    async def _measure(self) -> None:
        now = monotonic()
        if now - self._measured_at < MEASURE_SECONDS:
            return
        async with postgres.session(self._pool) as connection:
            rows, age = await queues.depth(connection, "integrations.webhook_spool", "spooled_at")
        metrics.SPOOL_ROWS.set(rows)
        metrics.SPOOL_AGE.set(age)
        self._measured_at, self._sent_to = now, 0

    async def _send_all(self) -> None:
        """Slice by slice, until nothing is left but what was passed over, which is then tried again."""
        producer = kafka.create_producer(self._servers, process=self._process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await producer.start()
            while not self._stopping.is_set() and await self._send_next(producer):
                await self._measure()
        finally:
            await kafka.drop(producer)
        if self._tried_to:
            self._tried_to = 0
            self._lanes.start_again()
            raise TransientError("records of the spool do not get through")

    async def _send_next(self, producer: AIOKafkaProducer) -> bool:
        """One slice: lock, send, delete what was acknowledged, commit. Whether there was one."""
        async with postgres.transaction(self._pool, "spool.send") as connection:
            claimed = await self._claim(connection)
            rows = self._chosen(claimed)
            failpoints.hit("spool.send:before")
            started = monotonic()
            outcomes = await _send(producer, rows)
            took = monotonic() - started
            failpoints.hit("spool.send:after")
            sent = [row["seq"] for row, error in zip(rows, outcomes, strict=True) if error is None]
            await delete(connection, sent)
        metrics.SPOOL_SENT.inc(len(sent))
        self._lanes.learn(kafka.partitions_of(producer, {row["topic"] for row in rows}))
        if error := next(filter(None, outcomes), None):
            self._note_failed(rows, outcomes, error)
            raise error
        self._lanes.judge(rows, outcomes)
        self._sent_to = max(sent, default=self._sent_to)
        self._portion.succeeded(_sizes(rows), took)
        return bool(claimed)

    async def _claim(self, connection: Connection) -> list[Row]:
        """The next rows behind those that were sent; of all rows every 5 s, and where there are none behind those.

        A row may be committed after one of a greater `seq`. Looked for among all rows each time, the next ones lie
        behind all that were deleted, for as long as a snapshot is held that is older.
        """
        at_most = 1 if self._one_by_one_to else self._portion.rows
        many = at_most if self._lanes.are_all_open else SLICE_ROWS
        behind = await claim_next(connection, many, max(self._tried_to, self._sent_to))
        return behind or await claim_next(connection, many, self._tried_to)

    def _chosen(self, claimed: Sequence[Row]) -> list[Row]:
        """What is sent of the claimed rows; where that is nothing all of them are passed over."""
        rows = self._lanes.sendable(claimed)
        if claimed and not rows:
            self._tried_to = claimed[-1]["seq"]
        fitting = 1 if self._one_by_one_to else self._portion.fits(_sizes(rows))
        if not rows or rows[0]["seq"] >= self._one_by_one_to:
            self._one_by_one_to = 0
        return rows[:fitting]

    def _note_failed(self, rows: Sequence[Row], outcomes: Sequence[BaseException | None], error: BaseException) -> None:
        """After a refusal the slice's rows go one by one, as Kafka refuses whole batches; after a time-out, half of it.

        Not half where partitions are why: what lies in these is passed over. So is what fails alone. On another
        producer, since a batch that was refused leaves a gap in its producer's sequence.
        """
        is_refused = kafka.is_about_the_record(error)
        if len(rows) == 1:
            self._tried_to = rows[0]["seq"]
        elif is_refused:
            self._one_by_one_to = rows[-1]["seq"]
        if not is_refused:
            if not self._lanes.judge(rows, outcomes):
                self._portion.failed(_sizes(rows))
        elif len(rows) == 1:
            metrics.SPOOL_REFUSED.inc()
            said = {"seq": rows[0]["seq"], "topic": rows[0]["topic"], **describe(error)}
            log.error("Kafka refuses a record of the spool, which stays there", extra=said)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _note(self, error: BaseException) -> None:
        name = type(error).__name__
        if self._failure != name:
            log.warning("The spool is not sent", extra=describe(error))
        self._failure = name


async def _send(producer: AIOKafkaProducer, rows: Sequence[Row]) -> list[BaseException | None]:
    """What became of each row, None where every in-sync replica has it; TimeoutError where that took more than 4 s."""
    tasks = [asyncio.create_task(_outcome(producer, row)) for row in rows]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=SEND_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    return [TimeoutError() if isinstance(one, asyncio.CancelledError) else one for one in outcomes]


async def _outcome(producer: AIOKafkaProducer, row: Row) -> BaseException | None:
    key = None if row["key"] is None else row["key"].encode()
    headers = [*to_kafka(orjson.loads(row["headers"])), LATE]
    try:
        await producer.send_and_wait(row["topic"], row["value"], key, headers=headers)
    except KafkaError as error:
        failed: BaseException = error
        return failed
    return None


def _sizes(rows: Sequence[Row]) -> list[int]:
    return [size(row) for row in rows]
