"""How far a consumer group has come through a topic, seen from outside: what it has committed, and when."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from paintbox.bench.broker import Ends
from paintbox.brokers import administration, find_committed
from paintbox.errors import OperatorError

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


async def _committed(admin: AIOKafkaAdminClient, group: str, begins: Ends, ends: Ends) -> int:
    committed = (await find_committed(admin, [group]))[group]
    return sum(max(committed.get(place, 0) - begins.get(place, 0), 0) for place in ends)
