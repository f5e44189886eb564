"""The mistakes: each puts a plausible, wrong function in the place of one of the product's."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final
from uuid import UUID, uuid4

from paintbox.prove.mutants.patching import get, replace
from synckit import failpoints, kafka, postgres, times
from synckit.consumer import loop
from synckit.contracts.headers import EventHeaders, to_kafka
from synckit.integrations import webhooks
from synckit.integrations.services import service_of
from synckit.mirror import merge as merging
from synckit.mirror import store as mirror
from synckit.outbox import relay
from synckit.outbox import store as outbox
from synckit.outbox.rounds import Round

TICK_SECONDS: Final = 0.3
WIDENED_SECONDS: Final = 1.0
"""How long a race is held open that on a busy machine opens by itself."""
LOCK_SECONDS: Final = 0.05


def auto_commit() -> None:
    """The position is committed by the clock, as Kafka's clients do it by themselves: applied or not."""
    usual = get(loop.Consumer, "handle")

    async def handle(self: loop.Consumer, records: Sequence[Any], client: Any) -> None:
        ticking = asyncio.create_task(_commit_positions(client))
        try:
            await usual(self, records, client)
        finally:
            ticking.cancel()

    replace(loop.Consumer, "handle", handle)


async def _commit_positions(client: Any) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        await client.commit({at: await client.position(at) for at in client.assignment()})


def offsets_before_write() -> None:
    """The offsets are committed, and then the records are applied."""
    usual = get(loop.Consumer, "handle")
    ends = get(loop, "offsets_after")

    async def handle(self: loop.Consumer, records: Sequence[Any], client: Any) -> None:
        await client.commit(ends(records))
        await usual(self, records, client)

    replace(loop.Consumer, "handle", handle)


def dual_write() -> None:
    """What is to be published is sent after the commit, by the handler itself."""
    usual = get(postgres, "transaction")
    get(outbox, "insert")
    pending: ContextVar[list[outbox.Event]] = ContextVar("pending")

    async def insert(_: object, __: object, events: Sequence[outbox.Event]) -> None:
        pending.get().extend(events)

    @asynccontextmanager
    async def transaction(pool: postgres.Pool, step: str) -> AsyncIterator[postgres.Connection]:
        pending.set([])
        async with usual(pool, step) as connection:
            yield connection
        await _send(pending.get())

    replace(outbox, "insert", insert)
    replace(postgres, "transaction", transaction)


async def _send(events: Sequence[outbox.Event]) -> None:
    if not events:
        return
    producer = kafka.create_producer(os.environ["PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"], process="dual-write")
    await producer.start()
    try:
        for event in events:
            await producer.send_and_wait(event.topic, event.value, event.key.encode(), headers=to_kafka(event.headers))
    finally:
        await producer.stop()


def unfenced_relay() -> None:
    """Each relay has a transactional id of its own, so a new one fences nobody; and it trusts that it leads."""
    usual = get(kafka, "create_transactional_producer")
    usual_send = get(relay.Relay, "_send")

    def create(servers: str, *, process: str, transactional_id: str) -> Any:
        return usual(servers, process=process, transactional_id=f"{transactional_id}-{uuid4()}")

    async def send(self: relay.Relay, producer: Any, now: Round) -> None:
        failpoints.hit("mutant.send:before")
        await usual_send(self, producer, now)

    async def while_not_asking(_: object, work: Coroutine[Any, Any, None], __: object = None) -> Round:
        await work
        return Round()

    replace(failpoints, "NAMES", failpoints.NAMES | {"mutant.send:before"})
    replace(kafka, "create_transactional_producer", create)
    replace(relay.Relay, "_send", send)
    replace(relay, "_while_asking", while_not_asking)


def check_then_insert() -> None:
    """Whether an event is known is asked first, and then it is noted: two who ask at once both find it new."""
    get(webhooks, "first_receipts")

    async def first_receipts(connection: postgres.Connection, events: Iterable[EventHeaders]) -> Mapping[UUID, int]:
        came = {event.id: event for event in events}
        rows = await connection.fetch(
            "SELECT event_id, received_at FROM integrations.webhook_event_keys WHERE event_id = ANY($1::uuid[])",
            list(came),
        )
        known = {row["event_id"]: times.milliseconds(row["received_at"]) for row in rows}
        await asyncio.sleep(WIDENED_SECONDS)
        for event_id, event in came.items():
            await connection.execute(
                "INSERT INTO integrations.webhook_event_keys VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                event_id,
                service_of(event),
                times.moment(event.received_at),
            )
        return {event_id: known.get(event_id, event.received_at) for event_id, event in came.items()}

    replace(webhooks, "first_receipts", first_receipts)


def remembered_position() -> None:
    """The relay reads what has a greater number than the last that it saw: a later commit of a smaller one is lost."""
    get(outbox, "list_next")
    last: dict[str, int] = {}

    async def list_next(
        connection: postgres.Connection, box: outbox.Outbox, at_most: int, _: Sequence[int] = ()
    ) -> list[postgres.Row]:
        rows = await connection.fetch(
            f"SELECT seq, topic, key, headers, value FROM {box.events} WHERE seq > $2 ORDER BY seq LIMIT $1",  # noqa: S608 - a constant's name
            at_most,
            last.get(box.name, 0),
        )
        if rows:
            last[box.name] = rows[-1]["seq"]
        return rows

    replace(outbox, "list_next", list_next)


def no_version_guard() -> None:
    """Whatever comes last wins."""
    get(merging, "_wins")
    replace(merging, "_wins", lambda *_: True)


def unsorted_locks() -> None:
    """Rows are locked one after another, in whatever order they come."""
    usual = get(mirror, "lock")

    async def lock(connection: postgres.Connection, box: mirror.Mirror, keys: Sequence[mirror.Key]) -> dict[Any, Any]:
        for key in random.sample(list(keys), len(keys)):
            await usual(connection, box, [key])
            await asyncio.sleep(LOCK_SECONDS)
        found: dict[Any, Any] = await mirror.read(connection, box, keys)
        return found

    replace(mirror, "lock", lock)


MISTAKES: Final[Mapping[str, Callable[[], None]]] = {
    "auto-commit": auto_commit,
    "offsets-before-write": offsets_before_write,
    "dual-write": dual_write,
    "unfenced-relay": unfenced_relay,
    "check-then-insert": check_then_insert,
    "remembered-position": remembered_position,
    "no-version-guard": no_version_guard,
    "unsorted-locks": unsorted_locks,
}
