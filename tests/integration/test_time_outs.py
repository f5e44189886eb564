"""What is too much for one transaction in time is applied in smaller ones: in order, each record once, none parked."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest

from customer_sync.store import MIRROR
from paintbox.databases import Connection, Database
from support.facts import a_cause
from support.notifications import KafkaRecord
from support.postgres import NewDatabase, OpenSession
from synckit import backoff, postgres
from synckit.consumer.applying import Applier
from synckit.consumer.batch import Batch
from synckit.errors import PoisonError
from synckit.mirror import notes
from synckit.mirror.notes import Note
from synckit.mirror.projector import Projector
from synckit.mirror.steps import Projected, Step
from synckit.postgres import Pool

pytestmark = pytest.mark.database

RECORDS = [KafkaRecord(value=str(number).encode(), offset=number) for number in range(20)]


@pytest.fixture
async def dsn(new_database: NewDatabase, connect: OpenSession) -> str:
    dsn = await new_database(Database.INTEGRATIONS)
    owner = await connect(dsn)
    await owner.execute(
        "CREATE TABLE public.applied (id bigint PRIMARY KEY, place bigint GENERATED ALWAYS AS IDENTITY)"
    )
    return dsn


@pytest.fixture
async def owner(dsn: str, connect: OpenSession) -> Connection:
    return await connect(dsn)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with postgres.create_pool(dsn, process="test-time-outs") as pool:
        yield pool


class Slow:
    """Writes its records in one transaction, and is cut off by a real time-out where they are more than a few."""

    def __init__(self, pool: Pool, cut_off: str, most: int = 3) -> None:
        self._pool = pool
        self._cut_off = cut_off
        self.most = most
        self.sizes: list[int] = []

    async def __call__(self, batch: Batch) -> None:
        batch.decode(_decoded)
        numbers = [int(batch.records[at].value or b"") for at in batch.living]
        self.sizes.append(len(numbers))
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.executemany("INSERT INTO public.applied (id) VALUES ($1)", [(one,) for one in numbers])
            if len(numbers) > self.most:
                await wait_too_long(connection, self._cut_off)


async def wait_too_long(connection: postgres.Connection, cut_off: str) -> None:
    if cut_off == "57014":
        await connection.execute("SET LOCAL statement_timeout = '50ms'")
        await connection.execute("SELECT pg_sleep(60)")
    else:
        await connection.execute("SELECT pg_sleep(60)", timeout=0.05)


def _decoded(record: object) -> None:
    if getattr(record, "value", b"") == b"7":
        raise PoisonError("malformed_value", "seven")


@pytest.mark.parametrize("cut_off", ["57014", "command_timeout"])
async def test_a_batch_that_runs_into_a_time_out_is_applied_in_halves_in_order(
    pool: Pool, owner: Connection, cut_off: str
) -> None:
    apply = Slow(pool, cut_off)

    parked = await Applier("t", apply).apply(Batch(RECORDS))

    applied = [row["id"] for row in await owner.fetch("SELECT id FROM public.applied ORDER BY place")]
    assert applied == [number for number in range(20) if number != 7]
    assert [record.value for record in parked] == [b"7"]
    assert apply.sizes[:4] == [19, 9, 4, 2]


async def test_a_single_record_that_runs_into_a_time_out_is_tried_again_and_never_parked(
    pool: Pool, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Slow(pool, "57014", most=0)
    monkeypatch.setattr(backoff, "LONGEST_DELAY", 0.05)
    batch = Batch(RECORDS[:2])
    waiting = Applier("t", partial(_relenting, apply))

    parked = await waiting.apply(batch)

    assert parked == []
    assert apply.sizes == [2, 1, 1, 1, 1, 1]
    assert await owner.fetchval("SELECT count(*) FROM public.applied") == 2


async def _relenting(apply: Slow, batch: Batch) -> None:
    """The database is slow four times, and then quick."""
    apply.most = 3 if len(apply.sizes) >= 4 else 0
    await apply(batch)


class SlowStep:
    """Projects keys, and is cut off by a real time-out where they are more than a few."""

    def __init__(self, cut_off: str, most: int = 3) -> None:
        self._cut_off = cut_off
        self.most = most
        self.sizes: list[int] = []

    async def affected(self, _: postgres.Connection, note: Note, after: str) -> Sequence[str]:
        return notes.next_slice(note.ids, after)

    async def project(self, connection: postgres.Connection, _: Note, keys: Sequence[str]) -> Projected:
        self.sizes.append(len(keys))
        await connection.executemany("INSERT INTO public.projected (id) VALUES ($1)", [(int(key),) for key in keys])
        if len(keys) > self.most:
            await wait_too_long(connection, self._cut_off)
        return Projected()


@pytest.fixture
async def customers(new_database: NewDatabase, connect: OpenSession) -> AsyncIterator[Pool]:
    dsn = await new_database(Database.CUSTOMERS)
    owner = await connect(dsn)
    await owner.execute("CREATE TABLE public.projected (id bigint)")
    async with postgres.create_pool(dsn, process="test-time-outs") as pool:
        yield pool


@pytest.mark.parametrize("cut_off", ["57014", "command_timeout"])
async def test_a_note_that_runs_into_a_time_out_is_done_in_smaller_portions(
    customers: Pool, cut_off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "LONGEST_DELAY", 0.05)
    step = SlowStep(cut_off)
    projector = Projector(customers, MIRROR, {"Contact": Step(step.affected, step.project, "Contact")}, lambda: None)
    async with customers.acquire() as connection:
        causes = {f"{number:02}": a_cause() for number in range(20)}
        made = await notes.insert(connection, MIRROR, {"Contact": causes})
    batch = Batch(RECORDS)
    projector.remember(made, batch.lease)

    await Applier("t", partial(_all_notes, projector)).apply(batch)

    async with customers.acquire() as connection:
        projected = await connection.fetch("SELECT id FROM public.projected GROUP BY id ORDER BY id")
        left = await connection.fetchval("SELECT count(*) FROM customers.projection_todo")
    assert [row["id"] for row in projected] == list(range(20))
    assert left == 0
    assert step.sizes[:6] == [20, 10, 5, 2, 4, 2]


async def _all_notes(projector: Projector, batch: Batch) -> None:
    await projector.work(batch.lease)
