"""The product's own outbox relay, and nothing else: a turn fills the outbox and waits until it is empty again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from customer_sync.store import OUTBOX
from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.subjects.waiting_rows import filled
from paintbox.bench.usage import Stopwatch
from synckit.observability import metrics
from synckit.outbox.relay import Relay

LOOK_SECONDS: Final = 0.01
START_SECONDS: Final = 30.0


def _published() -> float:
    """What the relay itself counts: rows that Kafka has, and that are deleted."""
    return next(
        (
            sample.value
            for family in metrics.OUTBOX_PUBLISHED.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        ),
        0.0,
    )


def _leads() -> bool:
    return any(sample.value == 1 for family in metrics.RELAY_LEADER.collect() for sample in family.samples)


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """Nothing yet: a relay that led between turns would take the rows of others."""

    async def act(turn: stage.Order) -> Run:
        async with _leading(order) as relay:
            return await _one_outbox(order["owner_dsn"], relay, turn["rows"])

    yield act


@asynccontextmanager
async def _leading(order: stage.Order) -> AsyncIterator[Relay]:
    """A relay that leads, until the end of the block."""
    relay = Relay(OUTBOX, dsn=order["dsn"], servers=order["servers"], process="paintbox-bench-relay")
    running = asyncio.create_task(relay.run())
    async with asyncio.timeout(START_SECONDS):
        while not _leads():  # noqa: ASYNC110 - a gauge tells nobody
            await asyncio.sleep(LOOK_SECONDS)
    try:
        yield relay
    finally:
        relay.stop()
        async with asyncio.timeout(START_SECONDS):
            await running


async def _one_outbox(owner_dsn: str, relay: Relay, rows: int) -> Run:
    before = _published()
    await filled(owner_dsn, rows)
    watch = Stopwatch()
    relay.wake()
    while _published() - before < rows:  # noqa: ASYNC110 - a counter tells nobody
        await asyncio.sleep(LOOK_SECONDS)
    return watch.run(rows)


if __name__ == "__main__":
    stage.play(prepare, as_a_service=True)
