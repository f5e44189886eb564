"""The same SQL alone: the very statements that customer-sync sends, in their order, their parameters prepared.

A connection a database as there, the same transactions and batches; no Kafka, no decoding, no merge.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.subjects.statements import Statement, kept
from paintbox.bench.usage import Stopwatch
from synckit import postgres

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The connections. The order tells which recorded database is replayed in which."""
    connections = {
        recorded: await postgres.connect(dsn, process="paintbox-bench") for recorded, dsn in order["databases"].items()
    }

    async def act(turn: stage.Order) -> Run:
        recorded = list(kept(Path(turn["file"])))
        watch = Stopwatch()
        for statements in recorded:
            await _send(connections, statements)
        return watch.run(turn["events"])

    try:
        yield act
    finally:
        for connection in connections.values():
            await connection.close()


async def _send(connections: "dict[str, Connection]", statements: list[Statement]) -> None:
    for database, text, parameters in statements:
        if parameters:
            await connections[database].fetch(text, *parameters)
        else:
            await connections[database].execute(text)


if __name__ == "__main__":
    stage.play(prepare)
