"""The relay that one would write: select a thousand rows, send each, wait for all, delete them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer

from customer_sync.store import OUTBOX
from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.subjects.waiting_rows import filled
from paintbox.bench.usage import Stopwatch

ROWS: Final = 1_000
AS_IT_COMES: Final = 16_384
"""Bytes of a batch at most: aiokafka's own."""
SELECT: Final = f"SELECT seq, topic, key, headers, value FROM {OUTBOX.events} ORDER BY seq LIMIT {ROWS}"  # noqa: S608
DELETE: Final = f"DELETE FROM {OUTBOX.events} WHERE seq = ANY($1::bigint[])"  # noqa: S608


def create_producer(order: stage.Order) -> AIOKafkaProducer:
    """As it comes, but for acknowledgement by all, idempotence, and larger batches where the order says so."""
    size = order.get("batch_bytes", AS_IT_COMES)
    return AIOKafkaProducer(
        bootstrap_servers=order["servers"], acks="all", enable_idempotence=True, max_batch_size=size
    )


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """A connection and an idempotent producer."""
    connection = await asyncpg.connect(order["dsn"])
    producer = create_producer(order)
    await producer.start()

    async def act(turn: stage.Order) -> Run:
        await filled(order["owner_dsn"], turn["rows"])
        watch = Stopwatch()
        while rows := await connection.fetch(SELECT):
            sent = [
                await producer.send(
                    row["topic"],
                    row["value"],
                    row["key"].encode(),
                    headers=[(name, value.encode()) for name, value in orjson.loads(row["headers"]).items()],
                )
                for row in rows
            ]
            await asyncio.gather(*sent)
            await connection.execute(DELETE, [row["seq"] for row in rows])
        return watch.run(turn["rows"])

    try:
        yield act
    finally:
        await producer.stop()
        await connection.close()


if __name__ == "__main__":
    stage.play(prepare, as_a_service=False)
