"""D: an outbox full of rows -> Kafka, in order, acknowledged, deleted."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast
from uuid import UUID

import orjson

from customer_sync.rules import announcements
from paintbox.bench import broker, outcomes
from paintbox.bench.children import Child, child
from paintbox.bench.outcomes import Outcome, Run
from paintbox.bench.rig import Rig
from paintbox.bench.rounds import Say, Turn, interleaved
from paintbox.bench.sizes import FEWER_ROUNDS
from paintbox.bench.subjects.stage import GARBAGE
from paintbox.bench.subjects.waiting_rows import TABLE
from paintbox.databases import Connection, Database, connected
from paintbox.errors import OperatorError
from synckit import identity, kafka
from synckit.mirror.facts import Cause
from synckit.postgres import Row

TOPIC: Final = "bench.outbox.v1"
PARTITIONS: Final = 12
DISTINCT: Final = 10_000
"""Rows that differ; the others are these again, as further changes of the same customers."""
WARM_UP: Final = 100_000
MOST_IN_MEMORY: Final = 500_000
POSITION: Final = "position"
"""A header with a row's place in the outbox: what the order of records is held against."""

RELAY: Final = "the outbox relay"
PLAIN: Final = "a plain relay (select 1,000, send each, gather, delete)"
LARGER: Final = "a plain relay with batches as large as ours (1 MB)"
MEMORY: Final = "the producer alone, from memory"
NOTES: Final = (
    "A row is a customer's change as `customer_sync` publishes it: some 1.1 KB with key and headers.",
    "The relay sends in transactions of 5,000 rows; none of the others uses transactions.",
    "The plain relay's producer is aiokafka's as it comes, with acks=all and idempotence: its batches have 16 KiB at "
    "most. The goal is held against that one. Beside it stands the same with batches as large as the relay's.",
    GARBAGE,
    "The rows are committed at once, the clock starts with that commit, and ends when the last row is deleted.",
)
LARGE_NOTES: Final = (*NOTES, FEWER_ROUNDS)
SUBJECTS: Final[Mapping[str, tuple[str, Mapping[str, object]]]] = {
    RELAY: ("relay", {}),
    PLAIN: ("plain_relay", {}),
    LARGER: ("plain_relay", {"batch_bytes": kafka.BATCH_BYTES}),
    MEMORY: ("rows_in_memory", {}),
}
"""The module of each, and what is ordered of it alone."""


async def measure(rig: Rig, rows: int, rounds: int, say: Say) -> Outcome:
    """Everybody sends the same rows in every round. Raises OperatorError where a row is missing or out of order.

    More rows than memory should hold are not sent from there.
    """
    subjects = [name for name in SUBJECTS if name != MEMORY or rows <= MOST_IN_MEMORY]
    say("making the rows")
    await broker.create_topic(rig.kafka, TOPIC, PARTITIONS)
    async with connected(rig.dsn(Database.CUSTOMERS), process=broker.PROCESS) as connection:
        await make_rows(connection, rows)
    async with _children(rig, subjects) as children:
        turns: dict[str, Turn] = {name: partial(_turn, rig, one, rows) for name, one in children.items()}
        runs = await interleaved(turns, rounds, say)
    figures = outcomes.figures_of(runs)
    ratios = [outcomes.ratio(figures, RELAY, other) for other in subjects if other != RELAY]
    return Outcome(
        title=f"D: an outbox of {rows:,} rows -> Kafka, in order, acknowledged, deleted",
        figures=figures,
        ratios=(*ratios, outcomes.ratio(figures, RELAY, PLAIN, outcomes.CPU)),
        goals=(outcomes.at_least("the relay at least 2 x the plain relay", ratios[0].values, 2.0),),
        notes=NOTES,
    )


@asynccontextmanager
async def _children(rig: Rig, subjects: Sequence[str]) -> AsyncIterator[Mapping[str, Child]]:
    order = {
        "dsn": rig.dsn(Database.CUSTOMERS, "customer_sync"),
        "owner_dsn": rig.dsn(Database.CUSTOMERS),
        "servers": rig.kafka,
        "topic": TOPIC,
        "partitions": PARTITIONS,
    }
    async with AsyncExitStack() as stack:
        children = {}
        for name in subjects:
            module, alone = SUBJECTS[name]
            one = child(module, rig.log(f"bench-{module}"), {**order, **alone})
            children[name] = await stack.enter_async_context(one)
        yield children


