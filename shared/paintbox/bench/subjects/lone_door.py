"""A door without HTTP and without Kafka: what it does with a request in between, one after the other, in one loop."""

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, Final, cast

from paintbox.bench.load import generation
from paintbox.bench.outcomes import Run
from paintbox.bench.subjects import stage
from paintbox.bench.usage import Stopwatch
from paintbox.errors import OperatorError
from synckit import web
from webhook_ingest import app
from webhook_ingest.addresses import AddressLimit
from webhook_ingest.admission import Admission
from webhook_ingest.custody import Custody
from webhook_ingest.models import Outgoing
from webhook_ingest.resources import Resources
from webhook_ingest.settings import IngestSettings

OK: Final = 200


class Made:
    """Takes the place of the custody: what is made goes nowhere."""

    async def keep(self, door: str, records: Sequence[Outgoing]) -> None:
        """As the custody's. To encode the records is the producer's work, and measured with it."""


class Whole:
    """A request that is there as a whole, and what was answered."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.status = 0

    def take_body(self) -> bytes:
        """All of it."""
        return self._body

    def answer(self, status: int, head: bytes, body: bytes) -> bool:  # noqa: ARG002 - nobody reads it
        """Notes the status."""
        self.status = status
        return True


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """The doors' routes, with the settings of the stack's own doors, and the requests of the bench."""
    os.environ.update(order["environment"])
    settings = IngestSettings()
    made = cast("Custody", Made())
    routes = app.routes(Resources(settings, Admission([], AddressLimit(settings.address_requests_per_second)), made))
    asgi: Any = web.application(routes, cast("Any", None))
    scopes = [_scope(raw) for raw in generation.read(Path(order["requests"]))]

    async def act(turn: stage.Order) -> Run:
        turns, done, watch = cycle(scopes), 0, Stopwatch()
        ends_at = time.perf_counter() + turn["seconds"]
        while time.perf_counter() < ends_at:
            scope, body = next(turns)
            whole = Whole(body)
            await asgi({**scope, web.EXCHANGE: whole}, None, None)
            if whole.status != OK:
                raise OperatorError(f"A door alone answers {whole.status}.")
            done += 1
        return watch.run(done)

    yield act


def _scope(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """What the HTTP server makes of a request, and its body."""
    first, *lines = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    pairs = [line.partition(b": ") for line in lines]
    scope = {
        "type": "http",
        "method": "POST",
        "path": first.split()[1].decode(),
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(name.lower(), value) for name, _, value in pairs],
        "client": ("127.0.0.1", 1),
    }
    return scope, raw.partition(b"\r\n\r\n")[2]


if __name__ == "__main__":
    stage.play(prepare, as_a_service=True)
