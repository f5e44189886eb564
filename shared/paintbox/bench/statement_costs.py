"""What each kind of statement costs PostgreSQL, as `pg_stat_statements` counts it, where that is installed."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from paintbox.bench.outcomes import Figure, Table
from paintbox.databases import Connection, connected
from paintbox.stack.postgres import packaged_programs

PROCESS: Final = "paintbox-bench"
LIBRARY: Final = "pg_stat_statements"
MOST: Final = 16
"""Kinds of statements that are shown: those that cost most."""
LEAST_ROWS: Final = 0.05
"""An event. A statement whose last part only reads tells of no row that it wrote."""
TITLE: Final = "How long customer-sync's statements take in PostgreSQL"
NOTE: Final = (
    "The statements' times are from their begin to their end, waits for locks of other batches included: their sum is "
    "more than PostgreSQL's CPU. Where a statement's last part only reads, the rows that it writes are not counted. "
    "One that writes several tables has the name of the first."
)
_WRITES: Final = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM)\s+([a-z_]+\.[a-z_]+)")
_READS: Final = re.compile(r"(?:FROM|JOIN)\s+((?:customers|integrations)\.[a-z_]+)")
_VERBS: Final = {"INSERT INTO": "write", "UPDATE": "update", "DELETE FROM": "delete from"}


def settings() -> dict[str, str]:
    """What a server is started with that counts its statements; empty where it could not load the library."""
    named = os.environ.get("PAINTBOX_LOCAL_POSTGRES_BIN")
    programs = Path(named).expanduser() if named else packaged_programs()
    is_there = programs is not None and any((programs.parent / "lib").glob(f"{LIBRARY}.*"))
    return {"shared_preload_libraries": LIBRARY, f"{LIBRARY}.track_planning": "off"} if is_there else {}


def kind(text: str) -> str:
    """What a statement is called on the page: what it does to which table."""
    written = _WRITES.findall(text)
    if written:
        table = written[0][1]
        verbs = dict.fromkeys(_VERBS[verb] for verb, of in written if of == table)
        return f"{' and '.join(verbs)} {table}"
    read = _READS.search(text)
    if read is None:
        return text.split(maxsplit=1)[0].lower()
    return f"{'lock and read' if 'FOR UPDATE' in text or 'FOR NO KEY UPDATE' in text else 'read'} {read[1]}"


class Statements:
    """What the statements in some databases cost, round by round."""

    def __init__(self, superuser_dsn: str, databases: Sequence[str]) -> None:
        self._dsn = superuser_dsn
        self._databases = list(databases)
        self._rounds: list[tuple[int, Mapping[str, Counter[str]]]] = []

    async def begin(self) -> None:
        """Count from now on."""
        async with connected(self._dsn, process=PROCESS) as connection:
            if await _is_there(connection):
                await connection.execute("SELECT public.pg_stat_statements_reset()")

    async def end(self, events: int) -> None:
        """What was counted since, of so many events, is a round."""
        async with connected(self._dsn, process=PROCESS) as connection:
            if not await _is_there(connection):
                return
            rows = await connection.fetch(
                """
                SELECT query, calls, rows, 1000 * total_exec_time AS us, wal_bytes::bigint,
                       shared_blks_hit + shared_blks_read AS blocks
                  FROM public.pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
                 WHERE datname = ANY($1::text[]) AND query NOT LIKE '%pg_stat_%'
                """,
                self._databases,
            )
        found: dict[str, Counter[str]] = {}
        for row in rows:
            sums = found.setdefault(kind(row["query"]), Counter())
            sums.update({name: row[name] for name in ("calls", "rows", "us", "wal_bytes", "blocks")})
        self._rounds.append((events, found))

    def tables(self) -> tuple[Table, ...]:
        """The dearest kinds, a row each; none where nothing was counted."""
        if not self._rounds:
            return ()
        whole: Counter[str] = Counter()
        for _, found in self._rounds:
            whole.update({name: sums["us"] for name, sums in found.items()})
        return (Table(TITLE, tuple(figure for name, _ in whole.most_common(MOST) for figure in self._figures(name))),)

    def _figures(self, name: str) -> list[Figure]:
        rounds = [(events, found.get(name, Counter())) for events, found in self._rounds]
        figures = [Figure(name, "µs/event", tuple(sums["us"] / events for events, sums in rounds))]
        if all(sums["rows"] >= events * LEAST_ROWS for events, sums in rounds):  # others tell of no rows
            figures.append(Figure(name, "rows/event", tuple(sums["rows"] / events for events, sums in rounds)))
            for measure, of in (("µs/row", "us"), ("WAL bytes/row", "wal_bytes"), ("pages/row", "blocks")):
                figures.append(Figure(name, measure, tuple(sums[of] / sums["rows"] for _, sums in rounds)))
        return figures


async def _is_there(connection: Connection) -> bool:
    """Whether the server counts, as it was told to where it can."""
    if LIBRARY not in await connection.fetchval("SHOW shared_preload_libraries"):
        return False
    await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {LIBRARY} SCHEMA public")
    return True
