"""Load by `wrk` where it is installed, else by a generator of our own: in a process beside the one that is measured."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from paintbox.bench.outcomes import Run
from paintbox.errors import OperatorError

SCRIPT: Final = Path(__file__).with_name("wrk.lua")
END_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Load:
    """So many connections that send the requests of a file in turn, each pausing so long on average after an answer."""

    url: str
    requests: Path
    connections: int
    seconds: float
    pause_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it. `errors` are answers above 399, and whatever is no answer."""

    requests: int
    seconds: float
    errors: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    def run(self, cpu_seconds: float, peak_rss: int) -> Run:
        """As a turn of the process that answered."""
        more = {"p50 ms": self.p50_ms, "p99 ms": self.p99_ms}
        return Run(self.requests, self.seconds, cpu_seconds, peak_rss, more)


def together(loads: Sequence[Loaded], cpu_seconds: float, peak_rss: int) -> Run:
    """Loads that ran at once, as one turn: their rates are added, and percentiles are those of a single one only."""
    if len(loads) == 1:
        return loads[0].run(cpu_seconds, peak_rss)
    requests, rate = sum(load.requests for load in loads), sum(load.requests / load.seconds for load in loads)
    seconds = requests / rate if rate else loads[0].seconds  # a busy machine may answer nothing in a short round
    return Run(requests, seconds, cpu_seconds, peak_rss)


def find_wrk() -> str | None:
    """The program, where it is installed."""
    return shutil.which("wrk")


def describe() -> str:
    """What makes the load here."""
    wrk = find_wrk()
    if wrk is None:
        return "a generator of ours (asyncio, a process of its own): `wrk` is not installed"
    told = subprocess.run([wrk, "-v"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"wrk \D*([\d.]+)", told)
    return f"wrk {found[1]}, one thread" if found else "wrk, one thread"


def write(requests: Sequence[bytes], path: Path) -> Path:
    """Keeps the requests as both generators read them: a line with a length, then so many bytes."""
    path.write_bytes(b"".join(b"%d\n%b" % (len(each), each) for each in requests))
    return path


def read(path: Path) -> list[bytes]:
    """The requests that `write` kept."""
    content, at, found = path.read_bytes(), 0, []
    while at < len(content):
        line = content.index(b"\n", at)
        at = line + 1 + int(content[at:line])
        found.append(content[line + 1 : at])
    return found


async def run(load: Load) -> Loaded:
    """Makes the load. Raises OperatorError where a request failed: what is refused is not measured."""
    wrk = find_wrk()
    command = _of_wrk(wrk, load) if wrk else _ours(load)
    loaded = Loaded(**await told(command, load.seconds))
    if loaded.errors:
        raise OperatorError(f"{loaded.errors:,} of {loaded.requests:,} requests to {load.url} failed.")
    return loaded


def _of_wrk(wrk: str, load: Load) -> list[str]:
    options = ["-t1", f"-c{load.connections}", f"-d{max(round(load.seconds), 1)}s", "--timeout", "10s"]
    return [wrk, *options, "-s", str(SCRIPT), load.url, "--", str(load.requests), f"{load.pause_ms:.3f}"]


def _ours(load: Load) -> list[str]:
    at = urlsplit(load.url)
    order = {
        "host": at.hostname,
        "port": at.port,
        "requests": str(load.requests),
        "connections": load.connections,
        "seconds": load.seconds,
        "pause_ms": load.pause_ms,
    }
    return [sys.executable, "-P", "-m", "paintbox.bench.load.generator", json.dumps(order)]


async def told(command: list[str], seconds: float) -> dict[str, Any]:
    """What a generator says at its end, after about so many seconds. Raises OperatorError where it says nothing."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        async with asyncio.timeout(seconds + END_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        raise OperatorError(f"{command[0]} did not end {END_SECONDS:g} s after its load.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    line = next((line for line in output.decode().splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise OperatorError(f"{command[0]} made no load: {errors.decode().strip()[-300:] or output.decode()[-300:]}")
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return found
