"""A TCP proxy that can be told to misbehave: `python -m paintbox.prove.proxy LISTEN UPSTREAM CONTROL`, three ports.

A line of JSON on the control port sets the weather, and `{}` clears it; each is answered by a line with the number of
connections. All that a line does not name is as in fair weather.
"""

import asyncio
import contextlib
import ctypes
import json
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"
PIECE: Final = 64 * 1024
RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends RST at once."""
SO_ATTACH_FILTER: Final = 26
"""Linux, asm-generic/socket.h; Python has no name for it."""
NOTHING_PASSES: Final = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A program of one instruction for a socket: of every packet that comes, 0 bytes are kept."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to bytes and connections."""

    latency: float = 0.0
    """Seconds that each piece of at most 64 KiB is held, in each direction; so it bounds the rate too."""
    rate: int = 0
    """Bytes per second of each direction of a connection; 0 is unbounded."""
    blackhole: bool = False
    """Nothing passes, and nobody is told: connections stay open, new ones are accepted."""
    cut_after: int = 0
    """Each connection is reset after so many more bytes from the server; 0 never."""
    reset: bool = False
    """Every connection is reset once, now; new ones are served."""
    forget: bool = False
    """Every flow that there is is forgotten, now and for ever, as by a firewall that was restarted: its packets vanish,
    nobody is told, and nobody's kernel acknowledges them. New connections are served. (A black hole of this program
    takes what it is sent, so that a socket's own time-outs never see it.)"""
    refuse: bool = False
    """Every connection is reset, and new ones are refused."""

    @property
    def is_passable(self) -> bool:
        """Whether bytes pass at all."""
        return not (self.blackhole or self.refuse)


class Proxy:
    """The connections between one port and another, and the weather over them."""

    def __init__(self, listen: int, upstream: int) -> None:
        self._listen = listen
        self._upstream = upstream
        self._weather = Weather()
        self._passable = asyncio.Event()
        self._passable.set()
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, int] = {}
        """Both ends of each connection, and how many bytes may still pass towards it (-1: any number)."""
        self._forgotten: set[asyncio.StreamWriter] = set()
        """Both ends of each flow that was forgotten. They stay open: closing them would tell."""

    async def open(self) -> None:
        """Accepts connections."""
        self._server = await asyncio.start_server(self._serve, HOST, self._listen)

    async def close(self) -> None:
        """Refuses new connections and resets those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._reset_all()

    async def set(self, weather: Weather) -> int:
        """From now on it is so. How many connections there are."""
        self._weather = weather
        if weather.refuse:
            await self.close()
        elif self._server is None:
            await self.open()
        if weather.reset:
            self._reset_all()
        if weather.forget:
            self._forget_all()
        for writer in self._open:
            self._open[writer] = weather.cut_after or -1
        if weather.is_passable:
            self._passable.set()
        else:
            self._passable.clear()
        return len(self._open) // 2

    def _reset_all(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    def _forget_all(self) -> None:
        for writer in self._open:
            _deafen(writer)
        self._forgotten |= self._open.keys()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passable.wait()
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(HOST, self._upstream)
        except OSError:
            _reset(writer)
            return
        self._open |= {writer: self._weather.cut_after or -1, upstream_writer: -1}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, upstream_writer))
                group.create_task(self._pump(upstream_reader, writer))
        except* OSError:
            pass  # one end is gone: the other learns of it now
        finally:
            for end in (writer, upstream_writer):
                self._open.pop(end, None)
                _reset(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the end of the stream, which is passed on; a connection is over when both directions have ended."""
        while piece := await reader.read(PIECE):
            await self._hold(len(piece))
            if writer in self._forgotten:
                await asyncio.Future()  # what was on its way is lost, and more never comes
            writer.write(self._allowed(writer, piece))
            await writer.drain()
            if self._open.get(writer) == 0:
                raise ConnectionAbortedError
        writer.write_eof()

    async def _hold(self, size: int) -> None:
        weather = self._weather
        await asyncio.sleep(weather.latency + (size / weather.rate if weather.rate else 0))
        await self._passable.wait()

    def _allowed(self, writer: asyncio.StreamWriter, piece: bytes) -> bytes:
        """What of the piece may still pass."""
        left = self._open.get(writer, -1)
        if left < 0:
            return piece
        self._open[writer] = max(left - len(piece), 0)
        return piece[:left]


def _deafen(writer: asyncio.StreamWriter) -> None:
    """From now on its kernel takes no packet for it, not even an acknowledgement: Linux asks the filter before TCP."""
    end: socket.socket = writer.get_extra_info("socket")
    program = ctypes.create_string_buffer(NOTHING_PASSES, len(NOTHING_PASSES))
    end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with a RST, dropping what was not sent."""
    end: socket.socket | None = writer.get_extra_info("socket")
    if end is not None and not writer.transport.is_closing():
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


async def run(listen: int, upstream: int, control: int) -> None:
    """Serves until SIGTERM or SIGINT."""
    proxy, stopping = Proxy(listen, upstream), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    async def on_control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = {"connections": await proxy.set(Weather(**json.loads(line)))}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    await proxy.open()
    server = await asyncio.start_server(on_control, HOST, control)
    await stopping.wait()
    server.close()
    await proxy.close()


if __name__ == "__main__":
    asyncio.run(run(*(int(port) for port in sys.argv[1:])))
