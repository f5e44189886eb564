"""A real nginx with the shipped configuration, before doors of a test's own."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from paintbox.stack import processes
from paintbox.stack.edge import find_nginx, render
from support.programs import HOST, Running, free_port
from support.stacks import CHECKOUT
from support.waiting import until

TEMPLATE: Final = CHECKOUT / "deploy/edge/nginx.conf"
WITHOUT: Final = "there is no nginx on this machine (Debian: apt-get install nginx-light)"

NOTHING: Final[Mapping[str, str]] = {}

needs_nginx: Final = pytest.mark.skipif(find_nginx() is None, reason=WITHOUT)


def configuration(port: int, doors: Sequence[str], changes: Mapping[str, str] = NOTHING) -> str:
    """The shipped configuration for this port and these doors, with texts in it replaced."""
    text = render(TEMPLATE.read_text(), listen=f"{HOST}:{port}", doors=list(doors))
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text


def tested(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """What `nginx -t` says of a configuration."""
    nginx = find_nginx()
    assert nginx is not None
    (folder / "nginx.conf").write_text(text)
    command = [nginx, "-t", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def edge(
    folder: Path, doors: Sequence[Running], include: str = "", changes: Mapping[str, str] = NOTHING
) -> Iterator[Running]:
    """nginx before these doors until the block ends, with what its operator includes."""
    nginx, port = find_nginx(), free_port()
    assert nginx is not None
    home = folder / f"edge-{port}"
    (home / "edge.d").mkdir(parents=True, mode=0o700)
    (home / "edge.d/more.conf").write_text(include)
    text = configuration(port, [f"{HOST}:{door.port}" for door in doors], changes)
    (home / "nginx.conf").write_text(text)
    log = home / "log"
    command = [nginx, "-p", f"{home}/", "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"]
    process = processes.launch(command, log=log, environment={}, folder=home)
    try:
        yield Running(process, port, log)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(home)


async def until_it_listens(nginx: Running) -> None:
    """Returns when nginx is there."""

    async def answers() -> bool:
        assert nginx.process.poll() is None, nginx.log.read_text()
        try:
            _, writer = await asyncio.open_connection(HOST, nginx.port)
        except OSError:
            return False
        writer.close()
        return True

    await until(answers)
