"""Whether a door can keep what it is sent: what a load balancer asks before it sends anything."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from synckit import kafka
from synckit.failures import is_the_servers
from synckit.observability.health import Check

AWAY: Final = "is away"
OUTAGES: Final = frozenset({AWAY, kafka.NO_BROKER, kafka.FEW_IN_SYNC})
ASK_SECONDS: Final = 1.8


def storage(in_kafka: Check, sends: Callable[[], bool], in_spool: Check) -> Check:
    """Ready as long as Kafka has the topics as demanded and is sent to; else as long as the spool can be written.

    A broker that answers may keep nothing all the same: then nothing is sent to it for a while. A topic that is missing
    or not safe enough is no outage that passes: then it is not ready, spool or not.
    """

    async def answers() -> str | None:
        kafka_says, spool_says = await asyncio.gather(_ask(in_kafka), _ask(in_spool), return_exceptions=True)
        if isinstance(kafka_says, BaseException):
            raise kafka_says
        if kafka_says is None and sends():
            return None
        if kafka_says is not None and kafka_says not in OUTAGES:
            return kafka_says
        if isinstance(spool_says, BaseException):
            raise spool_says
        return None if spool_says is None else "Kafka is away, and the spool cannot be written"

    return answers


async def _ask(check: Callable[[], Awaitable[str | None]]) -> str | None:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await check()
    except Exception as error:
        if not is_the_servers(error):
            raise
        return AWAY
