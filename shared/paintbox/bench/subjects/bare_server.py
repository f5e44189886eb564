"""What the HTTP server could do at best: it reads the body and answers at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from paintbox.bench.subjects import stage
from paintbox.bench.subjects.serving import serving


async def app(_: Any, receive: Any, send: Any) -> None:
    """200 to whatever is asked, once it is there as a whole."""
    while (await receive()).get("more_body", False):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The server."""
    async with serving(app, order["port"]) as act:
        yield act


if __name__ == "__main__":
    stage.play(prepare)
