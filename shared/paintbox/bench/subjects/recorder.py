"""Writes down every statement that customer-sync's handler sends for the records of a topic, with its parameters."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from asyncpg.prepared_stmt import PreparedStatement

from customer_sync.handlers.webhooks import on_salesforce_webhooks
from customer_sync.resources import Resources
from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.subjects.batches import batches
from paintbox.bench.subjects.customer_parts import resources_on
from paintbox.bench.subjects.statements import Statement, begin, keep
from paintbox.bench.usage import Stopwatch
from paintbox.errors import OperatorError
from synckit.consumer import Batch


class Notebook:
    """What was sent since it was last looked at."""

    def __init__(self) -> None:
        self._sent: list[Statement] = []

    def note(self, query: Any) -> None:
        """asyncpg calls it with each statement that was answered."""
        self._sent.append((query.conn_params.database, query.query, query.args or ()))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """In the block also to statements that are prepared for one use, of which asyncpg tells no listener."""
        usual: Any = PreparedStatement
        fetch = usual.fetch

        async def noted(statement: Any, *parameters: Any, **named: Any) -> Any:
            found = await fetch(statement, *parameters, **named)
            database = statement._connection._params.database  # noqa: SLF001 - asyncpg 0.32 has no other way
            self._sent.append((database, statement.get_query(), parameters))
            return found

        usual.fetch = noted
        try:
            yield
        finally:
            usual.fetch = fetch

    def torn_off(self) -> list[Statement]:
        """All of it, and a new page."""
        sent, self._sent = self._sent, []
        return sent


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The handler, every connection of which is listened to."""
    notebook = Notebook()
    places = order["customers"], order["integrations"], order["servers"]
    async with resources_on(*places) as resources:
        await _listen(resources, notebook)

        async def act(turn: stage.Order) -> Run:
            watch, many = Stopwatch(), 0
            begin(Path(turn["file"]))
            stretch = batches(order["servers"], order["topic"], turn["begins"], turn["ends"], turn["at_most"])
            with notebook.listening():
                async for side_by_side in stretch:
                    sent = [await _sent(records, resources, notebook) for records in side_by_side]
                    many += sum(map(len, side_by_side))
                    keep(Path(turn["file"]), sent)
            return watch.run(many)

        yield act


async def _sent(records: Sequence[Any], resources: Resources, notebook: Notebook) -> list[Statement]:
    """What a batch leads to. Raises OperatorError where it leaves a part to others."""
    notebook.torn_off()
    await on_salesforce_webhooks(Batch(records), resources)
    if resources.projector.fan_outs:
        raise OperatorError("A batch left work to others, whose statements nobody writes down.")
    return notebook.torn_off()


async def _listen(resources: Resources, notebook: Notebook) -> None:
    """On every connection that the pools can have: they are opened here, and stay."""
    async with AsyncExitStack() as stack:
        for pool in (resources.customers, resources.integrations):
            for _ in range(pool.get_max_size()):
                connection = await stack.enter_async_context(pool.acquire())
                connection.add_query_logger(notebook.note)


if __name__ == "__main__":
    stage.play(prepare, as_a_service=False)
