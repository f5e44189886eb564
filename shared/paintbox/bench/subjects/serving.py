"""A subject that answers HTTP: it serves until there are no more orders."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage

LOOK_SECONDS: Final = 0.01


@asynccontextmanager
async def serving(
    app: Any, port: int, protocol: type[asyncio.Protocol] = HttpToolsProtocol
) -> AsyncIterator[stage.Act]:
    """Serves an ASGI application with uvicorn, on uvloop and httptools, set up as the product's own processes are."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=protocol,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn sets a plain value
        await asyncio.sleep(LOOK_SECONDS)

    async def act(_: stage.Order) -> Run:
        raise NotImplementedError("it answers HTTP only")

    try:
        yield act
    finally:
        server.should_exit = True
        await running
