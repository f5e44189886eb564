"""Log lines to whoever reads them: a reader that hangs costs lines, never the process that writes them."""

import logging
import os
import select
import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from time import monotonic
from typing import Final, TextIO

from synckit.observability import metrics

MOST_WAIT_SECONDS: Final = 0.5
"""How long lines wait, together, for a reader that is slow."""
WAIT_SHARE: Final = 0.1
"""Of the time that goes by without such a wait, as much comes back."""

Write = Callable[[bytes], int]
"""Takes as much as there is room for. BlockingIOError where that is nothing."""


class Lines(logging.Handler):
    """Writes each record as a line. One that its reader does not take in time is dropped, and counted."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        stream.flush()
        number = stream.fileno()
        self._opened = ExitStack()
        self._write_some = _without_waiting(number, self._opened)
        self._room = select.poll()
        self._room.register(number, select.POLLOUT)
        self._is_torn = False
        self._patience = MOST_WAIT_SECONDS
        self._waited_at = monotonic()
        self._dropped = 0

    def close(self) -> None:
        """Leaves the stream as it is, to whom it belongs."""
        self._opened.close()
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, or drop it."""
        try:
            if not self._write(self.format(record)):
                self._dropped += 1
                metrics.LOG_LINES_DROPPED.inc()
            elif self._dropped:
                many, self._dropped = self._dropped, 0
                told = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "lines": many}
                self._write(self.format(logging.makeLogRecord({**told, "msg": "Log lines were dropped: nobody read"})))
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)

    def _write(self, line: str) -> bool:
        data = b"\n" * self._is_torn + f"{line}\n".encode()
        while data:
            try:
                written = self._write_some(data)
            except BlockingIOError:
                if not self._is_read_soon():
                    return False
            else:
                data = data[written:]
                self._is_torn = bool(data)
        return True

    def _is_read_soon(self) -> bool:
        began = monotonic()
        patience = min(self._patience + (began - self._waited_at) * WAIT_SHARE, MOST_WAIT_SECONDS)
        has_room = bool(self._room.poll(int(patience * 1000)))
        self._waited_at = monotonic()
        self._patience = max(patience - (self._waited_at - began), 0.0)
        return has_room


def _without_waiting(number: int, opened: ExitStack) -> Write:
    """How to write to an open file, until what is opened for it is closed. A file on a disk has room, or fails.

    Others share the pipe or the terminal, and would not expect that their own writes fail where there is no room: so it
    is opened once more.
    """
    mode = os.fstat(number).st_mode
    if stat.S_ISSOCK(mode):
        line = opened.enter_context(socket.socket(fileno=os.dup(number)))
        return lambda data: line.send(data, socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(mode) or os.isatty(number):
        try:
            again = os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:  # it is another user's
            return partial(_piece, number)
        opened.callback(os.close, again)
        return partial(os.write, again)
    return partial(os.write, number)


def _piece(number: int, data: bytes) -> int:
    """A pipe takes so much at once wherever it takes anything."""
    room = select.poll()
    room.register(number, select.POLLOUT)
    if not room.poll(0):
        raise BlockingIOError
    return os.write(number, data[: select.PIPE_BUF])
