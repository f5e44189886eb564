"""What fails at Kafka while the session of a relay ends, too."""

import asyncio
import gc
from typing import Any, cast

import asyncpg
import pytest
from aiokafka.errors import KafkaError

from synckit import postgres
from synckit.outbox.relay import _while_asking


class Ended:
    """A session that PostgreSQL has ended."""

    def is_closed(self) -> bool:
        return True


async def test_of_two_failures_the_sessions_is_raised_and_the_other_is_no_bug() -> None:
    left: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))

    async def send() -> None:
        raise KafkaError

    async def look_ahead() -> BaseException:
        await asyncio.sleep(0)
        raise asyncpg.ConnectionDoesNotExistError

    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await _while_asking(cast("postgres.Connection", Ended()), send(), look_ahead)
    gc.collect()

    assert left == []
