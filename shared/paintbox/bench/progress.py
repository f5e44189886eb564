"""How far consumer groups have come through their topics, seen from outside: what they have committed, and when."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from paintbox.bench import broker
from paintbox.bench.broker import Ends
from paintbox.bench.rig import Rig
from paintbox.brokers import administration, find_committed
from paintbox.databases import Database, connected
from paintbox.errors import OperatorError
from synckit.contracts.topics import CUSTOMERS_CHANGES, FEDERATION_KEYS, PROJECTS_CHANGES

ANNOUNCED: Final = {
    "photo-sync": (CUSTOMERS_CHANGES.name,),
    "customer-sync": (FEDERATION_KEYS.name, PROJECTS_CHANGES.name),
}
"""Group → the topics of the other owner that it reads."""
SELDOM_SECONDS: Final = 0.25
LOOK_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Mark:
    """So many records were committed at this moment, and so much CPU was used."""

    records: int
    at: float
    cpu_seconds: float


async def first_and_last(
    servers: str, group: str, begins: Ends, ends: Ends, cpu_seconds: Callable[[], float]
) -> tuple[Mark, Mark]:
    """The first commit behind `begins`, and the one that reaches `ends`. Raises OperatorError where none comes.

    Where both are one, the first is the moment of the call.
    """
    first, called = None, Mark(0, time.perf_counter(), 0.0)
    deadline = time.monotonic() + LONGEST_SECONDS
    async with administration(servers, LONGEST_SECONDS) as admin:
        while time.monotonic() < deadline:
            done = await _committed(admin, group, begins, ends)
            now = Mark(done, time.perf_counter(), cpu_seconds() if done else 0.0)
            if done >= sum(ends.values()) - sum(begins.values()):
                return first or called, now
            if done and first is None:
                first = now
            await asyncio.sleep(LOOK_SECONDS)
    raise OperatorError(f"{group} did not come to the end of its topic within {LONGEST_SECONDS:g} s.")


async def announced(rig: Rig) -> Ends:
    """Where the owners' next announcements will stand: what `settled` counts from."""
    return await broker.ends(rig.kafka, [name for names in ANNOUNCED.values() for name in names])


async def settled(rig: Rig, since: Ends) -> None:
    """Returns when all that the owners have to announce is published, and the other one has read it.

    Raises OperatorError where that does not come about. Who reads may have something to announce itself: twice.
    """
    for group, names in (*ANNOUNCED.items(), *ANNOUNCED.items()):
        for database in (Database.CUSTOMERS, Database.PROJECTS):
            await _published(rig, database)
        ends = {place: end for place, end in (await announced(rig)).items() if place.topic in names}
        begins = {place: since[place] for place in ends}
        await first_and_last(rig.kafka, group, begins, ends, lambda: 0.0)


async def _published(rig: Rig, database: Database) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    async with connected(rig.dsn(database), process=broker.PROCESS) as connection:
        while await connection.fetchval(f"SELECT EXISTS (SELECT FROM {database}.outbox_events)"):  # noqa: S608 - a schema
            if time.monotonic() > deadline:
                raise OperatorError(f"The outbox of {database} was not empty within {LONGEST_SECONDS:g} s.")
            await asyncio.sleep(SELDOM_SECONDS)


async def _committed(admin: AIOKafkaAdminClient, group: str, begins: Ends, ends: Ends) -> int:
    committed = (await find_committed(admin, [group]))[group]
    return sum(max(committed.get(place, 0) - begins.get(place, 0), 0) for place in ends)
