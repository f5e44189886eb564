"""The same SQL alone: the very statements that customer-sync sends, in their order, their parameters prepared.

The same transactions and batches, as many side by side, each over a connection a database; no Kafka, no decoding, no
merge.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.subjects.batches import AT_ONCE
from paintbox.bench.subjects.statements import Statement, kept
from paintbox.bench.usage import Stopwatch
from synckit import postgres

if TYPE_CHECKING:
    Lane = dict[str, asyncpg.Connection[asyncpg.Record]]


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The connections. The order tells which recorded database is replayed in which."""
    lanes: list[Lane] = [
        {name: await postgres.connect(dsn, process="paintbox-bench") for name, dsn in order["databases"].items()}
        for _ in range(AT_ONCE)
    ]
    connections = [connection for lane in lanes for connection in lane.values()]

    async def act(turn: stage.Order) -> Run:
        waiting = deque(itertools.chain.from_iterable(kept(Path(turn["file"]))))
        watch = Stopwatch()
        await asyncio.gather(*(_send_all(lane, waiting) for lane in lanes))
        run = watch.run(turn["events"])
        for connection in connections:
            await connection.execute("SELECT pg_stat_force_next_flush()")  # its rows are counted from now on
        return run

    try:
        yield act
    finally:
        for connection in connections:
            await connection.close()


async def _send_all(lane: "Lane", waiting: deque[list[Statement]]) -> None:
    """A batch after the other, as long as there are any: no lane waits for another."""
    while waiting:
        await _send(lane, waiting.popleft())


async def _send(lane: "Lane", statements: list[Statement]) -> None:
    """Once more where another batch has just inserted the same row, as a consumer would.

    They were written down one after the other, and one that projects another's new contact finds no row to wait for.
    """
    while True:
        try:
            await _send_once(lane, statements)
        except asyncpg.UniqueViolationError:
            for connection in lane.values():
                await connection.execute("ROLLBACK")
        else:
            return


async def _send_once(lane: "Lane", statements: list[Statement]) -> None:
    for database, text, parameters in statements:
        if parameters:
            await lane[database].fetch(text, *parameters)
        else:
            await lane[database].execute(text)


if __name__ == "__main__":
    stage.play(prepare, as_a_service=True)
