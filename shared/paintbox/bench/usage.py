"""What a running process has used: CPU of its user and system time, and the high-water mark of its memory."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from paintbox.bench.outcomes import Run

KIBIBYTE = 1024


@dataclass(slots=True)
class Stopwatch:
    """Of this very process: from `Stopwatch()` to `run`, the peak of its memory too."""

    started: float = field(default_factory=time.perf_counter)
    cpu_started: float = field(default_factory=time.process_time)

    def __post_init__(self) -> None:
        """The watch is running."""
        forget_peak(os.getpid())

    def run(self, events: int, **more: float) -> Run:
        """So many events since the start."""
        seconds, cpu = time.perf_counter() - self.started, time.process_time() - self.cpu_started
        return Run(events, seconds, cpu, peak_rss(os.getpid()), more)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process since it began, to the tick (10 ms)."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def family_cpu_seconds(pid: int) -> float:
    """The same of a process and its children, those that have ended included: PostgreSQL has one for each session.

    One that ends in this very moment may count twice.
    """
    process, seconds = psutil.Process(pid), 0.0
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            seconds += cpu_seconds(child.pid)
    times = process.cpu_times()
    return seconds + times.user + times.system + times.children_user + times.children_system


def forget_peak(pid: int) -> None:
    """From now on `peak_rss` tells the most since now. Where the system cannot, since the process began."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_rss(pid: int) -> int:
    """The most memory that a process had resident since its start or `forget_peak`, in bytes: VmHWM.

    Else (not Linux) what it has now.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return int(psutil.Process(pid).memory_info().rss)
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * KIBIBYTE


def rss(pid: int) -> int:
    """The memory that a process has resident now, in bytes."""
    return int(psutil.Process(pid).memory_info().rss)


def encoded(run: Run) -> dict[str, object]:
    """A run as one process tells it to another."""
    return {
        "events": run.events,
        "seconds": run.seconds,
        "cpu_seconds": run.cpu_seconds,
        "peak_rss": run.peak_rss,
        "more": dict(run.more),
    }


def decoded(told: Mapping[str, object]) -> Run:
    """The run that `encoded` wrote."""
    return Run(**told)  # type: ignore[arg-type] # written by `encoded`
