"""What client libraries raise of answers that were damaged on the way ends no loop, and is no bug at once."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import asyncpg
import pytest
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import ApiVersionResponse_v0

from support.alarms import NoAlarms
from synckit.consumer import Batch, Consumer, ConsumerGroup
from synckit.contracts.topics import Cleanup, Topic
from synckit.failures import Verdict, verdict
from synckit.outbox.relay import FAILURES

HOST = "127.0.0.1"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Answer], Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[asyncio.Server] = []

    async def begin(answer: Answer) -> int:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.IncompleteReadError):
                await answer(reader, writer)
            writer.close()

        servers.append(await asyncio.start_server(connected, HOST, 0))
        port: int = servers[-1].sockets[0].getsockname()[1]
        return port

    yield begin
    for server in servers:
        server.close()


async def a_broker_with_one_bit_turned(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the first request, which asks for versions: the least version of the first API is 16,384."""
    answer = bytearray(ApiVersionResponse_v0(0, [(key, 0, 3) for key in range(60)]).encode())
    answer[2 + 4 + 2] ^= 0x40
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    asked = await reader.readexactly(size)
    body = asked[4:8] + bytes(answer)
    writer.write(struct.pack(">i", len(body)) + body)
    await writer.drain()
    await reader.read()


async def a_postgres_of_no_known_encoding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """`client_encoding` is UTF8, but for one bit."""
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    await reader.readexactly(size - 4)
    parts = (b"R", struct.pack(">i", 0)), (b"S", b"client_encoding\0ETF8\0"), (b"Z", b"I")
    writer.write(b"".join(kind + struct.pack(">i", len(body) + 4) + body for kind, body in parts))
    await writer.drain()
    await reader.read()


async def nothing(_: Batch) -> None:
    """Applies nothing."""


def a_consumer() -> Consumer:
    return Consumer(Topic("damaged.test", "", "", Cleanup.DELETE, 1), nothing, NoAlarms())


async def test_a_group_that_is_given_nonsense_at_its_start_tries_again(serve: Serve) -> None:
    port = await serve(a_broker_with_one_bit_turned)
    consumer = a_consumer()
    group = ConsumerGroup("damaged", f"{HOST}:{port}", [consumer], NoAlarms())

    running = asyncio.create_task(group.run())
    done, _ = await asyncio.wait({running}, timeout=3)
    running.cancel()

    assert not done
    assert not consumer.stopped.is_set()


class Failing:
    """A subscriber of FastStream whose client raises, when it is ended, what had ended its own task."""

    def __init__(self) -> None:
        self.running = True
        self.tasks: list[asyncio.Task[None]] = [asyncio.create_task(asyncio.sleep(60))]
        self.coordination = asyncio.create_task(asyncio.sleep(60))
        self.closed: list[str] = []
        heart = SimpleNamespace(
            _closing=asyncio.get_running_loop().create_future(),
            _coordination_task=self.coordination,
            _stop_heartbeat_task=partial(self._ends, "heartbeat"),
            _stop_commit_offsets_refresh_task=partial(self._ends, "refresh"),
            _maybe_leave_group=partial(self._ends, "membership"),
        )
        client = SimpleNamespace(close=partial(self._ends, "client"))
        self.consumer = SimpleNamespace(_coordinator=heart, _fetcher=None, _client=client)

    async def _ends(self, part: str) -> None:
        self.closed.append(part)
        if part == "refresh":
            raise KeyError("what a damaged answer made of it")

    async def stop(self) -> None:
        self.running = False
        raise KafkaError("Unexpected error during data retrieval")


async def test_a_client_that_raises_when_it_is_ended_is_dropped_and_ends_nothing_else() -> None:
    consumer, subscriber = a_consumer(), Failing()
    (in_hand,) = subscriber.tasks
    group = ConsumerGroup("damaged", f"{HOST}:9", [consumer], NoAlarms())
    consumer.lose(KeyError("inside of the client"))

    await group._tend(consumer, subscriber)

    assert subscriber.closed == ["heartbeat", "refresh", "membership", "client"]
    assert (in_hand.cancelled(), subscriber.coordination.cancelled()) == (True, True)
    assert not consumer.lost


async def test_what_asyncpg_trips_over_is_waited_for_though_not_for_ever(serve: Serve) -> None:
    port = await serve(a_postgres_of_no_known_encoding)

    with pytest.raises(LookupError, match="unknown encoding") as caught:
        await asyncpg.connect(host=HOST, port=port, user="u", database="d", ssl=False, timeout=5)

    assert verdict(caught.value) is Verdict.UNCLEAR
    assert not isinstance(caught.value, FAILURES), "the relay has to ask for the verdict"


def test_the_same_of_our_own_code_is_a_bug() -> None:
    with pytest.raises(LookupError) as caught:
        b"x".decode("etf8")

    assert verdict(caught.value) is Verdict.BUG
    assert verdict(LookupError("raised nowhere")) is Verdict.BUG
