"""Waiting for rest: nothing left to deliver, to apply, to publish; what is said of a run holds only then."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from paintbox.environment import SERVERS, require
from paintbox.errors import OperatorError
from paintbox.prove import tables
from paintbox.prove.evidence import databases
from paintbox.status.lag import topic_lags
from paintbox.world import steering
from paintbox.world.steering import VENDORS

LOOK_SECONDS: Final = 0.5
LONGEST_LOOK_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Rest:
    """How long it took, and what had not come to rest by then; nothing where all had."""

    seconds: float
    lacks: Sequence[str]


async def until_rest(environment: Mapping[str, str], limit_seconds: float, show: Callable[[str], None]) -> Rest:
    """Looks until nothing moves any more, or the time is over.

    Two looks must agree: what leaves a queue moves an end.
    """
    began = time.monotonic()
    before: object = None
    while True:
        lacks, ends = await _look(environment)
        seconds = time.monotonic() - began
        if not lacks and ends == before:
            return Rest(seconds, ())
        if seconds > limit_seconds:
            return Rest(seconds, lacks or ["records are still being published"])
        before = ends
        show("; ".join(lacks) or "looking once more")
        await asyncio.sleep(LOOK_SECONDS)


async def _look(environment: Mapping[str, str]) -> tuple[list[str], object]:
    try:
        async with asyncio.timeout(LONGEST_LOOK_SECONDS):
            lacks = [*await _undelivered(environment), *await _queued(environment)]
            topics = await topic_lags(require(environment, SERVERS)[0])
    except (OperatorError, TimeoutError) as error:
        return [str(error) or "something does not answer"], None
    lacks += [f"{group} is {lag:,} behind on {one.topic}" for one in topics for group, lag in one.lag.items() if lag]
    return lacks, [(one.topic, one.end) for one in topics]


async def _undelivered(environment: Mapping[str, str]) -> list[str]:
    async with steering.connected(environment) as simulators:
        counts = {vendor: await steering.count_deliveries(simulators, vendor) for vendor in VENDORS}
    return [f"{vendor} has {one['pending']:,} deliveries to make" for vendor, one in counts.items() if one["pending"]]


async def _queued(environment: Mapping[str, str]) -> list[str]:
    async with databases(environment) as sessions:
        waiting = await tables.spooled(sessions["integrations"])
        for schema in tables.OUTBOX_OWNERS:
            waiting |= await tables.waiting(sessions[schema], schema)
    return [f"{count:,} rows in {name}" for name, count in waiting.items() if count and "refused" not in name]
