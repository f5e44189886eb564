"""What uvicorn's HTTP lacks: an end to what is slow or endless, answers to what is no HTTP, and a short way.

The short way is for a request that arrives whole, as a webhook does: its body is taken, and its answer given, in one
step each (`web.Exchange`). Whatever is unusual goes uvicorn's way.
"""

import logging
import re
import resource
import socket
import sys
from asyncio import TimerHandle, Transport
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from synckit import web
from synckit.observability import metrics

log = logging.getLogger(__name__)

HEADER_SECONDS: Final = 10.0
REST_SECONDS: Final = 10.0
MOST_HEADER_BYTES: Final = 32 * 1024
HEADER_COST: Final = 32
"""Bytes that a header counts beside its own, as in HTTP/2: what is kept of a short one is more than the header."""
UNREAD_MS: Final = 10_000
"""How long an answer may lie unread, or unacknowledged. By itself Linux would wait for ever."""
MOST_CONNECTIONS: Final = 2048
OTHER_FILES: Final = 100
BUSY: Final = HTTPStatus.SERVICE_UNAVAILABLE

CLOSE: Final = (b"connection", b"close")
_RETRY: Final = "retry-after: 1\r\n"

_METHOD: Final = re.compile(rb"[A-Z]{1,20}(?= )")
_UPGRADE: Final = re.compile(rb"\r\nupgrade(?=:)", re.IGNORECASE)
_KNOWN: Final = frozenset({b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT", b"TRACE"})


def most_connections() -> int:
    """How many connections a process takes: fewer where it may open few files, for it needs some of its own."""
    return max(min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES), 1)


def _is_short_of_memory(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__ or error.__context__
    return error is not None


class Exchange:
    """uvicorn's request and answer, taken and given whole."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def take_body(self) -> bytes | None:
        """The body, where all of it is here."""
        cycle = self._cycle
        if cycle.more_body or cycle.waiting_for_100_continue or cycle.disconnected:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        return body

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Answers. False where the client does not read, and uvicorn's own `send` has to wait for it."""
        cycle = self._cycle
        if cycle.flow.write_paused or cycle.response_started:
            return False
        cycle.response_started = True
        if cycle.disconnected:
            return True
        common = cycle.default_headers if cycle.keep_alive else [*cycle.default_headers, CLOSE]
        cycle.transport.write(b"".join((STATUS_LINE[status], _lines(tuple(common)), head, body)))
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


@lru_cache(maxsize=4)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _readable(data: bytes) -> bytes:
    """The first data of a connection, without what the parser does not read as we do: strange methods, and upgrades.

    Whoever would like to speak HTTP/2 from here on (Java's own client asks so with a body) is answered in HTTP/1.1.
    """
    if (method := _METHOD.match(data)) and method[0] not in _KNOWN:
        data = b"TRACE" + data[method.end() :]
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-upgrade", head) + end + rest if _UPGRADE.search(head) else data


def _is_ambiguous(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether somebody else might take the request for another one: two hosts (RFC 9112, 3.2), or a body that is coded
    in a way that nothing here undoes (6.1)."""
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            return True
    return hosts > 1


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose headers must come whole within 10 s and in 32 KiB, one of a bounded number.

    Its answers have to be read: 10 s after nothing more could be written it is lost.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timer: TimerHandle | None = None
        self._header_bytes = 0
        self._unfinished_bytes = 0
        self._is_fresh = True
        self._are_headers_due = False
        self._status = HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Waits for the first request from now on, unless there are too many connections already."""
        super().connection_made(transport)
        line = transport.get_extra_info("socket")
        if line is not None:  # else it is lost already
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        if len(self.connections) > most_connections():
            self._refuse(BUSY)
        else:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A method that the parser does not know is answered like one that the route does not have: 405."""
        if self._is_fresh:
            data = _readable(data)
        self._is_fresh = False
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > MOST_HEADER_BYTES:  # of one header, which the parser would join for ever
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._are_headers_due:
            if self._timer is None:
                self._await_headers()
        elif self._waits_for_nothing():  # an empty line is skipped, and begins no message
            self._await_headers()

    def on_message_begin(self) -> None:
        """A request begins: its headers are due. They are waited for if they are not in what has just arrived."""
        self._header_bytes = 0
        self._stop_waiting()
        self._are_headers_due = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header more."""
        self._unfinished_bytes = 0
        self._header_bytes += len(name) + len(value) + HEADER_COST
        if self._header_bytes > MOST_HEADER_BYTES:
            self._status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("the headers are too large")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers are here; how long the body may take is up to the route.

        Of a request for another protocol the parser would take the body for the next request: it is refused where the
        connection's first data did not tell.
        """
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            raise ValueError("an upgrade is not offered here")
        if _is_ambiguous(self.headers):
            raise ValueError("it can be read in two ways")
        self._unfinished_bytes = 0
        self._are_headers_due = False
        self._stop_waiting()
        super().on_headers_complete()
        self.scope[web.EXCHANGE] = Exchange(self.cycle)  # type: ignore[typeddict-unknown-key] # ours, beside ASGI's

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body has ended, be it behind its answer."""
        self._unfinished_bytes = 0
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Of an answer that did not wait for the body's end: the rest is dropped as it comes, for 10 s at most.

        To close at once would be a reset for a client that still sends, and it might never read the answer.
        """
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._stop_waiting()
            self._timer = self.loop.call_later(REST_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the text is uvicorn's
        """Answers what is no HTTP, and closes. What we had no memory to read may be some, and is to come again."""
        self._refuse(BUSY if _is_short_of_memory(sys.exception()) else self._status)

    def _waits_for_nothing(self) -> bool:
        """Whether no request is in hand, and nobody would notice that none comes."""
        is_timed = self._timer is not None or self.timeout_keep_alive_task is not None
        cycle: Any = self.cycle  # None before the first request, which uvicorn's annotation does not say
        is_idle = cycle is None or cycle.response_complete
        return is_idle and not is_timed and not self.transport.is_closing()

    def _await_headers(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(HEADER_SECONDS, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        if self.transport.is_closing():
            return
        code, request_id = status.name.lower(), next(web.request_ids)
        metrics.HTTP_REFUSED.labels(code).inc()
        log.info("A connection was refused", extra={"reason": code, "request_id": request_id})
        body = orjson.dumps(
            {
                "type": f"https://paintbox.example/problems/{code.replace('_', '-')}",
                "title": status.phrase,
                "status": status.value,
                "code": code,
            }
        )
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nconnection: close\r\n"
            f"{_RETRY if status == BUSY else ''}\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
