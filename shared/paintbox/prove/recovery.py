"""When a rig is well again: every process ready, and all that Kafka held at a moment applied by everybody."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import KafkaError

from paintbox.errors import OperatorError
from paintbox.prove.handles import Handle
from paintbox.status.lag import READERS, Offsets, Positions, positions

ANSWER_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Mark:
    """The ends of all partitions at a moment."""

    ends: Offsets


def behind(now: Positions, then: Mark) -> str | None:
    """None where every group has committed all that there was then, else who has not."""
    for group, read in READERS.items():
        names, committed = {topic.name for topic in read}, now.committed.get(group, {})
        left = sum(
            max(end - max(committed.get(at, 0), now.begins.get(at, 0)), 0)
            for at, end in then.ends.items()
            if at.topic in names
        )
        if left:
            return f"{group} is {left} records behind"
    return None


async def find_positions(servers: str) -> Positions:
    """Where everybody is. Raises OperatorError where Kafka does not say so within 10 s."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await positions(servers)
    except (KafkaError, TimeoutError) as error:
        raise OperatorError(f"Kafka does not say where its groups are ({type(error).__name__})") from error


async def unready(processes: Iterable[Handle]) -> Mapping[str, str]:
    """Each process that is not ready, and what it lacks."""
    handles = list(processes)
    missing = await asyncio.gather(*(handle.missing() for handle in handles))
    return {handle.name: why for handle, why in zip(handles, missing, strict=True) if why is not None}
