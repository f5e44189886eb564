"""Whoever changes parked records locks them in one order: an operator's commands never deadlock with the consumers."""

import asyncio
from collections.abc import Awaitable
from functools import partial

import pytest

from paintbox.databases import Connection, Database
from support.notifications import KafkaRecord
from support.postgres import NewDatabase, OpenSession
from support.waiting import until
from synckit.errors import PoisonError
from synckit.parking import records
from synckit.parking.records import ParkedRecord, list_asked, mark, park

pytestmark = pytest.mark.database

CONSUMER = "customer-sync"
WAIT_FOR_A_LOCK = """
    SELECT count(*) >= $1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""
FIRST, SECOND = (KafkaRecord(value=b"x", topic="topic", partition=number) for number in (1, 2))
"""In the order of their places. They are parked the other way round, so their ids are in another."""


class Sessions:
    """Sessions in a database in which both are parked."""

    def __init__(self, *sessions: Connection) -> None:
        self.blocker, self.consumer, self.operator, self.onlooker = sessions

    async def ask(self) -> None:
        async with self.operator.transaction():
            await records.change(self.operator, "redrive_asked_at = now()", "WHERE parked.consumer = $1", CONSUMER)

    async def park(self) -> None:
        async with self.consumer.transaction():
            await park(self.consumer, CONSUMER, [(one, PoisonError("code", "reason")) for one in (FIRST, SECOND)])

    async def mark(self) -> None:
        first, second = await self.asked()
        async with self.consumer.transaction():
            await mark(self.consumer, [second], [first])

    async def asked(self) -> list[ParkedRecord]:
        return await list_asked(self.blocker, CONSUMER, ["topic"], 10, 1_000)

    async def together(self, *works: Awaitable[None]) -> None:
        """Lets these begin one after another while the first row is locked, and ends that lock."""
        waiting = []
        async with self.blocker.transaction():
            await self.blocker.execute("SELECT FROM integrations.parked_records WHERE partition = 1 FOR UPDATE")
            for work in works:
                waiting.append(asyncio.ensure_future(work))
                await until(partial(self.onlooker.fetchval, WAIT_FOR_A_LOCK, len(waiting)))
        await asyncio.gather(*waiting)


@pytest.fixture
async def sessions(new_database: NewDatabase, connect: OpenSession) -> Sessions:
    dsn = await new_database(Database.INTEGRATIONS)
    sessions = Sessions(*[await connect(dsn) for _ in range(4)])
    for one in (SECOND, FIRST):
        await park(sessions.consumer, CONSUMER, [(one, PoisonError("code", "reason"))])
    return sessions


async def test_f25_parking_anew_and_asking_for_a_redrive_do_not_deadlock(sessions: Sessions) -> None:
    await sessions.together(sessions.park(), sessions.ask())

    assert [one.partition for one in await sessions.asked()] == [1, 2]


async def test_f25_saying_what_became_of_a_redrive_and_asking_again_do_not_deadlock(sessions: Sessions) -> None:
    await sessions.ask()

    await sessions.together(sessions.ask(), sessions.mark())

    assert [one.partition for one in await sessions.asked()] == [1, 2]