async def _turn(rig: Rig, one: Child, rows: int, number: int) -> Run:
    rows = rows if number else min(rows, WARM_UP)
    before = await broker.ends(rig.kafka, [TOPIC])
    run = await one.act(rows=rows)
    await _check(rig, one.name, before, rows, in_order=number == 0)
    await broker.empty(rig.kafka, [TOPIC])
    return run


async def _check(rig: Rig, name: str, before: broker.Ends, rows: int, *, in_order: bool) -> None:
    """Every row is in the topic; in the warm-up they are read back, and stand in their order in each partition."""
    grown = broker.count(await broker.ends(rig.kafka, [TOPIC])) - broker.count(before)
    if grown < rows:
        raise OperatorError(f"{name} was done with {rows:,} rows, and only {grown:,} are in Kafka.")
    if not in_order:
        return
    places: dict[int, list[int]] = {}
    async for record in broker.read(rig.kafka, before):
        places.setdefault(record.partition, []).append(int(dict(record.headers)[POSITION]))
    if sum(map(len, places.values())) != rows or any(place != sorted(place) for place in places.values()):
        raise OperatorError(f"What {name} sent is not what was in the outbox, or in another order.")


async def make_rows(connection: Connection, rows: int) -> None:
    """Makes the table that outboxes are filled from."""
    await connection.execute(
        f"""
        CREATE SCHEMA IF NOT EXISTS bench;
        DROP TABLE IF EXISTS bench.distinct_rows, {TABLE};
        CREATE UNLOGGED TABLE bench.distinct_rows (number int, topic text, key text, headers jsonb, value bytea);
        CREATE UNLOGGED TABLE {TABLE} (position int PRIMARY KEY, topic text, key text, headers jsonb, value bytea)
          WITH (autovacuum_enabled = off) -- which would work on it beside whoever is measured
        """
    )
    distinct = list(distinct_rows(min(DISTINCT, rows)))
    await connection.copy_records_to_table("distinct_rows", schema_name="bench", records=distinct)
    await connection.execute(
        f"""
        INSERT INTO {TABLE}
        SELECT position, topic, key, headers || jsonb_build_object('{POSITION}', position::text), value
          FROM generate_series(1, $1) AS position
          JOIN bench.distinct_rows ON number = position % {len(distinct)}
         ORDER BY position
        """,  # noqa: S608 - constants and a number
        rows,
    )
    await connection.execute(f"ANALYZE {TABLE}")


def distinct_rows(many: int) -> Iterator[tuple[int, str, str, str, bytes | None]]:
    """So many rows that differ: number, topic, key, headers and value."""
    for number in range(many):
        event = announcements.customer_changed(_row(number), _cause(number))
        yield number, TOPIC, event.key, orjson.dumps(event.headers).decode(), event.value


def _row(number: int) -> Row:
    """What `upsert_customers` returns of a customer."""
    made: dict[str, Any] = {
        "id": identity.customer_id(f"0035e0000{number:06}AAA"),
        "salesforce_id": f"0035e0000{number:06}AAA",
        "salesforce_account_id": "0015e000000BnchAAA",
        "first_name": "Ann",
        "last_name": f"Lee {number}",
        "email": f"ann.lee.{number}@example.com",
        "phone": "+15035550100",
        "company": "Lee & Sons Painting",
        "service_street": f"{number} Main Street",
        "service_city": "Portland",
        "service_state": "OR",
        "service_postal_code": "97201",
        "status": "ACTIVE",
        "account_type": "COMMERCIAL",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "merged_into": None,
        "deleted_at": None,
        "source_version": 1_800_000_000_000_000_000 + number,
    }
    return cast("Row", made)


def _cause(number: int) -> Cause:
    event_id = UUID(int=number)
    traceparent = f"00-{event_id.hex}-00f067aa0ba902b7-01"
    return Cause(event_id=event_id, correlation_id=event_id, traceparent=traceparent, received_at=1_767_225_600_000)
