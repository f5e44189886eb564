"""What is told of a queue's depth, however much waits in it."""

import pytest

from paintbox.databases import Connection
from synckit import queues

pytestmark = pytest.mark.database

EVENTS = "customers.outbox_events"
FILL = f"INSERT INTO {EVENTS} (topic, key, created_at) SELECT 'a.topic.v1', n, now() - n * interval '1 s' FROM generate_series(1, $1::int) AS n"  # noqa: E501
READ = (
    "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relid = $1::regclass"
)


async def test_nothing_waits(customers: Connection) -> None:
    assert await queues.depth(customers, EVENTS, "created_at") == (0, 0.0)


async def test_few_rows_are_counted_whatever_numbers_were_left_out(customers: Connection) -> None:
    await customers.execute(FILL, 40)
    await customers.execute(f"DELETE FROM {EVENTS} WHERE seq % 4 = 2")

    rows, age = await queues.depth(customers, EVENTS, "created_at")

    assert rows == 30
    assert 40 <= age < 60


async def test_of_many_the_numbers_are_told_from_the_first_to_the_last(customers: Connection) -> None:
    await customers.execute(FILL, queues.COUNTED + 50)
    await customers.execute(f"DELETE FROM {EVENTS} WHERE seq <= 10 OR seq BETWEEN 20 AND 29")

    rows, _ = await queues.depth(customers, EVENTS, "created_at")

    assert rows == queues.COUNTED + 40


async def test_of_many_rows_only_the_first_are_read(customers: Connection) -> None:
    await customers.execute(FILL, 5 * queues.COUNTED)
    await customers.execute(f"ANALYZE {EVENTS}")
    await customers.execute("SELECT pg_stat_force_next_flush()")
    before = await customers.fetchval(READ, EVENTS)

    await queues.depth(customers, EVENTS, "created_at")

    await customers.execute("SELECT pg_stat_force_next_flush()")
    assert await customers.fetchval(READ, EVENTS) - before <= 2 * queues.COUNTED
