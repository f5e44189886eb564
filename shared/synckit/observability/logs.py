"""One JSON object a line on standard output: a fixed sentence, and ids in `extra`. Never payloads, never people."""

import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Final

import orjson
import structlog

QUIET: Final = {
    "aiokafka": logging.CRITICAL,
    "asyncio": logging.WARNING,
    "faststream": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn.access": logging.WARNING,
}
"""aiokafka logs hundreds of lines a second while a broker is away; httpx logs whole URLs, tokens included."""


def configure(process: str, level: str = "INFO") -> None:
    """Sends every logger of this process to standard output as JSON. Once, from `__main__`."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_formatter(process))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)


def _formatter(process: str) -> logging.Formatter:
    def add_process(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        event.pop("color_message", None)  # uvicorn's, with escape sequences
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_process,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _add_frames,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
    )


def _add_frames(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Where an exception came from: kinds and places, never its text, which may quote a row or a secret."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = [_told(one) for one in _chain(error)]
    return event


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


def _dumps(event: object, **_: object) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
