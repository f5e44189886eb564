"""Processes of ours, started as they are in production, each with an environment and a port of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from paintbox.stack import probes, processes
from support import canaries
from support.waiting import until

HOST: Final = "127.0.0.1"
EXIT_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A process, where it listens, and its log."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://{HOST}:{self.port}"

    def tell(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, as soon as it has one."""
        return await asyncio.to_thread(self.process.wait, EXIT_SECONDS)

    async def listens(self) -> None:
        """Returns when it answers that its loop turns."""
        await until(self._is_alive, EXIT_SECONDS)

    async def is_ready(self) -> None:
        """Returns when it says that it is ready."""
        said: list[str] = []
        try:
            await until(lambda: self._answers("/readyz", said), EXIT_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{said[-1:]}\n{self.log.read_text()}") from None

    async def _is_alive(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return await self._answers("/healthz", [])

    async def _answers(self, path: str, said: list[str]) -> bool:
        async with probes.client(self.url, ANSWER_SECONDS) as client:
            try:
                answer = await client.get(self.url + path)
            except httpx.HTTPError as error:
                said.append(repr(error))
                return False
        said.append(answer.text)
        return answer.is_success


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(module: str, folder: Path, **settings: str) -> Iterator[Running]:
    """Runs a module with these settings (names without the prefix) until the block ends; then it is killed."""
    port = free_port()
    given = {"LISTEN": f"{HOST}:{port}", "ENVIRONMENT": "local"} | settings
    environment = processes.inherited(os.environ) | {f"PAINTBOX_{name}": value for name, value in given.items()}
    log = folder / f"{module}-{port}.log"
    process = processes.launch([sys.executable, "-P", "-m", module], log=log, environment=environment, folder=folder)
    try:
        yield Running(process, port, log)
    finally:
        canaries.note(canaries.search_metrics(f"http://{HOST}:{port}", canaries.secrets_in(environment)))
        process.kill()
        process.wait()
        canaries.note(canaries.search_log(log, canaries.secrets_in(environment)))
