"""What a door takes on at a time: beyond it a request is refused at once, never queued.

Bytes count when they arrive: counted as announced, a few requests that announce much and send nothing would shut the
door.
"""

from collections.abc import MutableMapping, Sequence
from time import monotonic
from typing import Any, Final

from synckit import web
from webhook_ingest import metrics
from webhook_ingest.addresses import AddressLimit, Network, sender_of

MOST_REQUESTS: Final = 1024
MOST_BYTES: Final = 32 * 1024 * 1024
"""Of bodies, and of the records of each beyond its own size: a short one may become thousands. What else is made of
either (what a client library holds of them) is about five times that."""
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

    def admit(self, request: web.Request) -> "Stay":
        """The request, its client's address being the sender's; taken on until the block ends.

        Raises HttpError: 429 where this address sends too much, 503 where all senders together do. The second may come
        while the body is read, too.
        """
        if self._trusted:
            request.client = sender_of(request.client, request.headers.get("x-forwarded-for", ""), self._trusted)
        if not self._limit.admits(request.client, monotonic()):
            raise _refused(429, "rate_limited", "Too many requests")
        return Stay(self, request)

    def enter(self, request: web.Request, arrived: int) -> None:
        """Counts a request, of whose body so many bytes are here. Raises HttpError where there is no room for it."""
        if self._requests >= MOST_REQUESTS or self._bytes + max(arrived, _announced(request)) > MOST_BYTES:
            raise _too_busy()
        self._requests += 1
        self._bytes += arrived

    def hold(self, size: int) -> None:
        """Counts bytes that arrived, or that a body has become. Raises HttpError where there is no room for them."""
        if self._bytes + size > MOST_BYTES:
            raise _too_busy()
        self._bytes += size

    def let_go(self, size: int) -> None:
        """What a body had become is kept, or given up."""
        self._bytes -= size

    def leave(self, arrived: int) -> None:
        """The request has its answer."""
        self._requests -= 1
        self._bytes -= arrived


class Stay:
    """A request that is taken on, from the block's begin to its end."""

    __slots__ = ("_admission", "_arrived", "_receive", "_request")

    def __init__(self, admission: Admission, request: web.Request) -> None:
        self._admission = admission
        self._request = request
        self._receive = request.receive
        self._arrived = len(request.arrived or b"")

    def __enter__(self) -> web.Request:
        self._admission.enter(self._request, self._arrived)
        if self._request.arrived is None:
            self._request.receive = self.receive
        return self._request

    def __exit__(self, *_: object) -> None:
        self._request.receive = self._receive  # else the two would hold each other
        self._admission.leave(self._arrived)

    async def receive(self) -> MutableMapping[str, Any]:
        """What comes next of the body, counted."""
        message = await self._receive()
        size = len(message.get("body", b""))
        self._admission.hold(size)
        self._arrived += size
        return message


def _announced(request: web.Request) -> int:
    """How long the body is at most: as long as it may be, where it does not say."""
    announced = request.headers.get("content-length", "")
    if not (announced.isascii() and announced.isdecimal()):
        return web.LARGEST_BODY
    return min(int(announced[:20]), web.LARGEST_BODY)


def _too_busy() -> web.HttpError:
    return _refused(503, "too_busy", "Too busy")


def _refused(status: int, code: str, title: str) -> web.HttpError:
    return web.HttpError(web.problem(status, code, title, headers=(("retry-after", BUSY_SECONDS),)), code)
