"""A connection to Kafka whose transport closed a moment ago: what is asked of it fails as if the broker were away."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest

from synckit import connections, line

VERSIONS = {
    one.API_KEY: (0, 4)
    for one in (FetchRequest, FindCoordinatorRequest, HeartbeatRequest, MetadataRequest, OffsetCommitRequest)
}
LOOPS = (uvloop.new_event_loop, asyncio.new_event_loop)


async def no_lookup(_: AIOKafkaConnection) -> None:
    """The server of this test knows no Kafka."""


async def ask_after_it_closed(turns: int) -> None:
    """Over a connection that was reset amid an answer, so many turns of the loop ago."""
    has_ended = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        has_ended.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1")
    connection: Any = AIOKafkaConnection(*server.sockets[0].getsockname(), client_id=connections.__name__)
    try:
        await connection.connect()
        connection._reader.feed_data(struct.pack(">i", 100) + b"half of an answer")
        await asyncio.sleep(0)
        connection._reader.feed_data(b"and more of it")
        connection._writer.transport.abort()
        for _ in range(turns):
            await asyncio.sleep(0)
        await connection.send(ApiVersionRequest())
    finally:
        connection.close()
        server.close()
        await has_ended.wait()


async def options_of_a_connection() -> list[int]:
    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1")
    connection: Any = AIOKafkaConnection(*server.sockets[0].getsockname())
    try:
        _, writer = await connection.connect()
        end = writer.get_extra_info("socket")
        return [end.getsockopt(level, name) for level, name, _ in line.OPTIONS]
    finally:
        connection.close()
        server.close()


@pytest.mark.parametrize("loop", LOOPS, ids=["uvloop", "asyncio"])
def test_our_side_of_a_connection_notices_a_broker_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", no_lookup)

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(options_of_a_connection()) == [1, 10, 5, 3, 10_000]


async def connect_to_what_closes_amid() -> None:
    """A connection that is closed while it greets the server."""

    async def lose(connection: Any) -> None:
        connection._writer.transport.abort()
        await asyncio.sleep(0.01)

    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    connection: Any = AIOKafkaConnection(*server.sockets[0].getsockname())
    connection._do_version_lookup = lambda: lose(connection)
    try:
        await connection.connect()
    finally:
        connection.close()
        server.close()


@pytest.mark.parametrize("loop", LOOPS, ids=["uvloop", "asyncio"])
def test_a_connection_that_closes_while_it_is_made_is_a_broker_that_is_away(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with (
        asyncio.Runner(loop_factory=loop) as runner,
        pytest.raises(OSError, match=r"closed already|Bad file descriptor"),
    ):
        runner.run(connect_to_what_closes_amid())


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("loop", LOOPS, ids=["uvloop", "asyncio"])
def test_a_request_over_a_closed_transport_fails_as_a_broker_that_is_away(
    monkeypatch: pytest.MonkeyPatch, loop: Callable[[], asyncio.AbstractEventLoop], turns: int
) -> None:
    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", no_lookup)

    with asyncio.Runner(loop_factory=loop) as runner, pytest.raises(KafkaConnectionError):
        runner.run(ask_after_it_closed(turns))


async def test_while_no_node_is_known_nobody_coordinates_yet() -> None:
    """As a broker may answer that has just started."""
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:9")

    with pytest.raises(NodeNotReadyError) as away:
        await client.coordinator_lookup(CoordinationType.TRANSACTION, "customers.outbox")

    assert away.value.retriable


async def test_a_broker_that_takes_a_connection_and_does_not_greet_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 0.1)
    has_ended = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        has_ended.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1")
    connection: Any = AIOKafkaConnection(*server.sockets[0].getsockname())

    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            await connection.connect()
        await has_ended.wait()

    assert not connection.connected()
    server.close()


@contextlib.asynccontextmanager
async def connection_to_what_says_nothing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """It was greeted by a broker that answers nothing since."""
    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", no_lookup)
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.05)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1")
    connection: Any = AIOKafkaConnection(*server.sockets[0].getsockname())
    await connection.connect()
    connection._versions = VERSIONS
    try:
        yield connection
    finally:
        await connection.close()
        server.close()


@pytest.mark.parametrize(
    "request_",
    [MetadataRequest([]), FindCoordinatorRequest("customer-sync", 0), HeartbeatRequest("customer-sync", 1, "")],
)
async def test_what_a_broker_answers_at_once_is_not_waited_for_for_long(
    monkeypatch: pytest.MonkeyPatch, request_: Any
) -> None:
    """A client that waits for metadata does nothing else, and holds up its whole group."""
    async with connection_to_what_says_nothing(monkeypatch) as connection, asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            await connection.send(request_)

        assert not connection.connected()


async def test_nor_is_what_is_asked_behind_offsets_that_are_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a member's heartbeats would wait behind a commit for 40 s, and its group would miss it."""
    async with connection_to_what_says_nothing(monkeypatch) as connection, asyncio.timeout(5):
        committed = asyncio.ensure_future(connection.send(OffsetCommitRequest("customer-sync", 1, "", -1, [])))
        beating = asyncio.ensure_future(connection.send(HeartbeatRequest("customer-sync", 1, "")))
        results = await asyncio.gather(committed, beating, return_exceptions=True)

        assert {type(result) for result in results} <= {TimeoutError, KafkaConnectionError}
        assert not connection.connected()


async def test_what_is_asked_behind_a_fetch_waits_as_long_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker answers in turn, and a fetch once there is something to read."""
    async with connection_to_what_says_nothing(monkeypatch) as connection:
        fetched = asyncio.ensure_future(connection.send(FetchRequest(500, 1, 1, 0, [])))
        told = asyncio.ensure_future(connection.send(MetadataRequest([])))

        await asyncio.wait({fetched, told}, timeout=0.3)

        assert not fetched.done()
        assert not told.done()
        assert connection.connected()
        connection.close()
        results = await asyncio.gather(fetched, told, return_exceptions=True)
        assert [type(result) for result in results] == [KafkaConnectionError, KafkaConnectionError]
