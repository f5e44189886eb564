"""What a door takes on at a time: beyond it a request is refused at once, never queued.

Bytes count when they arrive: counted as announced, a few requests that announce much and send nothing would shut the
door.
"""

from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from synckit import web
from webhook_ingest import metrics
from webhook_ingest.addresses import AddressLimit, Network, sender_of

MOST_REQUESTS: Final = 1024
MOST_BYTES: Final = 32 * 1024 * 1024
"""Of bodies. What is made of a body (records, what a client library holds of them) is about five times its size."""
BUSY_SECONDS: Final = "1"


class Admission:
    """Counts the requests that are being answered, and the bytes they have sent; knows what each address has sent."""

    def __init__(self, trusted: Sequence[Network], limit: AddressLimit) -> None:
        self._trusted = trusted
        self._limit = limit
        self._requests = 0
        self._bytes = 0
        metrics.IN_FLIGHT.set_function(lambda: self._requests)
        metrics.IN_FLIGHT_BYTES.set_function(lambda: self._bytes)

    @contextmanager
    def admit(self, request: web.Request) -> Iterator[web.Request]:
        """The request, its client's address being the sender's; taken on until the block ends.

        Raises HttpError: 429 where this address sends too much, 503 where all senders together do. The second may come
        while the body is read, too.
        """
        sender = sender_of(request.client, request.headers.get("x-forwarded-for", ""), self._trusted)
        if not self._limit.admits(sender, monotonic()):
            raise _refused(429, "rate_limited", "Too many requests")
        if self._requests >= MOST_REQUESTS or self._bytes + _announced(request) > MOST_BYTES:
            raise _too_busy()
        arrived = 0

        async def receive() -> MutableMapping[str, Any]:
            nonlocal arrived
            message = await request.receive()
            size = len(message.get("body", b""))
            if self._bytes + size > MOST_BYTES:
                raise _too_busy() if "content-length" in request.headers else _too_busy(("connection", "close"))
            arrived += size
            self._bytes += size
            return message

        self._requests += 1
        try:
            yield request.received_by(receive, sender)
        finally:
            self._requests -= 1
            self._bytes -= arrived


def _announced(request: web.Request) -> int:
    """How long the body is at most: as long as it may be, where it does not say."""
    announced = request.headers.get("content-length", "")
    if not (announced.isascii() and announced.isdecimal()):
        return web.LARGEST_BODY
    return min(int(announced[:20]), web.LARGEST_BODY)


def _too_busy(*headers: tuple[str, str]) -> web.HttpError:
    return _refused(503, "too_busy", "Too busy", *headers)


def _refused(status: int, code: str, title: str, *headers: tuple[str, str]) -> web.HttpError:
    return web.HttpError(web.problem(status, code, title, headers=(("retry-after", BUSY_SECONDS), *headers)), code)
