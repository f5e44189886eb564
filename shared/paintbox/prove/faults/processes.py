"""Processes that die, freeze, are restarted, or whose clock is wrong."""

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paintbox.prove.faults.kind import EDGE, KAFKA, POSTGRES, PROCESS, SERVICE, Heal, Kind, nothing
from paintbox.stack.layout import replicas

if TYPE_CHECKING:
    from paintbox.prove.rig import Rig

FAKETIME: Final = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
)
MINUTES: Final = 10
"""By how much a clock is wrong."""


async def _kill(rig: "Rig", target: str) -> Heal:
    handle = rig.processes[target]
    await handle.kill()
    return handle.start


async def _freeze(rig: "Rig", target: str) -> Heal:
    handle = rig.processes[target]
    handle.freeze()

    async def thaw() -> None:
        handle.thaw()
        await handle.start()

    return thaw


async def _end(rig: "Rig", target: str) -> None:
    """Asks it to end, and notes how it did."""
    if ending := await rig.processes[target].terminate():
        rig.endings.append(ending)


async def _restart(rig: "Rig", target: str) -> Heal:
    await _end(rig, target)
    return rig.processes[target].start


async def _roll(rig: "Rig", target: str) -> Heal:
    for name in replicas(target, rig.stack.kept.layout):
        await _end(rig, name)
        await rig.processes[name].start()
    return nothing


@cache
def find_faketime(patterns: Sequence[str] = FAKETIME) -> str | None:
    """The library that moves a process's clock; None where this machine has none.

    Each is tried on a process of its own: one of another architecture is passed over at a start, and nobody fails.
    """
    found = (str(path) for pattern in patterns for path in sorted(Path("/").glob(pattern.removeprefix("/"))))
    return next((library for library in found if _moves_a_clock(library)), None)


def _moves_a_clock(library: str) -> bool:
    told = subprocess.run(
        [sys.executable, "-ISc", "import time; print(time.time())"],
        env=_moved(library, MINUTES),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return bool(told) and float(told) > time.time() + (MINUTES - 1) * 60


def _moved(library: str, minutes: int) -> dict[str, str]:
    return {"LD_PRELOAD": library, "FAKETIME": f"{minutes:+d}m", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


async def _move_clock(rig: "Rig", target: str, minutes: int) -> Heal:
    """A clock can only be moved at a start, so the process is restarted twice."""
    await _end(rig, target)
    await rig.processes[target].start(_moved(find_faketime() or "", minutes))
    return partial(_restore_clock, rig, target)


async def _restore_clock(rig: "Rig", target: str) -> None:
    await _end(rig, target)
    await rig.processes[target].start()


def _clock_is_movable(_: "Rig") -> str | None:
    return None if find_faketime() else "there is no libfaketime that works (Debian: apt-get install libfaketime)"


def _there_is_an_edge(rig: "Rig") -> str | None:
    return None if rig.edge else "nginx is not installed"


KINDS: Final = (
    Kind("kill", PROCESS, "kill -9 of {target}", (0.5, 6.0), _kill),
    Kind("freeze", PROCESS, "SIGSTOP of {target}", (2.0, 8.0), _freeze),
    Kind("freeze-long", PROCESS, "SIGSTOP of {target}, past its session", (12.0, 25.0), _freeze),
    Kind("restart", PROCESS, "SIGTERM and restart of {target}", (0.0, 2.0), _restart),
    Kind("rolling-restart", SERVICE, "restart of every {target}, one after another", (0.0, 0.0), _roll),
    Kind(
        "clock-ahead",
        PROCESS,
        f"clock of {{target}} {MINUTES} minutes ahead",
        (6.0, 12.0),
        partial(_move_clock, minutes=MINUTES),
        _clock_is_movable,
    ),
    Kind(
        "clock-behind",
        PROCESS,
        f"clock of {{target}} {MINUTES} minutes behind",
        (6.0, 12.0),
        partial(_move_clock, minutes=-MINUTES),
        _clock_is_movable,
    ),
    Kind("edge-kill", EDGE, "kill -9 of the edge", (0.0, 1.0), _kill, _there_is_an_edge),
    Kind("edge-freeze", EDGE, "SIGSTOP of the edge", (1.0, 4.0), _freeze, _there_is_an_edge),
    Kind("kafka-kill", KAFKA, "kill -9 of the broker", (0.5, 4.0), _kill),
    Kind("kafka-freeze", KAFKA, "SIGSTOP of the broker", (3.0, 14.0), _freeze),
    Kind("postgres-kill", POSTGRES, "kill -9 of PostgreSQL with its children", (0.5, 4.0), _kill),
    Kind("postgres-freeze", POSTGRES, "SIGSTOP of PostgreSQL with its children", (3.0, 12.0), _freeze),
)
