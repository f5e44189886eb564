"""Log lines to whoever reads them: a reader that hangs costs lines, never the process that writes them."""

import io
import logging
import os
import select
from typing import Final, TextIO

from synckit.observability import metrics

WAIT_MS: Final = 100
"""How long a line waits for a reader that is slow: once, then none does until it reads again."""


class Lines(logging.Handler):
    """Writes each record as a line. One that its reader does not take in time is dropped, and counted.

    A pipe takes a piece of `PIPE_BUF` bytes at once where it takes anything, so nothing written here waits.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        stream.flush()
        self._stream = stream
        self._room = _room(stream)
        self._is_stuck = self._is_torn = False
        self._dropped = 0

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
        if self._room is None:
            self._stream.write(f"{line}\n")
            self._stream.flush()
            return True
        data = b"\n" * self._is_torn + f"{line}\n".encode()
        while data:
            if not self._room.poll(0 if self._is_stuck else WAIT_MS):
                self._is_stuck = True
                return False
            written = os.write(self._stream.fileno(), data[: select.PIPE_BUF])
            data = data[written:]
            self._is_stuck, self._is_torn = False, bool(data)
        return True


def _room(stream: TextIO) -> "select.poll | None":
    """What tells whether there is room in it; None where it is no file of the system's, and never full."""
    try:
        number = stream.fileno()
    except (OSError, io.UnsupportedOperation):
        return None
    found = select.poll()
    found.register(number, select.POLLOUT)
    return found
