"""Looks at a running rig every two seconds: what its processes and PostgreSQL use, how often there was a deadlock."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg
import orjson
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
ERRORS: Final = (b'"level":"error"', b'"level":"critical"')
OF_LIBRARIES: Final = ("aiokafka", "asyncpg")
"""Whose tasks and futures nobody waits for where a server was harmed: asyncio says of each that it failed."""


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
    deadlocks: int | None = None
    """None until PostgreSQL could be asked."""
    _last_deadlocks: int = 0

    def count_deadlocks(self, now: int) -> None:
        """Adds what is new. PostgreSQL forgets its statistics when it crashes, and counts from 0 again."""
        self.deadlocks = (self.deadlocks or 0) + now - (self._last_deadlocks if now >= self._last_deadlocks else 0)
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
    """How often each log tells of which error: whatever our processes say at that level, being harmed, is a bug.

    But for what asyncio says of what libraries left behind. What is no line of ours is no error of ours.
    """
    return {
        path.name: Counter(_said(record) for record in _errors(path) if not _is_left_behind(record))
        for path in logs
        if path.is_file()
    }


def _errors(log: Path) -> Iterator[Mapping[str, Any]]:
    for line in log.read_bytes().splitlines():
        if any(level in line for level in ERRORS):
            with suppress(orjson.JSONDecodeError):  # who was killed amid a line leaves a half of it
                record = orjson.loads(line)
                if isinstance(record, dict):
                    yield record


def _said(record: Mapping[str, Any]) -> str:
    """Its sentence, without the tasks and addresses that asyncio adds in further lines; and why a consumer stopped."""
    first = str(record.get("event")).partition("\n")[0]
    return f"{first}: {record['trouble']}" if "trouble" in record else first


def _is_left_behind(record: Mapping[str, Any]) -> bool:
    """Where the record names a task, that must be a library's; else that one has a part in it is all that is known."""
    said = str(record.get("event"))
    where = said if "coro=<" in said else orjson.dumps(record).decode()
    return record.get("logger") == "asyncio" and any(library in where.lower() for library in OF_LIBRARIES)


def deadlocks_in(logs: Iterable[Path]) -> int | None:
    """How often PostgreSQL's logs tell of a deadlock: they survive its crashes, as its statistics do not.

    None where there is no log.
    """
    counts = [path.read_bytes().count(DEADLOCK) for path in logs if path.exists()]
    return sum(counts) if counts else None
