"""The little HTTP that our processes speak, as raw ASGI: exact routes, bounded bodies, problem+json."""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Final, Protocol

import orjson
from pydantic import SecretStr

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

EXCHANGE: Final = "paintbox.exchange"
"""In a scope: the `Exchange` behind it, where our own server made it."""
IS_LAST: Final = "paintbox.is_last"
"""In a scope: tells when the answer is given whether it is the last of its connection."""

LARGEST_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 10.0
FORWARDED: Final = "x-forwarded-for"
OTHER_METHODS: Final = "*"
"""In a route: the handler of every method that the route does not name, where that is to be noticed."""
PROBLEM_JSON: Final = "application/problem+json"


class Exchange(Protocol):
    """A request and its answer where both fit into one step each, for which ASGI takes several."""

    def take_body(self) -> bytes | None:
        """The body, where all of it has arrived."""

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Answers with these lines of a head, their last an empty one. False where that has to wait for the client."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: status, body, and headers beside content-type and content-length."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class HttpError(Exception):
    """Ends a request with this answer. Its text never holds what the client sent."""

    def __init__(self, response: Response, reason: str) -> None:
        super().__init__(reason)
        self.response = response
        self.reason = reason


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete: nobody is left to be answered."""


request_ids: Final = map(f"{secrets.token_hex(8)}{{:016x}}".format, itertools.count(secrets.randbits(32)))
"""Of requests: of no other process, and of none of this one a second time."""


@dataclass(slots=True)
class Request:
    """A request. Mutable, for there are thousands a second: who bounds it puts itself between it and its body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """By lower-case name; of a doubled header the first, but all of `x-forwarded-for`, which each proxy may add to."""
    client: str
    receive: Receive
    tail: str = ""
    """What follows the prefix of the route that matched, for routes that end in `/*`."""
    id: str = field(default_factory=request_ids.__next__)
    arrived: bytes | None = None
    """The body, where all of it was there already, and nothing needs to be received."""
    body: bytes | None = None
    """The body once it was read."""
    exchange: Exchange | None = None


Handler = Callable[[Request], Awaitable[Response]]
Routes = Mapping[str, Mapping[str, Handler]]
"""Path → method → handler. A path that ends in `/*` takes one further, non-empty segment or more."""
Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def json_response(value: object, status: int = 200, **headers: str) -> Response:
    """An answer with a JSON body."""
    return Response(status, orjson.dumps(value), headers=tuple(headers.items()))


