"""Processes of the stack: found again by a later command, never mistaken for another, stopped whatever they do."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from paintbox.stack import processes
from paintbox.stack.processes import Record

SLEEP = "import time; print('runs', flush=True); time.sleep(600)"
EXITS_WITH_3 = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); print('runs', flush=True)\n"
    "while True: time.sleep(0.05)"  # one long sleep misses a signal that comes just before it
)
WAITS_FOR_ITS_CHILD = """
import os, signal, sys, time
child = os.fork()
if child:
    signal.signal(signal.SIGTERM, lambda *_: (os.kill(child, signal.SIGTERM), os.wait(), os._exit(0)))
    print('runs', flush=True)
while True: time.sleep(0.05)
"""
"""As PostgreSQL does at SIGINT."""
DEAF_FAMILY = (
    "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "os.fork() and print('runs', flush=True); time.sleep(600)"
)


class Started:
    """Processes of one test, ended with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[subprocess.Popen[bytes]] = []

    def start(self, script: str, mark: str = "") -> "subprocess.Popen[bytes]":
        log = self.folder / "log"
        lines = len(processes.tail(log, lines=1000))
        child = processes.launch(
            [sys.executable, "-c", script],
            log=log,
            environment={processes.MARK: mark} if mark else {},
            folder=self.folder,
        )
        self.children.append(child)
        while len(processes.tail(log, lines=1000)) == lines:
            assert child.poll() is None
        return child


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    started = Started(tmp_path)
    yield started
    for child in started.children:
        child.kill()
        child.wait()


def record_of(child: "subprocess.Popen[bytes]", mark: str = "") -> Record:
    return Record("part", child.pid, psutil.Process(child.pid).create_time(), "fingerprint", mark)


def test_a_record_finds_its_process_again(started: Started, tmp_path: Path) -> None:
    record = record_of(started.start(SLEEP))
    processes.write_record(tmp_path, record)

    read = processes.read_records(tmp_path)

    assert read == {"part": record}
    found = processes.find(read["part"])
    assert found is not None
    assert found.pid == record.pid


def test_a_stale_record_never_finds_the_stranger_that_has_its_number_now(started: Started) -> None:
    stranger = started.start(SLEEP)

    stale = Record("part", stranger.pid, psutil.Process(stranger.pid).create_time() - 60, "", "/a/stack:part")

    assert processes.find(stale) is None


def test_a_process_is_found_by_its_mark_though_the_clock_was_set(started: Started) -> None:
    child = started.start(SLEEP, mark="/a/stack:part")

    record = Record("part", child.pid, psutil.Process(child.pid).create_time() - 3600, "", "/a/stack:part")

    assert processes.find(record) is not None


def test_a_zombie_has_ended(started: Started) -> None:
    child = started.start(SLEEP)
    record = record_of(child)

    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert processes.find(record) is None


def test_a_frozen_process_is_woken_to_end_by_itself(started: Started) -> None:
    child = started.start(SLEEP)
    child.send_signal(signal.SIGSTOP)

    killed = processes.stop(psutil.Process(child.pid), signal.SIGTERM, 10)

    assert not killed
    assert child.wait() == -signal.SIGTERM


def test_who_waits_for_its_children_ends_by_itself_though_all_are_frozen(started: Started) -> None:
    child = started.start(WAITS_FOR_ITS_CHILD)
    family = [psutil.Process(child.pid), *psutil.Process(child.pid).children()]
    for process in family:
        process.suspend()

    killed = processes.stop(family[0], signal.SIGTERM, 10)

    assert len(family) == 2
    assert not killed


def test_a_process_that_does_not_end_is_killed_with_its_children(started: Started) -> None:
    child = started.start(DEAF_FAMILY)
    family = psutil.Process(child.pid).children()

    killed = processes.stop(psutil.Process(child.pid), signal.SIGTERM, 0.2)

    assert killed
    assert len(family) == 1
    assert not any(processes.lives(process) for process in family)


def test_strays_are_marked_processes_that_no_record_knows(started: Started, tmp_path: Path) -> None:
    known, stray, other = (
        started.start(SLEEP, mark=mark) for mark in (f"{tmp_path}:a", f"{tmp_path}:b", f"{tmp_path}x:c")
    )

    found = processes.strays(tmp_path, [known.pid])

    assert [process.pid for process in found] == [stray.pid]
    assert processes.part_of(found[0]) == "b"
    assert other.poll() is None


def test_the_tail_shows_nothing_from_before_the_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of yesterday\n")
    start = processes.roll(log)
    with log.open("a") as file:
        file.writelines(f"line {number}\n" for number in range(20))

    assert processes.tail(log, start, lines=30) == [f"line {number}" for number in range(20)]
    assert processes.tail(log, start, lines=1) == ["line 19"]


def test_a_log_that_has_grown_too_large_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(processes.LARGEST_LOG + 1)

    assert processes.roll(log) == 0
    assert not log.exists()
    assert (tmp_path / "log.1").stat().st_size == processes.LARGEST_LOG + 1


def test_what_a_process_prints_is_for_our_eyes_only(started: Started, tmp_path: Path) -> None:
    started.start(SLEEP)

    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("script", "code"), [(EXITS_WITH_3, 3), (SLEEP, -signal.SIGTERM)])
def test_what_a_process_exited_with_is_known_to_who_asked_it_to_end(
    started: Started, tmp_path: Path, script: str, code: int
) -> None:
    child = started.start(script)
    told = processes.told_at(tmp_path, "part")

    processes.reap(child, told)
    child.terminate()

    assert processes.exit_code(told, child.pid, 10) == code
    assert processes.exit_code(told, child.pid + 1, 0) is None
