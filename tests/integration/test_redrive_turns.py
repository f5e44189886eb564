"""The turn of a copy that was frozen amid a redrive goes to another: PostgreSQL ends the session that holds it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from paintbox.databases import Connection
from support.set_aside import park, states
from support.waiting import until
from synckit import parking, postgres
from synckit.consumer import Alarms, Batch, Consumer
from synckit.contracts.topics import WEBHOOKS_SALESFORCE
from synckit.failures import passes
from synckit.parking import Redrive, redrive
from synckit.postgres import Pool

pytestmark = pytest.mark.database

NAME = "customer-sync"
AT_MOST = timedelta(seconds=15)
"""For so long a frozen process may hold a lock."""


class Copy:
    """One copy of the process. It stands still amid its turn until it goes on."""

    def __init__(self, pool: Pool, *, goes_on: bool) -> None:
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        if goes_on:
            self.goes_on.set()
        self._pool = pool
        self.consumers = [Consumer(WEBHOOKS_SALESFORCE, self._apply, Alarms(pool, NAME))]
        self.redrive = Redrive(pool, NAME, self.consumers)
        self.applied = 0

    async def _apply(self, batch: Batch) -> None:
        self.begun.set()
        await self.goes_on.wait()
        await parking.confirm(self._pool, batch)
        self.applied += len(batch.records)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with postgres.create_pool(dsn, process=NAME) as pool:
        yield pool


async def test_f04_who_falls_silent_amid_its_turn_loses_it_to_another(
    pool: Pool, session: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "SESSION_IDLE_LIMIT", "200ms")
    await park(session, 1, redrive_asked_at=datetime.now(UTC))
    frozen, other = Copy(pool, goes_on=False), Copy(pool, goes_on=True)
    turn = asyncio.create_task(frozen.redrive.once())
    await frozen.begun.wait()

    taken_over = await until(other.redrive.once)
    frozen.goes_on.set()
    (woken,) = await asyncio.gather(turn, return_exceptions=True)

    assert (taken_over, other.applied, frozen.applied) == (1, 1, 0)
    assert await states(session) == ["redriven"]
    assert isinstance(woken, Exception)
    assert passes(woken)


async def test_a_turn_is_held_in_silence_for_15_seconds_at_most(pool: Pool, session: Connection) -> None:
    limits: list[timedelta] = []

    class Asked(Redrive):
        async def _takes_turn(self, session: postgres.Connection) -> bool:
            taken = await super()._takes_turn(session)
            limits.append(await session.fetchval("SELECT current_setting('idle_session_timeout')::interval"))
            return taken

    await park(session, 1, redrive_asked_at=datetime.now(UTC))

    done = await Asked(pool, NAME, Copy(pool, goes_on=True).consumers).once()

    assert done == 1
    assert timedelta(0) < limits[0] <= AT_MOST
