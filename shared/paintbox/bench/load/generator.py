"""A cheap generator for machines without `wrk`, and for loads at a fixed rate, which `wrk` cannot make.

Closed: every connection sends its next request when it was answered, and has paused. Open (with a `rate`): request n is
due at n / rate seconds whatever the server does, and its latency counts from then, also while it waits for a free
connection. Prints `RESULT` and a JSON document.
"""

import asyncio
import json
import random
import sys
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

from paintbox.bench.figures import percentile
from paintbox.bench.load.connections import Connection
from paintbox.bench.load.generation import read

WAKE_SECONDS: Final = 0.001
LAST_SECONDS: Final = 60.0


class Generation:
    """One load as it goes on."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._order = order
        self._requests = read(Path(order["requests"]))
        self._sent = 0
        self._ends_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._latencies: list[float] = []
        self._errors = 0
        self._free: deque[Connection] = deque()
        self._due: deque[float] = deque()
        self._idle = asyncio.Event()

    async def closed(self) -> dict[str, Any]:
        """As fast as the connections and their pauses allow, for so many seconds."""
        connections = await self._connect(self._go_on)
        began = time.perf_counter()
        self._ends_at = began + self._order["seconds"]
        for connection in connections:
            self._next(connection)
        await asyncio.sleep(self._order["seconds"])
        seconds, done = time.perf_counter() - began, len(self._latencies)
        for connection in connections:
            connection.close()
        return self._result(self._latencies[:done], seconds)

    async def open(self) -> dict[str, Any]:
        """Every request of the file once, at a fixed rate."""
        self._free.extend(await self._connect(self._come_back))
        rate, many = self._order["rate"], len(self._requests)
        began, wall = time.perf_counter(), time.time()
        for number in range(many):
            due = began + number / rate
            while (wait := due - time.perf_counter()) > 0:  # noqa: ASYNC110 - it is the time that is waited for
                await asyncio.sleep(max(wait, WAKE_SECONDS))
            self._due.append(due)
            self._hand_out()
        async with asyncio.timeout(LAST_SECONDS):
            while len(self._latencies) + self._errors < many:
                self._idle.clear()
                await self._idle.wait()
        more = {"began": wall, "rate": rate, "cpu_seconds": time.process_time()}
        return self._result(self._latencies, time.perf_counter() - began) | more

    async def _connect(self, answered: Any) -> list[Connection]:
        connections = [Connection(answered) for _ in range(self._order["connections"])]
        for connection in connections:
            await self._loop.create_connection(partial(_itself, connection), self._order["host"], self._order["port"])
        return connections

    def _next(self, connection: Connection) -> None:
        now = time.perf_counter()
        if now < self._ends_at:
            self._sent += 1
            connection.send(self._requests[self._sent % len(self._requests)], now)

    def _go_on(self, connection: Connection, is_good: bool) -> None:
        self._note(connection, is_good)
        pause = self._order["pause_ms"] / 1000
        if pause > 0:
            self._loop.call_later(random.uniform(0, 2 * pause), self._next, connection)  # noqa: S311 - a pause
        elif is_good:
            self._next(connection)

    def _come_back(self, connection: Connection, is_good: bool) -> None:
        self._note(connection, is_good)
        self._free.append(connection)
        self._hand_out()
        self._idle.set()

    def _hand_out(self) -> None:
        while self._due and self._free:
            self._sent += 1
            self._free.popleft().send(self._requests[self._sent - 1], self._due.popleft())

    def _note(self, connection: Connection, is_good: bool) -> None:
        if is_good:
            self._latencies.append(time.perf_counter() - connection.sent_at)
        else:
            self._errors += 1

    def _result(self, latencies: list[float], seconds: float) -> dict[str, Any]:
        ordered = [1000 * one for one in sorted(latencies)] or [0.0]
        return {
            "requests": len(latencies),
            "seconds": seconds,
            "errors": self._errors,
            "p50_ms": percentile(ordered, 0.5),
            "p99_ms": percentile(ordered, 0.99),
            "max_ms": ordered[-1],
        }


def _itself(connection: Connection) -> Connection:
    return connection


async def _run(order: Mapping[str, Any]) -> dict[str, Any]:
    generation = Generation(order)
    return await (generation.open() if order.get("rate") else generation.closed())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(_run(json.loads(sys.argv[1])))
    sys.stdout.write(f"RESULT {json.dumps(result)}\n")
