"""What the product's producer could do at best, a record a request: so many tasks, each waiting for its own records."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import orjson

from paintbox.bench.figures import percentile
from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.usage import Stopwatch
from synckit import kafka
from synckit.contracts.headers import KafkaHeaders, to_kafka


def _records(path: Path) -> list[tuple[str, bytes, bytes, KafkaHeaders]]:
    records = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return [(one["topic"], one["value"].encode(), one["key"].encode(), to_kafka(one["headers"])) for one in records]


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The producer of the doors, and the records that they would make of the requests (a line of JSON each)."""
    told = _records(Path(order["records"]))
    producer = kafka.create_producer(order["servers"], process="paintbox-bench")
    await producer.start()

    async def act(turn: stage.Order) -> Run:
        latencies: list[float] = []
        turns, ends_at = itertools.cycle(told), time.perf_counter() + turn["seconds"]

        async def send() -> None:
            while (began := time.perf_counter()) < ends_at:
                topic, value, key, headers = next(turns)
                await producer.send_and_wait(topic, value, key, headers=headers)
                latencies.append(time.perf_counter() - began)

        watch = Stopwatch()
        await asyncio.gather(*(send() for _ in range(turn["tasks"])))
        run = watch.run(len(latencies))
        ordered = [1000 * one for one in sorted(latencies)]
        return replace(run, more={"p50 ms": percentile(ordered, 0.5), "p99 ms": percentile(ordered, 0.99)})

    try:
        yield act
    finally:
        await producer.stop()


if __name__ == "__main__":
    stage.play(prepare)
