"""How a process ends: it says so, goes on for a moment, finishes what is in hand, and exits within its grace time."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from socket import socket
from time import monotonic
from types import FrameType
from typing import Final

import uvicorn

from synckit import web

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 20.0
"""From the first signal to the end, whatever is still in hand then: the sum of docs/decisions/0026."""
RELAY_SECONDS: Final = 3.0
"""For the round of a relay: after 8 for the consumers, before 2 for the other loops, all beside the requests."""
NOT_DRAINED: Final = 1
BY_SIGNAL: Final = 128


class Drain:
    """Whether the process was told to end, and for how long it still takes new requests then."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._told_at: float | None = None
        self._heard = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        """Whether the process was told to end."""
        return self._told_at is not None

    @property
    def is_over(self) -> bool:
        """Whether no new request is taken any more."""
        return self._told_at is not None and monotonic() - self._told_at >= self._seconds

    def begin(self) -> None:
        """The process is told to end. Called by a signal: the event loop hears of it with the server's next tick."""
        self._told_at = monotonic()

    def hear(self) -> None:
        """What runs beside the requests begins to end now."""
        self._heard.set()

    @asynccontextmanager
    async def beside(self, *steps: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
        """Takes these steps one after another from the signal on, while requests are still taken and answered.

        The block ends when the last request has: it waits for the steps, and begins them where no signal did, as after
        a start that failed.
        """
        finishing = asyncio.create_task(self._finish(steps))
        try:
            yield
            self.hear()
            await finishing
        finally:
            finishing.cancel()

    async def _finish(self, steps: Sequence[Callable[[], Awaitable[object]]]) -> None:
        await self._heard.wait()
        started = monotonic()
        for step in steps:
            try:
                await step()
            except Exception:
                log.exception("What runs beside the requests did not end well")
        log.info("What runs beside the requests has ended", extra={"seconds": round(monotonic() - started, 3)})

    def _is_told(self) -> bool:
        return self._told_at is not None

    def around(self, app: web.Asgi) -> web.Asgi:
        """The application; from the beginning of the drain it is unready, and every answer closes its connection."""

        def draining(scope: web.Scope, receive: web.Receive, send: web.Send) -> Awaitable[None]:
            scope[web.IS_LAST] = self._is_told
            if self.has_begun and scope["type"] == "http" and scope["path"] == "/readyz":
                unready = {"status": "unready", "missing": {"process": "is draining"}}
                return web.answer(web.json_response(unready, 503), scope, receive, send)
            return app(scope, receive, send)

        return draining


class DrainingServer(uvicorn.Server):
    """A server that goes on for a moment after the first signal. Its signals end here: nothing raises them again."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain
        self._deadline_is_set = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as uvicorn calls it
        """The first signal begins the drain, the second ends the process."""
        if self._drain.has_begun:
            os._exit(BY_SIGNAL + sig)
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to stop taking requests."""
        if self._drain.has_begun:
            self._set_deadline()
        return self._drain.is_over or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Finishes what was accepted; what runs beside the requests ends meanwhile."""
        self._set_deadline()
        await super().shutdown(sockets)

    def _set_deadline(self) -> None:
        if not self._deadline_is_set:
            log.info("The process drains")
            self._drain.hear()
            asyncio.get_running_loop().call_later(GRACE_SECONDS, _give_up)
        self._deadline_is_set = True


def _give_up() -> None:
    log.error("The process could not drain in time, and ends")
    os._exit(NOT_DRAINED)
