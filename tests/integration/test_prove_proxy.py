"""The proxy of the proof, as a process of its own before a server that answers what it is sent."""

import asyncio
import socket
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from paintbox.prove.links import Link
from paintbox.prove.proxy import HOST, Weather
from paintbox.stack import ports
from support.waiting import until

LINE = b"a line of the client's\n"


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[int]:
    """A server that sends back each line."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture(scope="module")
async def proxy(upstream: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[int, Link]]:
    """The proxy's port, and what controls it."""
    listen = ports.choose(tmp_path_factory.getbasetemp(), [])
    control = ports.choose(tmp_path_factory.getbasetemp(), [listen])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "paintbox.prove.proxy", str(listen), str(upstream), str(control))
    )
    link = Link("postgres", control)

    async def controlled() -> bool:
        try:
            return await link.set(Weather()) == 0
        except OSError:
            return False

    await until(controlled)
    yield listen, link
    process.terminate()
    assert await process.wait() == 0


@pytest.fixture
async def link(proxy: tuple[int, Link]) -> AsyncIterator[Link]:
    yield proxy[1]
    await proxy[1].clear()


@pytest.fixture
def port(proxy: tuple[int, Link]) -> int:
    return proxy[0]


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def exchange(reader: StreamReader, writer: StreamWriter, line: bytes = LINE) -> bytes:
    writer.write(line)
    return await reader.readline()


async def test_in_fair_weather_everything_passes(port: int, link: Link) -> None:
    async with connected(port) as (reader, writer):
        assert await exchange(reader, writer) == LINE
        assert await link.set(Weather()) == 1

        writer.write_eof()

        assert await reader.read() == b""


async def test_latency_holds_each_piece_in_both_directions(port: int, link: Link) -> None:
    await link.set(Weather(latency=0.2))

    async with connected(port) as (reader, writer):
        began = time.monotonic()
        assert await exchange(reader, writer) == LINE

        assert time.monotonic() - began >= 0.4


async def test_a_rate_bounds_what_passes(port: int, link: Link) -> None:
    await link.set(Weather(rate=10_000))

    async with connected(port) as (reader, writer):
        began = time.monotonic()
        assert await exchange(reader, writer, b"x" * 2_999 + b"\n") == b"x" * 2_999 + b"\n"

        assert time.monotonic() - began >= 0.6


async def test_a_black_hole_keeps_connections_and_what_was_sent_passes_once_it_is_gone(port: int, link: Link) -> None:
    async with connected(port) as (reader, writer):
        assert await exchange(reader, writer) == LINE
        await link.set(Weather(blackhole=True))

        writer.write(LINE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.3)
        await link.clear()

        assert await reader.readline() == LINE


async def test_a_black_hole_takes_new_connections_which_hear_nothing(port: int, link: Link) -> None:
    await link.set(Weather(blackhole=True))

    async with connected(port) as (reader, writer):
        writer.write(LINE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.3)
        await link.clear()

        assert await reader.readline() == LINE


async def test_a_reset_ends_every_connection_and_takes_new_ones(port: int, link: Link) -> None:
    async with connected(port) as (reader, writer):
        assert await exchange(reader, writer) == LINE

        await link.set(Weather(reset=True))

        with pytest.raises(ConnectionResetError):
            await reader.readline()
    async with connected(port) as (reader, writer):
        assert await exchange(reader, writer) == LINE


async def test_a_forgotten_flow_is_acknowledged_by_nobody_and_new_ones_pass(port: int, link: Link) -> None:
    async with connected(port) as (reader, writer), connected(port) as (idle, quiet):
        assert await exchange(reader, writer) == LINE
        assert await exchange(idle, quiet) == LINE
        end = writer.get_extra_info("socket")
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)

        await link.set(Weather(forget=True))
        await link.clear()

        writer.write(LINE)
        with pytest.raises(TimeoutError, match="timed out"):  # the kernel's: ETIMEDOUT
            await asyncio.wait_for(reader.readline(), 10)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(idle.readline(), 0.1)
        async with connected(port) as (new_reader, new_writer):
            assert await exchange(new_reader, new_writer) == LINE
            assert await link.set(Weather()) == 1


async def test_what_is_on_its_way_when_its_flow_is_forgotten_is_lost(port: int, link: Link) -> None:
    await link.set(Weather(latency=0.3))
    async with connected(port) as (reader, writer):
        writer.write(LINE)
        await until(partial(some, link))

        await link.set(Weather(forget=True))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 1)


async def some(link: Link) -> bool:
    return await link.set(Weather(latency=0.3)) > 0


async def test_refusing_ends_every_connection_and_takes_none_until_it_is_over(port: int, link: Link) -> None:
    async with connected(port) as (reader, writer):
        assert await exchange(reader, writer) == LINE

        await link.set(Weather(refuse=True))

        with pytest.raises(ConnectionResetError):
            await reader.readline()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, port)
    await link.clear()
    async with connected(port) as (reader, writer):
        assert await exchange(reader, writer) == LINE


async def test_a_cut_ends_a_connection_in_the_midst_of_an_answer(port: int, link: Link) -> None:
    await link.set(Weather(cut_after=len(LINE) + 5))

    async with connected(port) as (reader, writer):
        assert await exchange(reader, writer) == LINE
        writer.write(LINE)

        with pytest.raises(ConnectionResetError):
            await reader.readuntil(b"\n")
