"""A round of the relay that fails says so once: asyncio has nothing to add."""

import asyncio
import gc
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError

from synckit.outbox.relay import Relay
from synckit.outbox.rounds import Round
from synckit.outbox.store import Outbox


class Producer:
    """Takes one batch, and fails with it when it is given another."""

    def __init__(self) -> None:
        self._first = asyncio.get_running_loop().create_future()

    def transaction(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def send_batch(self, *_: object, partition: int) -> Any:
        if partition == 0:
            return asyncio.shield(self._first)
        self._first.set_exception(KafkaError("unexpected error during batch delivery"))
        raise KafkaConnectionError


async def test_what_was_sent_before_the_batch_that_could_not_be_leaves_no_line_of_asyncio() -> None:
    loop, said = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _, context: said.append(context))
    relay = Relay(cast("Outbox", None), dsn="", servers="", process="test")
    producer: Any = Producer()

    with pytest.raises(KafkaConnectionError):
        await relay._send(producer, Round(batches=[(("topic", number), None) for number in range(2)]))
    for _ in range(3):
        await asyncio.sleep(0)
    del producer
    gc.collect()
    loop.set_exception_handler(None)

    assert said == []
