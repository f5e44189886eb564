"""A producer that is dropped is ended, also where the broker takes nothing of what is still to be written."""

import asyncio
import gc
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from aiokafka import TopicPartition
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, ProducerClosed

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


@pytest.fixture
async def unheard() -> AsyncIterator[list[dict[str, Any]]]:
    """What asyncio says of errors that nobody looked at."""
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    yield said
    asyncio.get_running_loop().set_exception_handler(None)


def a_batch(producer: Any) -> Any:
    """One that waits to be sent."""
    producer._txn_manager.set_pid_and_epoch(1, 0)
    batch = producer.create_batch()
    batch.append(key=None, value=b"x", timestamp=None)
    return producer._message_accumulator._append_batch(batch, TopicPartition("topic", 0))


async def test_what_waited_for_a_producer_that_failed_leaves_no_line_of_asyncio(unheard: list[dict[str, Any]]) -> None:
    producer: Any = kafka.create_producer("127.0.0.1:1", process="test")
    sent = asyncio.shield(a_batch(producer).future)

    producer._message_accumulator.fail_all(KafkaConnectionError())
    with pytest.raises(KafkaConnectionError):
        await sent
    await kafka.drop(producer)
    del sent, producer
    gc.collect()

    assert unheard == []


async def test_what_waited_to_be_sent_again_leaves_none_either(unheard: list[dict[str, Any]]) -> None:
    """As where its topic is deleted."""
    producer: Any = kafka.create_producer("127.0.0.1:1", process="test")
    accumulator, batch = producer._message_accumulator, a_batch(producer)
    accumulator._pop_batch(batch.tp)
    accumulator.reenqueue(batch)

    await kafka.drop(producer)
    with pytest.raises(ProducerClosed):
        await batch.future
    del accumulator, batch, producer
    gc.collect()

    assert unheard == []


@pytest.mark.parametrize("end", ["error_transaction", "fatal_error"])
async def test_a_transaction_that_fails_leaves_none_either(end: str, unheard: list[dict[str, Any]]) -> None:
    """As that of a relay whose transactional id Kafka has forgotten."""
    producer: Any = kafka.create_transactional_producer("127.0.0.1:1", process="test", transactional_id="test")
    producer._txn_manager.set_pid_and_epoch(1, 0)
    producer._txn_manager.begin_transaction()

    getattr(producer._txn_manager, end)(KafkaConnectionError())
    await kafka.drop(producer)
    del producer
    gc.collect()

    assert unheard == []
