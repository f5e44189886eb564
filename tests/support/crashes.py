"""Processes of a running local stack, stopped and started one at a time, as a supervisor would."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx
import psutil

from paintbox.environment import parse
from support.local_stack import LocalStack
from support.waiting import until, until_true

MODULES: Final = {
    "webhook-ingest": "webhook_ingest",
    "webhook-log": "webhook_ingest.log",
    "customer-sync": "customer_sync",
    "photo-sync": "photo_sync",
}


@dataclass
class Crashes:
    """Whoever stops a process here starts it again here: the stack's own pid file then tells of the former one."""

    stack: LocalStack
    http: httpx.AsyncClient
    started: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    async def stop(self, name: str) -> None:
        """End the process by SIGTERM, whoever started it."""
        ours = self.started.pop(name, None)
        pid = ours.pid if ours else int((self.stack.directory / "pids" / f"{name}.pid").read_text().split()[0])
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.terminate()
            await until_true(lambda: _has_ended(process, ours))

    def start(
        self, name: str, environment: Mapping[str, str] = MappingProxyType({}), log: Path | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start the process as the stack does, with more in its environment, and its output elsewhere where named."""
        given = parse((self.stack.directory / "env.d" / name).read_text())
        kept = {key: value for key, value in psutil.Process().environ().items() if not key.startswith("PAINTBOX_")}
        with (log or self.stack.directory / "logs" / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULES[name]],
                env={**kept, **given, **environment},
                stdout=output,
                stderr=output,
            )
        self.started[name] = process
        return process

    async def killed(self, process: "subprocess.Popen[bytes]", seconds: float = 180.0) -> int | None:
        """How the process ended: its exit code, or minus the signal; None where it had to be ended after so long."""
        try:
            await until_true(lambda: process.poll() is not None, seconds)
        except TimeoutError:
            process.kill()
            process.wait()
            return None
        return process.returncode

    async def ready(self, name: str, seconds: float = 120.0) -> None:
        """Wait until it says that it is."""
        listen = parse((self.stack.directory / "env.d" / name).read_text())["PAINTBOX_LISTEN"]

        async def answers() -> bool:
            try:
                return (await self.http.get(f"http://{listen}/readyz")).is_success
            except httpx.TransportError:
                return False

        await until(answers, seconds)

    async def end(self) -> None:
        """Stop every process that was started here."""
        for name, process in list(self.started.items()):
            process.send_signal(signal.SIGCONT)
            await self.stop(name)


def _has_ended(process: psutil.Process, ours: "subprocess.Popen[bytes] | None") -> bool:
    if ours is not None:
        return ours.poll() is not None
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
