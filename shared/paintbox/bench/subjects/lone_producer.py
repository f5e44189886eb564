"""What the product's producer could do at best, a request's records at a time: so many tasks, each waiting for its own.

It sends as the doors do, with their batches: a partition's next one fills while the one before it is under way.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from paintbox.bench import arrivals, bodies
from paintbox.bench.figures import percentile
from paintbox.bench.load import generation
from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.usage import Stopwatch
from synckit import kafka
from webhook_ingest.batches import Batches

WAIT_SECONDS: Final = 10.0
"""Longer than a door waits, which has somewhere else to keep what it is sent."""


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The producer of the doors, and the records that they would make of each request."""
    now = int(time.time() * 1000)
    requests = [arrivals.of_body(bodies.body_of(raw), now) for raw in generation.read(Path(order["requests"]))]
    producer = kafka.create_producer(order["servers"], process="paintbox-bench")
    await producer.start()
    batches = Batches(producer, WAIT_SECONDS)

    async def act(turn: stage.Order) -> Run:
        latencies: list[float] = []
        turns, ends_at = itertools.cycle(requests), time.perf_counter() + turn["seconds"]

        async def send() -> None:
            while (began := time.perf_counter()) < ends_at:
                await batches.keep(next(turns))
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
    stage.play(prepare, as_a_service=True)
