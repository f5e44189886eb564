"""Processes that outlive the command that starts them, and how the same process is found again by a later command."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from paintbox.errors import OperatorError
from paintbox.files import write_atomically
from paintbox.stack.account import Account

MARK: Final = "STACK_OF_PAINTBOX"
"""In the environment of every process of a stack: `<directory>:<part>`. A name of its own, for it is no setting."""

LARGEST_LOG: Final = 16 * 1024 * 1024
LOOK_SECONDS: Final = 0.02
KILL_SECONDS: Final = 10.0
CLOCK_SECONDS: Final = 2.0
"""The start time of one process may be read a little differently when the clock is corrected meanwhile."""

PASSED_ON: Final = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "JAVA_HOME",
    "LD_LIBRARY_PATH",
)
"""What of the caller's environment a process gets beside its own file."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a pid file says: which process it was, and what it was started with."""

    name: str
    pid: int
    started: float
    """Seconds since the epoch, as the system gives a process's start."""
    fingerprint: str
    mark: str


def launch(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    folder: Path,
    account: Account | None = None,
) -> "subprocess.Popen[bytes]":
    """Starts the command in a session of its own; what it prints is added to the log, which only we can read.

    Raises OperatorError where it cannot be started at all.
    """
    with open(log, "ab", opener=_private) as output:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
                umask=0o077,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except OSError as error:
            raise OperatorError(f"{command[0]} cannot be started: {error.strerror}.") from error
    return process


def reap(process: "subprocess.Popen[bytes]", told: Path | None = None) -> None:
    """Waits for the process in a thread of its own, so that it leaves no zombie however long we live.

    What it exited with is written to the file, for `exit_code`.
    """
    threading.Thread(target=_reap, args=(process, told), name=f"reap-{process.pid}", daemon=True).start()


def _reap(process: "subprocess.Popen[bytes]", told: Path | None) -> None:
    code = process.wait()
    if told is not None:
        with contextlib.suppress(FileNotFoundError):  # the stack was removed meanwhile
            write_atomically(told, f"{process.pid} {code}\n")


def told_at(folder: Path, name: str) -> Path:
    """Where it is written with what a part's process exited last."""
    return folder / f"{name}.exit"


def exit_code(told: Path, pid: int, seconds: float) -> int | None:
    """With what this process exited, which has ended just now; None where nobody who started it says so in time."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(FileNotFoundError):
            number, code = map(int, told.read_text().split())
            if number == pid:
                return code
        if time.monotonic() > deadline:
            return None
        time.sleep(LOOK_SECONDS)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def roll(log: Path) -> int:
    """Sets a log that has grown above 16 MiB aside, as `<name>.1`; how long the log is now, in bytes."""
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return 0
    if size <= LARGEST_LOG:
        return size
    log.replace(log.with_name(f"{log.name}.1"))
    return 0


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The little of the caller's environment that every process of the stack gets."""
    return {name: environment[name] for name in PASSED_ON if environment.get(name)}


def write_record(folder: Path, record: Record) -> None:
    """Keeps the record in `<folder>/<name>.pid`: pid, start, fingerprint and mark, a line each."""
    text = f"{record.pid}\n{record.started!r}\n{record.fingerprint}\n{record.mark}\n"
    write_atomically(folder / f"{record.name}.pid", text)


def read_records(folder: Path) -> dict[str, Record]:
    """Every record in the folder, by its part's name. A file that is not ours to understand is left out."""
    records = {path.stem: _parse(path) for path in sorted(folder.glob("*.pid"))}
    return {name: record for name, record in records.items() if record is not None}


def _parse(path: Path) -> Record | None:
    try:
        pid, started, fingerprint, mark = path.read_text().splitlines()
        return Record(path.stem, int(pid), float(started), fingerprint, mark)
    except (ValueError, FileNotFoundError):
        return None


def remove_record(folder: Path, name: str) -> None:
    """Forgets the part's process. Harmless where there is no record."""
    (folder / f"{name}.pid").unlink(missing_ok=True)


def find(record: Record) -> psutil.Process | None:
    """The recorded process where it still runs. Never another that has its number now; never a zombie."""
    try:
        process = psutil.Process(record.pid)
        return process if lives(process) and _is_the_same(process, record) else None
    except psutil.NoSuchProcess:
        return None


def _is_the_same(process: psutil.Process, record: Record) -> bool:
    return abs(process.create_time() - record.started) < CLOCK_SECONDS or _mark_of(process) == record.mark


def _mark_of(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except (psutil.Error, OSError):
        return ""


def strays(directory: Path, known: Sequence[int]) -> list[psutil.Process]:
    """Processes of the stack in this directory that no pid file knows, as after `rm -rf .local`; the newest first.

    Their children are left out: they end with them.
    """
    marked = {process.pid: process for process in psutil.process_iter() if _belongs(process, directory)}
    ours = marked.keys() | set(known)
    lost = [process for pid, process in marked.items() if pid not in known and _parent(process) not in ours]
    return sorted(lost, key=psutil.Process.create_time, reverse=True)


def part_of(process: psutil.Process) -> str:
    """Which part of its stack a marked process is."""
    return _mark_of(process).rpartition(":")[2]


def _belongs(process: psutil.Process, directory: Path) -> bool:
    return _mark_of(process).startswith(f"{directory}:") and process.pid != os.getpid()


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def lives(process: psutil.Process) -> bool:
    """Whether it still does anything. A zombie does not, however long its parent leaves it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_end(family: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Waits until all have ended, at most so long; those that have not."""
    deadline = time.monotonic() + seconds
    while (alive := [process for process in family if lives(process)]) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return alive


def stop(process: psutil.Process, how: signal.Signals, seconds: float) -> bool:
    """Asks the process to end, waits, then kills it with its children; whether it had to be killed.

    A frozen process is woken first with its children, so that it can end by itself.
    """
    try:
        children = process.children(recursive=True)
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
    except psutil.NoSuchProcess:
        return False
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.send_signal(signal.SIGCONT)
    if not wait_for_end([process], seconds):
        return False
    kill([process, *children])
    return True


def kill(family: Sequence[psutil.Process]) -> None:
    """Ends them all at once, and waits until they are gone."""
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    wait_for_end(family, KILL_SECONDS)


def tail(log: Path, start: int = 0, lines: int = 15) -> list[str]:
    """The last lines of the log, none from before the byte `start`."""
    try:
        with log.open("rb") as text:
            end = text.seek(0, os.SEEK_END)
            text.seek(max(min(start, end), end - 64 * 1024))
            return text.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
