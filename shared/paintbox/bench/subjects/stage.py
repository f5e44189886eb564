"""How a subject hears its orders: a JSON line each on standard input, the first to prepare, each answered with one."""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import uvloop

from paintbox.bench import usage
from paintbox.bench.outcomes import Run
from synckit import memory

GARBAGE: Final = (
    "What is ours, and what is a floor, looks for garbage as seldom as a service does, what one would write instead as "
    "Python does by itself."
)

Order = Mapping[str, Any]
Act = Callable[[Order], Awaitable[Run]]
Prepare = Callable[[Order], AbstractAsyncContextManager[Act]]
"""Opens what the subject works with; what it gives does one turn."""


def play(prepare: Prepare, *, as_a_service: bool) -> None:
    """Prepares as the first line says, then takes a turn a line, until there are no more.

    As a service of ours it looks for garbage as seldom as those do; what somebody else would write does as Python does.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_play(prepare, as_a_service))


async def _play(prepare: Prepare, as_a_service: bool) -> None:
    first = await _next()
    if first is None:
        return
    async with prepare(first) as act:
        if as_a_service:
            memory.spare_what_stays()
        _say({"ready": True})
        while (order := await _next()) is not None:
            _say(usage.encoded(await act(order)))


async def _next() -> Order | None:
    line = await asyncio.to_thread(sys.stdin.readline)
    return json.loads(line) if line else None


def _say(answer: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
