"""A keep-alive connection of the generator: one request at a time, its answer read as far as its length."""

import asyncio
import re
from collections.abc import Callable
from typing import Final, cast

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LEAST_ERROR: Final = 400

Answered = Callable[["Connection", bool], None]
"""Called with the connection, which is free again, and whether the answer was a good one."""


class Connection(asyncio.Protocol):
    """Sends one request after another; tells of each answer."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._is_waiting = False
        self.sent_at = 0.0
        """When the request in hand was due: seconds of `time.perf_counter`, which is finer than uvloop's clock."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be used from now on."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due: float) -> None:
        """Sends a request, which was due at this moment."""
        self.sent_at, self._is_waiting = due, True
        if self._transport is None or self._transport.is_closing():
            self._done(is_good=False)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = _LENGTH.search(head)
        if length is None or len(body) >= int(length[1]):
            self._received = b""
            self._done(is_good=int(head[9:12]) < LEAST_ERROR)

    def connection_lost(self, _: Exception | None) -> None:
        """What is waited for will not come."""
        if self._is_waiting:
            self._done(is_good=False)

    def close(self) -> None:
        """No more requests."""
        self._is_waiting = False
        if self._transport is not None:
            self._transport.close()

    def _done(self, *, is_good: bool) -> None:
        self._is_waiting = False
        self._answered(self, is_good)
