"""Compacted topics beside what is parked of them: what was erased stays erased, and what came later stands."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from synckit import failpoints, postgres
from synckit.consumer.batch import Batch, Incoming
from synckit.parking.records import OPEN, change, confirm, ids_redriven, park
from synckit.postgres import Connection, Pool

DROPPED: Final = "dropped_at = coalesce(stored.dropped_at, now()), redrive_asked_at = NULL, value = NULL"
"""Without its bytes: a redrive would bring back for ever what was erased."""


_PARKING: Final = "SELECT pg_advisory_xact_lock_shared(hashtextextended('parked of ' || $1 || ' by ' || $2, 0))"
_ALL_IS_PARKED: Final = "SELECT pg_advisory_xact_lock(hashtextextended('parked of ' || $1 || ' by ' || $2, 0))"
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('erasures of ' || $1, 0))"
_TURN_WITH_OTHERS: Final = "SELECT pg_advisory_xact_lock_shared(hashtextextended('erasures of ' || $1, 0))"


@asynccontextmanager
async def in_order(connection: Connection, integrations: Pool, consumer: str, batch: Batch) -> AsyncIterator[None]:
    """Around what is written of a batch, in the owner's transaction: a redrive comes before what is later, or never.

    Erasures of a topic wait for whatever else is being written of it: who deletes does not see what is not committed.
    Whose partitions went to others meanwhile, or may have, writes nothing: an erasure may have passed, and no version
    tells of it.
    Last, and before anybody sees the batch, what it leaves behind in the park is dropped; whoever
    redrives that looks into the park last too (`confirm`), and so finds it dropped or is done with it.
    """
    living = _living(batch)
    redriven = ids_redriven(batch)
    is_alone = any(record.value is None for record in living)
    await connection.execute(_TURN if is_alone else _TURN_WITH_OTHERS, batch.records[0].topic)
    await batch.lease.confirm()  # whoever erases from here on waits for this transaction, however long it takes
    yield
    async with postgres.session(integrations) as session:
        await confirm(session, batch)
        await _drop_outdated(session, consumer, living, redriven)


async def settle(pool: Pool, consumer: str, batch: Batch) -> None:
    """Park what a batch condemned, and drop what its erasures have left behind: also of keys that are not ours.

    In a transaction each: together they would lock rows of the park in two orders. Who dies in between does it again.
    Whose partitions went to others meanwhile, or may have, parks nothing: what came after it may be applied by now.
    """
    living = _living(batch)
    if batch.condemned:
        await _park(pool, consumer, batch, living)
    if any(record.value is None for record in living):
        async with postgres.session(pool) as session:
            await _drop_outdated(session, consumer, living, ids_redriven(batch))


async def _park(pool: Pool, consumer: str, batch: Batch, living: Sequence[Incoming]) -> None:
    """What the batch itself has left behind is never open: it is applied by now, and nothing would apply it again."""
    async with postgres.transaction(pool, "parking.park") as connection:
        await connection.execute(_PARKING, batch.records[0].topic, consumer)
        await batch.lease.confirm()  # whoever reads on after us waits from here on, before it looks into the park
        await park(connection, consumer, batch.parked, partial(_is_outdated, living))


def _is_outdated(living: Sequence[Incoming], parked: Incoming) -> bool:
    return any(
        (one.partition, one.key) == (parked.partition, parked.key)
        and one.offset > parked.offset
        and None in {one.value, parked.value}
        for one in living
    )


def _living(batch: Batch) -> list[Incoming]:
    return [batch.records[at] for at in batch.living]


async def _drop_outdated(
    connection: Connection, consumer: str, living: Sequence[Incoming], redriven: Sequence[int]
) -> None:
    """Drop what these records have left behind in the park, of the same keys: all before an erasure, and erasures.

    Whoever parks of this topic is waited for first, by a statement of its own: each sees what was there when it began.
    The lock need not be kept: who had our partitions before us, and gets it after us, is told that it has them no more.
    """
    if not living:
        return
    failpoints.hit("parking.outdated:before_commit")
    await connection.execute(_ALL_IS_PARKED, living[0].topic, consumer)
    await _drop_erased(connection, consumer, [record for record in living if record.value is None])
    await _drop_erasures(connection, consumer, living, redriven)
    failpoints.hit("parking.outdated:after_commit")


async def _drop_erased(connection: Connection, consumer: str, erasures: Iterable[Incoming]) -> None:
    places = list(zip(*((at.topic, at.partition, at.offset, at.key) for at in erasures), strict=True))
    if not places:
        return
    await change(
        connection,
        DROPPED,
        """
        JOIN unnest($2::text[], $3::integer[], $4::bigint[], $5::bytea[])
          AS erased (topic, partition, "offset", key) USING (topic, partition, key)
         WHERE parked.consumer = $1 AND parked."offset" < erased."offset" AND parked.value IS NOT NULL
        """,
        consumer,
        *map(list, places),
    )


async def _drop_erasures(
    connection: Connection, consumer: str, living: Sequence[Incoming], redriven: Sequence[int]
) -> None:
    """An erasure has no version: put through after a record that came later, it would erase that one.

    Not those of the batch itself: they are applied with it, in its order.
    """
    newest = {(one.topic, one.partition, one.key): one.offset for one in sorted(living, key=lambda one: one.offset)}
    rows = await connection.fetch(
        f"""
        SELECT id, topic, partition, "offset", key
          FROM integrations.parked_records AS parked
         WHERE consumer = $1 AND topic = ANY($2::text[]) AND value IS NULL AND {OPEN}
        """,  # noqa: S608 - a constant
        consumer,
        list({topic for topic, _, _ in newest}),
    )
    outdated = [
        row["id"]
        for row in rows
        if row["offset"] < newest.get((row["topic"], row["partition"], row["key"]), 0) and row["id"] not in redriven
    ]
    if outdated:
        await change(connection, DROPPED, f"WHERE parked.id = ANY($1::bigint[]) AND {OPEN}", outdated)
