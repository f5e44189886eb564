"""How a process of ours lives: uvicorn serves its routes, its lifespan runs the rest, SIGTERM drains it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from synckit import failpoints, memory, web
from synckit.drain import Drain, DrainingServer
from synckit.http_protocol import BoundedProtocol
from synckit.observability import health, logs, metrics
from synckit.settings import ServerSettings

"""Objects more than before: some 5 MB."""
REQUEST_SECONDS: Final = 15
"""Of the grace period, for the requests that were accepted: 10 s for a body, 5 s for its answer."""

Lifetime = Callable[[], AbstractAsyncContextManager[web.Routes]]
"""Entered at start, left at shutdown: opens what the process works with, and gives its routes."""


def serve(name: str, settings: ServerSettings, app: web.Asgi, drain: Drain) -> None:
    """Runs until SIGTERM or SIGINT, then drains within 20 s and exits 0; a second signal ends it at once.

    Exits 3 where the start failed, 1 where it could not drain in time.
    """
    logs.configure(name, settings.log_level)
    metrics.started(name)
    failpoints.arm(settings.failpoints)
    host, _, port = settings.listen.rpartition(":")
    config = uvicorn.Config(
        drain.around(app),
        host=host.strip("[]"),
        port=int(port),
        http=BoundedProtocol,
        interface="asgi3",
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=REQUEST_SECONDS,
    )
    server = DrainingServer(config, drain)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def living(lifetime: Lifetime) -> web.Asgi:
    """An ASGI application whose routes use what its lifetime opens."""
    routes: dict[str, Mapping[str, web.Handler]] = {}

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with lifetime() as opened:
            routes.update(opened)
            memory.spare_what_stays()
            trimming = asyncio.create_task(memory.give_back())
            yield
            trimming.cancel()

    return web.application(routes, lifespan)


def operations(checks: Mapping[str, health.Check]) -> web.Routes:
    """The routes that every process has."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        missing = await health.missing(checks)
        body = {"status": "unready", "missing": missing} if missing else {"status": "ready"}
        return web.json_response(body, 503 if missing else 200)

    async def metrics_text(_: web.Request) -> web.Response:
        return web.Response(200, metrics.exposition(), metrics.CONTENT_TYPE)

    return {"/healthz": {"GET": healthz}, "/readyz": {"GET": readyz}, "/metrics": {"GET": metrics_text}}
