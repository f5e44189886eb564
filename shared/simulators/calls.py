"""Which requests came to the vendor's own API."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from time import time
from typing import Any

from simulators import metrics
from simulators.storage import Connection
from synckit import web


@dataclass(frozen=True, slots=True)
class Call:
    """A request and how it was answered; neither its query nor its headers, which may hold secrets."""

    seq: int
    method: str
    path: str
    status: int
    at: float
    """Seconds since 1970."""


def insert_call(connection: Connection, method: str, path: str, status: int) -> None:
    """Notes a request that was answered now."""
    connection.execute(
        "INSERT INTO calls (method, path, status, at) VALUES (?, ?, ?, ?)", (method, path, status, time())
    )


def list_calls(connection: Connection, after: int, limit: int) -> list[Call]:
    """At most `limit` requests after this number."""
    rows = connection.execute(
        "SELECT seq, method, path, status, at FROM calls WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
    )
    return [Call(row["seq"], row["method"], row["path"], row["status"], row["at"]) for row in rows]


def noting(app: web.Asgi, connection: Connection, is_ours: Callable[[str], bool]) -> web.Asgi:
    """The application, which notes each request but those to our own paths."""

    async def noted(scope: web.Scope, receive: web.Receive, send: web.Send) -> None:
        async def noting_send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                insert_call(connection, scope["method"], scope["path"], message["status"])
                metrics.CALLS.labels(message["status"]).inc()
            await send(message)

        is_call = scope["type"] == "http" and not is_ours(scope["path"])
        await app(scope, receive, noting_send if is_call else send)

    return noted
