"""A plain sink behind the product's own consumer: one table, one versioned upsert a batch, then the offsets.

As many consumers, and batches side by side, as customer-sync has.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

import orjson

from customer_sync.app import LANES, MEMBERS, SESSIONS
from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.usage import Stopwatch
from synckit import postgres
from synckit.consumer import Alarms, Batch, Consumer, ConsumerGroup, Intake
from synckit.contracts.topics import WEBHOOKS_SALESFORCE
from synckit.postgres import Pool, as_json

GROUP: Final = "bench-upsert"
TABLE: Final = "bench.sink"
UPSERT: Final = f"""
    INSERT INTO {TABLE} AS stored (id, version, data)
    SELECT id, version, data FROM json_to_recordset($1::json) AS incoming (id text, version bigint, data jsonb)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data
     WHERE excluded.version > stored.version
    """  # noqa: S608 - a constant


class Sink:
    """What was stored in this turn, and since when."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.stored = 0
        self.after_first = 0
        self.watch = Stopwatch()
        self.reached = asyncio.Event()
        self.wanted = 0

    async def apply(self, batch: Batch) -> None:
        """The newest of each key, in one statement."""
        newest: dict[str, dict[str, Any]] = {}
        for record in batch.records:
            row = _row(record)
            known = newest.get(row["id"])
            if known is None or row["version"] > known["version"]:
                newest[row["id"]] = row
        async with self._pool.acquire() as connection:
            await connection.execute(UPSERT, as_json(newest.values()))
        self._count(len(batch.records))

    def _count(self, records: int) -> None:
        if not self.stored:
            self.watch, self.after_first = Stopwatch(), records
        self.stored += records
        if self.stored >= self.wanted:
            self.reached.set()


def _row(record: Any) -> dict[str, Any]:
    version = next((int(value) for name, value in record.headers if name == "ce_factversion"), 0)
    return {"id": record.key.decode(), "version": version, "data": orjson.loads(record.value)}


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """A pool; a group of consumers is made for each turn, so that it reads nothing between them."""
    async with (
        postgres.create_pool(order["customers"], process="paintbox-bench", size=SESSIONS) as pool,
        postgres.create_pool(order["integrations"], process="paintbox-bench") as integrations,
    ):

        async def act(turn: stage.Order) -> Run:
            sink, alarms = Sink(pool), Alarms(integrations, GROUP)
            sink.wanted = turn["events"]
            apply = partial(Sink.apply, sink)
            consumers = [
                Consumer(WEBHOOKS_SALESFORCE, apply, alarms, Intake(lanes=LANES), at) for at in range(1, MEMBERS + 1)
            ]
            group = ConsumerGroup(GROUP, order["servers"], consumers, alarms)
            running = asyncio.create_task(group.run())
            await sink.reached.wait()
            run = sink.watch.run(sink.stored - sink.after_first)
            await group.stop()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            return run

        yield act


if __name__ == "__main__":
    stage.play(prepare, as_a_service=True)
