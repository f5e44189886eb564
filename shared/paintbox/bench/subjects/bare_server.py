"""What the doors' HTTP server could do at best: it reads the body and answers at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from paintbox.bench.subjects import stage
from paintbox.bench.subjects.serving import serving
from synckit import web
from synckit.http_protocol import BoundedProtocol

HEAD: Final = b"content-type: application/json\r\ncontent-length: 2\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """200 to whatever is asked, once it is there as a whole; both in one step each where that can be."""
    exchange: web.Exchange = scope.pop(web.EXCHANGE)
    if exchange.take_body() is None:
        while (await receive()).get("more_body", False):
            pass
    if not exchange.answer(200, HEAD, b"{}"):
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The server."""
    async with serving(app, order["port"], BoundedProtocol) as act:
        yield act


if __name__ == "__main__":
    stage.play(prepare, as_a_service=True)
