"""One JSON object a line on standard output: a fixed sentence, and ids in `extra`. Never payloads, never people."""

import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import orjson

from synckit.observability.lines import Lines

QUIET: Final = {
    "aiokafka": logging.CRITICAL,
    "asyncio": logging.WARNING,
    "faststream": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn.access": logging.WARNING,
}
"""aiokafka logs hundreds of lines a second while a broker is away; httpx logs whole URLs, tokens included."""

LEFT_OUT: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"})
"""What every record has, and uvicorn's escape sequences: the rest of a record is its `extra`."""


def configure(process: str, level: str = "INFO") -> None:
    """Sends every logger of this process to standard output as JSON. Once, from `__main__`."""
    stream = sys.stdout or sys.stderr  # none is there where a process was started with it closed
    handler = logging.NullHandler() if stream is None else Lines(stream)
    handler.setFormatter(_Formatter(process))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)


class _Formatter(logging.Formatter):
    """A record as a line of JSON."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            **{name: value for name, value in vars(record).items() if name not in LEFT_OUT},
            "timestamp": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="microseconds")
            .replace("+00:00", "Z"),
            "process": self._process,
        }
        if record.exc_info and record.exc_info[1] is not None:
            event["exception"] = [_told(one) for one in _chain(record.exc_info[1])]
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what caused it, newest first; behind a group whatever it holds."""
    current: BaseException | None = error
    while current is not None:
        yield current
        if isinstance(current, BaseExceptionGroup):
            for part in current.exceptions:
                yield from _chain(part)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _told(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"kind": f"{type(error).__module__}.{type(error).__qualname__}", "frames": places}
