"""A reader of the log that hangs costs lines, and neither the process nor a second of anybody's time."""

import io
import logging
import os
import time
from collections.abc import Iterator
from typing import TextIO

import pytest
from prometheus_client import REGISTRY

from synckit.observability.lines import Lines

LONG = "x" * 10_000


class Pipe:
    """Where lines go, and what has arrived."""

    def __init__(self) -> None:
        self.end, writes = os.pipe()
        self.stream: TextIO = os.fdopen(writes, "w")
        self.handler = Lines(self.stream)

    def say(self, text: str) -> None:
        self.handler.emit(logging.makeLogRecord({"msg": text, "levelname": "INFO"}))

    def read(self) -> list[str]:
        """What there is by now, as lines."""
        os.set_blocking(self.end, False)
        found = b""
        while True:
            try:
                found += os.read(self.end, 65_536)
            except BlockingIOError:
                return found.decode().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.stream.close()
    os.close(pipe.end)


def dropped() -> float:
    return REGISTRY.get_sample_value("paintbox_log_lines_dropped_total") or 0.0


def test_lines_arrive_whole_and_in_order(pipe: Pipe) -> None:
    for text in ("one", LONG, "two"):
        pipe.say(text)

    assert pipe.read() == ["one", LONG, "two"]


def test_where_nobody_reads_lines_are_dropped_and_that_is_told(pipe: Pipe) -> None:
    before, began = dropped(), time.monotonic()
    for number in range(50):
        pipe.say(f"{number} {LONG}")
    took, missing = time.monotonic() - began, dropped() - before
    arrived = pipe.read()
    pipe.say("again")

    assert took < 2
    assert missing > 40
    assert arrived[:2] == [f"0 {LONG}", f"1 {LONG}"]
    assert pipe.read()[-2:] == ["again", "Log lines were dropped: nobody read"]


def test_a_line_that_was_torn_does_not_spoil_the_next(pipe: Pipe) -> None:
    while not pipe.handler._dropped:
        pipe.say(LONG)
    pipe.read()

    pipe.say("next")

    assert "next" in pipe.read()


def test_what_is_no_file_is_written_to_all_the_same() -> None:
    stream = io.StringIO()

    Lines(stream).emit(logging.makeLogRecord({"msg": "one", "levelname": "INFO"}))

    assert stream.getvalue() == "one\n"
