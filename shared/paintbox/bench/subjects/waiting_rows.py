"""An outbox with rows that wait: copied by the server from a table of the bench, committed at once."""

from typing import Final

from customer_sync.store import OUTBOX
from synckit import postgres

TABLE: Final = "bench.outbox_rows"
"""The rows, made once by the workload: (position, topic, key, headers, value)."""


async def filled(owner_dsn: str, rows: int) -> None:
    """The outbox holds the first so many of the bench's rows, and nothing of what is deleted from it before."""
    connection = await postgres.connect(owner_dsn, process="paintbox-bench", statement_timeout="600s")
    try:
        await connection.execute(f"TRUNCATE {OUTBOX.events}")
        await connection.execute("CHECKPOINT")
        await connection.execute(
            f"""
            INSERT INTO {OUTBOX.events} (topic, key, headers, value)
            SELECT topic, key, headers, value FROM {TABLE} WHERE position <= $1 ORDER BY position
            """,  # noqa: S608 - constants of the product and of the bench
            rows,
            timeout=600,
        )
    finally:
        await connection.close()
