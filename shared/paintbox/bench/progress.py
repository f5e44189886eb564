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
from synckit.contracts.topics import CUSTOMERS_CHANGES

PHOTOS: Final = "photo-sync"
TOLD: Final = (CUSTOMERS_CHANGES.name,)
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


async def customers_told(rig: Rig) -> Ends:
    """Where the next change of a customer will stand: what `customers_known` counts from."""
    return await broker.ends(rig.kafka, TOLD)


async def customers_known(rig: Rig, told: Ends) -> None:
    """Returns when every change of a customer is published, and photo-sync has read it. `told`: where that began."""
    async with connected(rig.dsn(Database.CUSTOMERS), process=broker.PROCESS) as connection:
        while await connection.fetchval("SELECT EXISTS (SELECT FROM customers.outbox_events)"):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
    await first_and_last(rig.kafka, PHOTOS, told, await customers_told(rig), lambda: 0.0)


async def _committed(admin: AIOKafkaAdminClient, group: str, begins: Ends, ends: Ends) -> int:
    committed = (await find_committed(admin, [group]))[group]
    return sum(max(committed.get(place, 0) - begins.get(place, 0), 0) for place in ends)
