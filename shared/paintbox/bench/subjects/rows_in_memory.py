"""What Kafka and its client could do at best: the outbox's rows, all in memory, sent as whole batches."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import orjson

from paintbox.bench import broker
from paintbox.bench.broker import Record
from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.subjects.waiting_rows import TABLE
from paintbox.bench.usage import Stopwatch
from synckit import kafka
from synckit.contracts.headers import to_kafka


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The rows, and the product's idempotent producer."""
    records = await _records(order["owner_dsn"])
    producer = kafka.create_producer(order["servers"], process="paintbox-bench")
    await producer.start()

    async def act(turn: stage.Order) -> Run:
        some = records[: turn["rows"]]
        watch = Stopwatch()
        for start in range(0, len(some), broker.CHUNK):
            chunk = some[start : start + broker.CHUNK]
            await broker.send_batches(producer, order["topic"], order["partitions"], chunk)
        return replace(watch.run(len(some)), peak_rss=None)  # which is that of the rows

    try:
        yield act
    finally:
        await producer.stop()


async def _records(dsn: str) -> list[Record]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(f"SELECT key, headers, value FROM {TABLE} ORDER BY position")  # noqa: S608
    finally:
        await connection.close()
    return [Record(row["key"].encode(), row["value"], to_kafka(orjson.loads(row["headers"]))) for row in rows]


if __name__ == "__main__":
    stage.play(prepare, as_a_service=True)
