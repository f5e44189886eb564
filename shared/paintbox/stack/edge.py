"""nginx before the doors, as deploy/edge/nginx.conf says, and the proxies before the two servers."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final

import httpx

from paintbox.errors import OperatorError
from paintbox.files import write_atomically
from paintbox.stack import probes
from paintbox.stack.code import digest
from paintbox.stack.environments import EDGE, KAFKA_PROXIED, PROXIES, url
from paintbox.stack.layout import replicas
from paintbox.stack.ports import HOST
from paintbox.stack.programs import Program
from paintbox.stack.stacks import Stack

ANSWER_SECONDS: Final = 2.0
PROXY_MODULE: Final = "paintbox.prove.proxy"


def find_nginx() -> str | None:
    """Where nginx is; None where this machine has none. Debian keeps it where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def render(template: str, *, listen: str, doors: list[str]) -> str:
    """The configuration for these doors (`host:port`). A door that failed is left alone for a second.

    Where that leaves none, each is asked all the same, as a backup of itself: the door that was restarted a moment ago
    is still left alone when the next one goes. Where we are root the workers stay root: they must reach a folder that
    may be nobody else's.
    """
    values = {
        "user": "user root;" if os.geteuid() == 0 else "",
        "listen": listen,
        "doors": "\n".join(
            [
                *(f"        server {door} max_fails=1 fail_timeout=1s;" for door in doors),
                *(f"        server {door} max_fails=0 backup;" for door in doors),
            ]
        ),
    }
    for name, value in values.items():
        template = template.replace(f"%%{name}%%", value)
    return template


def edge_program(stack: Stack) -> Program:
    """nginx before every replica of the doors. Raises OperatorError, at its start, where there is no nginx."""
    folder, ports = stack.places.edge, stack.kept.ports
    template = (stack.places.checkout / "deploy/edge/nginx.conf").read_text(encoding="utf-8")
    doors = [f"{HOST}:{ports[name]}" for name in replicas("webhook-ingest", stack.kept.layout)]
    text = render(template, listen=f"{HOST}:{ports[EDGE]}", doors=doors)

    def prepare() -> str:
        nginx = find_nginx()
        if nginx is None:
            raise OperatorError("nginx is missing (Debian: apt-get install nginx-light).")
        folder.mkdir(mode=0o700, exist_ok=True)
        write_atomically(folder / "nginx.conf", text)
        return nginx

    return Program(
        name=EDGE,
        arguments=("-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"),
        environment={},
        folder=stack.places.logs,
        prepare=prepare,
        missing=_answers(f"{url(stack.kept, EDGE)}/edge/healthz"),
        code=sha256(text.encode()).hexdigest(),
    )


def _answers(address: str) -> Callable[[], Awaitable[str | None]]:
    async def missing() -> str | None:
        try:
            async with probes.client(address, ANSWER_SECONDS) as client:
                answer = await client.get(address)
        except httpx.HTTPError as error:
            return f"no answer ({type(error).__name__})"
        return None if answer.is_success else f"it answers {answer.status_code}"

    return missing


def proxy_program(stack: Stack, server: str) -> Program:
    """The TCP proxy between the services and a server: `postgres` or `kafka`."""
    ports, (name, control) = stack.kept.ports, PROXIES[server]
    upstream = KAFKA_PROXIED if server == "kafka" else server

    async def missing() -> str | None:
        try:
            _, writer = await asyncio.open_connection(HOST, ports[control])
        except OSError as error:
            return f"no answer ({type(error).__name__})"
        writer.close()
        return None

    return Program(
        name=name,
        arguments=("-P", "-m", PROXY_MODULE, str(ports[name]), str(ports[upstream]), str(ports[control])),
        environment={},
        folder=stack.places.logs,
        prepare=lambda: sys.executable,
        missing=missing,
        code=digest(PROXY_MODULE),
    )
