"""Looks at a running rig every two seconds: what its processes and PostgreSQL use, how often there was a deadlock."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import asyncpg
import psutil

from paintbox.databases import DatabaseError, connected
from paintbox.prove.checks.operated import Sample, Sessions
from paintbox.prove.evidence import PROCESS

LOOK_SECONDS: Final = 2.0
LONGEST_LOOK_SECONDS: Final = 1.5
FAILURES: Final = (
    DatabaseError,
    TimeoutError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a session that was cut in the middle of a statement
)
DEADLOCK: Final = b"deadlock detected"
BUGS: Final = (
    "A request failed by a bug",
    "stopped by a bug",  # a consumer, and the deliveries of a simulator
    "A background loop failed",
    "A consumer cannot read what Kafka gives",
    "A note met a bug",
    "A refused row met a bug",
    "A row met a bug",
    "A quarantined body met a bug",
    "A redriven record met a bug",
    "Exception in ASGI application",  # uvicorn's, of what our own handling of errors did not see
)
"""What a process says where none of its errors was foreseen."""


class Running(Protocol):
    """A process that can be looked at."""

    @property
    def pid(self) -> int | None:
        """Its number; None where it does not run."""


@dataclass(slots=True)
class Samples:
    """What was seen so far."""

    of_processes: list[Sample] = field(default_factory=list)
    sessions: list[Sessions] = field(default_factory=list)
    deadlocks: int = 0
    _last_deadlocks: int = 0

    def count_deadlocks(self, now: int) -> None:
        """Adds what is new. PostgreSQL forgets its statistics when it crashes, and counts from 0 again."""
        self.deadlocks += now - self._last_deadlocks if now >= self._last_deadlocks else now
        self._last_deadlocks = now


async def sample(processes: Mapping[str, Running], superuser_dsn: str, samples: Samples) -> None:
    """Until cancelled. What cannot be looked at now is left out: being away is what the faults are for."""
    while True:
        samples.of_processes += [one for name, process in processes.items() if (one := _look(name, process.pid))]
        await _look_at_postgres(superuser_dsn, samples)
        await asyncio.sleep(LOOK_SECONDS)


def _look(name: str, pid: int | None) -> Sample | None:
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        return Sample(int(time.time() * 1000), name, process.memory_info().rss, process.num_fds())
    except psutil.Error:
        return None


async def _look_at_postgres(superuser_dsn: str, samples: Samples) -> None:
    try:
        async with (
            asyncio.timeout(LONGEST_LOOK_SECONDS),
            connected(superuser_dsn, process=PROCESS) as session,
        ):
            rows = await session.fetch(
                """
                SELECT concat_ws(' ', nullif(application_name, ''), state) AS kind, count(*) AS sessions
                  FROM pg_stat_activity
                 WHERE backend_type = 'client backend' AND application_name <> $1
                   AND state IS DISTINCT FROM 'starting' -- it has no name yet: PostgreSQL 18
                 GROUP BY kind
                """,
                PROCESS,
            )
            deadlocks = await session.fetchval("SELECT sum(deadlocks)::bigint FROM pg_stat_database")
    except FAILURES:
        return
    samples.sessions.append(Sessions(int(time.time() * 1000), {row["kind"]: row["sessions"] for row in rows}))
    samples.count_deadlocks(deadlocks)


async def last_look(superuser_dsn: str, samples: Samples) -> None:
    """One more look at PostgreSQL, at rest."""
    await _look_at_postgres(superuser_dsn, samples)


def bugs_in(logs: Iterable[Path]) -> dict[str, dict[str, int]]:
    """How often each log says which of the texts by which our processes tell of a bug."""
    contents = {path.name: path.read_bytes() for path in logs if path.is_file()}
    return {
        name: {text: count for text in BUGS if (count := content.count(text.encode()))}
        for name, content in contents.items()
    }


def deadlocks_in(logs: Iterable[Path]) -> dict[str, int]:
    """How often PostgreSQL's logs tell of a deadlock: they survive its crashes, as its statistics do not."""
    return {path.name: path.read_bytes().count(DEADLOCK) for path in logs if path.exists()}
