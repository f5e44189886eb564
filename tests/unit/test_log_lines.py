"""A reader of the log that hangs costs lines, and neither the process nor a second of anybody's time."""

import contextlib
import logging
import os
import pty
import select
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from synckit.observability import lines
from synckit.observability.lines import Lines

LONG = "x" * 3_000

Ends = Callable[[], tuple[int, int]]


def a_terminal() -> tuple[int, int]:
    reads, writes = pty.openpty()
    tty.setraw(writes)
    return reads, writes


def a_socket() -> tuple[int, int]:
    """As of systemd's journal."""
    reads, writes = socket.socketpair()
    return reads.detach(), writes.detach()


class Reader:
    """Where lines go, and what has arrived."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self._end, self._writes = ends
        self._stream = os.fdopen(os.dup(self._writes), "w")
        self.handler = Lines(self._stream)

    def say(self, text: str) -> None:
        self.handler.emit(logging.makeLogRecord({"msg": text, "levelname": "INFO"}))

    def read(self) -> list[str]:
        """What there is by now, as lines."""
        os.set_blocking(self._end, False)
        found = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                found += os.read(self._end, 65_536)
        return found.decode().splitlines()

    def close(self) -> None:
        self.handler.close()
        self._stream.close()
        os.close(self._writes)
        os.close(self._end)


@pytest.fixture(params=[os.pipe, a_terminal, a_socket])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    reader = Reader(request.param())
    yield reader
    reader.close()


def dropped() -> float:
    return REGISTRY.get_sample_value("paintbox_log_lines_dropped_total") or 0.0


def test_lines_arrive_whole_and_in_order(reader: Reader) -> None:
    arrived = []
    for text in ("one", LONG, "two"):
        reader.say(text)
        arrived += reader.read()

    assert arrived == ["one", LONG, "two"]


def test_where_nobody_reads_lines_are_dropped_and_that_is_told(reader: Reader) -> None:
    before, began = dropped(), time.monotonic()
    for number in range(300):
        reader.say(f"{number} {LONG}")
    took, missing = time.monotonic() - began, dropped() - before
    arrived = reader.read()
    reader.say("again")

    assert took < 2 * lines.MOST_WAIT_SECONDS
    assert missing > 100
    assert arrived[0] == f"0 {LONG}"
    assert reader.read()[-2:] == ["again", "Log lines were dropped: nobody read"]


def test_a_reader_that_reads_all_the_time_misses_nothing() -> None:
    reader, arrived = Reader(os.pipe()), list[str]()
    has_ended = threading.Event()

    def read_on() -> None:
        while not has_ended.is_set() or select.select([reader._end], [], [], 0)[0]:
            if select.select([reader._end], [], [], 0.01)[0]:
                arrived.append(os.read(reader._end, 4_096).decode())
                time.sleep(0.0005)

    reads = threading.Thread(target=read_on)
    reads.start()
    for number in range(100):
        reader.say(f"{number} {LONG}")
    has_ended.set()
    reads.join()
    reader.close()

    assert "".join(arrived).splitlines() == [f"{number} {LONG}" for number in range(100)]


def test_a_reader_that_hangs_again_and_again_is_waited_for_a_tenth_of_the_time_at_most() -> None:
    reader, began = Reader(os.pipe()), time.monotonic()
    for _ in range(6):
        while not reader.handler._dropped:
            reader.say(LONG)
        reader.read()
        reader.say("next")
    reader.close()

    assert time.monotonic() - began < 2 * lines.MOST_WAIT_SECONDS


def test_a_line_that_was_torn_does_not_spoil_the_next(reader: Reader) -> None:
    while not reader.handler._dropped:
        reader.say(LONG)
    reader.read()

    reader.say("next")

    assert "next" in reader.read()


def test_a_pipe_of_another_user_is_written_to_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    reader = Reader(os.pipe())
    while not reader.handler._dropped:
        reader.say(LONG * 2)

    assert reader.read()[0] == LONG * 2
    monkeypatch.undo()
    reader.close()


def test_a_file_has_all_lines(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        handler = Lines(file)
        for number in range(1_000):
            handler.emit(logging.makeLogRecord({"msg": str(number)}))
        handler.close()

    assert (tmp_path / "log").read_text().splitlines() == [str(number) for number in range(1_000)]