def problem(
    status: int, code: str, title: str, detail: str = "", headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """An RFC 9457 answer. `title` and `detail` come from us, never from the input."""
    body = {
        "type": f"https://paintbox.example/problems/{code.replace('_', '-')}",
        "title": title,
        "status": status,
        "code": code,
    }
    return Response(status, orjson.dumps(body | ({"detail": detail} if detail else {})), PROBLEM_JSON, headers)


def unavailable() -> Response:
    """The answer while what a request needs is away: come again in 5 s."""
    return problem(503, "unavailable", "Unavailable", headers=(("retry-after", "5"),))


async def read_body(request: Request, largest: int = LARGEST_BODY, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body. HttpError 413 above `largest` bytes (before reading, where the length is announced), 408 late.

    Raises ClientGoneError where the client leaves before the end.
    """
    check_length(request, largest)
    if request.arrived is not None:
        if len(request.arrived) > largest:
            raise _too_large(largest)
        request.body = request.arrived
        return request.arrived
    try:
        async with asyncio.timeout(seconds):
            request.body = await _read(request.receive, largest)
    except TimeoutError:
        late = problem(408, "body_too_slow", "Body too slow", f"Limit is {seconds:g} s.", (("connection", "close"),))
        raise HttpError(late, "body_too_slow") from None
    return request.body


def check_length(request: Request, largest: int = LARGEST_BODY) -> None:
    """HttpError 413 for a body that is announced to be larger."""
    announced = request.headers.get("content-length", "").lstrip("0")  # of which Python reads 4,300 digits at most
    if announced.isdecimal() and int(announced[:20]) > largest:
        raise _too_large(largest)


async def _read(receive: Receive, largest: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > largest:
            raise _too_large(largest)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large(largest: int) -> HttpError:
    return HttpError(problem(413, "body_too_large", "Body too large", f"Limit is {largest} bytes."), "body_too_large")


def has_bearer(request: Request, tokens: tuple[SecretStr, ...]) -> bool:
    """Whether the request carries one of the tokens."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and is_one_of(given, tokens)


def is_one_of(given: str, secrets: Sequence[SecretStr]) -> bool:
    """Whether something is one of our secrets; every one is compared, each in constant time."""
    found = [compare_digest(given.encode(), secret.get_secret_value().encode()) for secret in secrets]
    return any(found)


def not_allowed(allowed: Iterable[str]) -> HttpError:
    """The answer to a method that is none of these."""
    names = ", ".join(sorted(allowed))
    answer = problem(405, "method_not_allowed", "Method not allowed", f"Allowed: {names}.", (("allow", names),))
    return HttpError(answer, "method_not_allowed")


def application(routes: Routes, lifespan: Lifespan) -> Asgi:
    """An ASGI application: the routes, and what runs from start to shutdown."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # what is no coroutine is taken for ASGI 2
        if scope["type"] == "http":
            await _answer(routes, scope, receive, send)
        else:
            await _live(lifespan, receive, send)

    return app


async def answer(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a request with this, whatever it asks."""
    await _send(response, _request(scope, receive), scope, send)


async def _live(lifespan: Lifespan, receive: Receive, send: Send) -> None:
    await receive()
    async with lifespan():
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(routes: Routes, scope: Scope, receive: Receive, send: Send) -> None:
    methods, tail = _match(routes, scope["path"])
    request = _request(scope, receive, tail)
    try:
        response = await _handler(methods, request)(request)
    except HttpError as error:
        response = error.response
    except ClientGoneError:
        return
    except MemoryError:
        log.warning("A request was refused: there is no memory for it", extra={"request_id": request.id})
        response = unavailable()
    except Exception:
        log.exception("A request failed by a bug", extra={"request_id": request.id, "method": request.method})
        response = problem(500, "internal_error", "Internal error")
    await _send(response, request, scope, send)


def _request(scope: Scope, receive: Receive, tail: str = "") -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name == FORWARDED:
            headers[name] += f", {value}"
    if scope["http_version"] == "1.0":
        headers.setdefault("host", "")  # which only 1.1 demands
    client, exchange = scope.get("client"), scope.pop(EXCHANGE, None)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        client=client[0] if client else "",
        receive=receive,
        tail=tail,
        arrived=None if exchange is None else exchange.take_body(),
        exchange=exchange,
    )


def _handler(methods: Mapping[str, Handler] | None, request: Request) -> Handler:
    if "host" not in request.headers:
        raise HttpError(problem(400, "bad_request", "Bad Request", "A request names its host."), "bad_request")
    if methods is None:
        raise HttpError(problem(404, "not_found", "Not found"), "not_found")
    handler = methods.get("GET" if request.method == "HEAD" else request.method) or methods.get(OTHER_METHODS)
    if handler is None:
        raise not_allowed(methods)
    return handler


def _match(routes: Routes, path: str) -> tuple[Mapping[str, Handler] | None, str]:
    exact = routes.get(path)
    if exact is not None:
        return exact, ""
    for route, methods in routes.items():
        if route[-1] == "*" and len(path) >= len(route) and path.startswith(route[:-1]):
            return methods, path[len(route) - 1 :]
    return None, ""


async def _send(response: Response, request: Request, scope: Scope, send: Send) -> None:
    is_last = IS_LAST in scope and scope[IS_LAST]()
    if request.exchange is not None and not is_last and not response.headers and request.method != "HEAD":
        size, kind = len(response.body), response.content_type
        head = f"content-type: {kind}\r\ncontent-length: {size}\r\nx-request-id: {request.id}\r\n\r\n".encode()
        if request.exchange.answer(response.status, head, response.body):
            return
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        (b"x-request-id", request.id.encode()),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers),
    ]
    if is_last:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})
