"""How much waits in a table that is a queue: numbered by `seq` in the order of writing, deleted once it is sent."""

from typing import Final

from synckit.postgres import Connection

COUNTED: Final = 10_000
"""Beyond so many rows they are not counted any more: that would take the longer the more of them wait."""


async def depth(connection: Connection, table: str, written_at: str) -> tuple[int, float]:
    """How many rows wait, and for how many seconds the oldest has (0 where none does). Names become part of SQL.

    Of more than 10,000 it is how many numbers lie between the first and the last, which is never less than there are.
    """
    row = await connection.fetchrow(
        f"""
        WITH first AS MATERIALIZED (SELECT seq, {written_at} AS at FROM {table} ORDER BY seq LIMIT $1 + 1)
        SELECT CASE WHEN count(*) <= $1 THEN count(*) ELSE (SELECT max(seq) FROM {table}) - min(seq) + 1 END AS depth,
               coalesce(greatest(extract(epoch FROM now() - min(at)), 0), 0)::float8 AS age
          FROM first
        """,  # noqa: S608 - names are constants of the service
        COUNTED,
    )
    return (row["depth"], row["age"]) if row else (0, 0.0)
