"""A producer that is dropped is ended, also where the broker takes nothing of what is still to be written."""

import asyncio
import gc
from asyncio import StreamReader, StreamWriter
from typing import Any, Final

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError

from synckit import kafka

MIB: Final = 1024 * 1024


async def no_lookup(_: AIOKafkaConnection) -> None:
    """The server of this test knows no Kafka."""


async def test_what_sends_for_it_ends_though_its_connection_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", no_lookup)
    monkeypatch.setattr(kafka, "DROP_SECONDS", 0.6)
    monkeypatch.setattr(kafka, "CLOSE_SECONDS", 0.2)
    frozen: list[StreamWriter] = []

    async def read_nothing(_: StreamReader, writer: StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a socket's
        frozen.append(writer)

    server = await asyncio.start_server(read_nothing, "127.0.0.1")
    connection: Any = AIOKafkaConnection(*server.sockets[0].getsockname())
    _, writer = await connection.connect()
    writer.write(b"x" * 32 * MIB)
    producer: Any = kafka.create_producer("127.0.0.1:1", process="test")
    producer.client._conns["broker"] = connection
    producer._sender._sender_task = sends = asyncio.create_task(asyncio.sleep(3600))

    await kafka.drop(producer)

    assert sends.cancelled()
    writer.transport.abort()
    for one in frozen:
        one.transport.abort()
    server.close()
    await server.wait_closed()


async def test_what_sends_for_it_may_fail_while_it_is_ended_and_nothing_trips_over_that() -> None:
    """aiokafka 0.14 tells the producer's transaction, which one that is only idempotent has not."""
    tripped: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: tripped.append(context))
    producer: Any = kafka.create_producer("127.0.0.1:1", process="test")

    async def send() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise KafkaConnectionError from None

    producer._sender._sender_task = sends = asyncio.create_task(send())
    sends.add_done_callback(producer._sender._fail_all)
    await asyncio.sleep(0)

    await kafka.drop(producer)
    has_failed = not sends.cancelled() and sends.done()
    del sends, producer
    gc.collect()

    assert has_failed
    assert tripped == []
