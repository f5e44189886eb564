"""Plans that are made while tables are empty, and kept: a batch reads its own rows, however many there are by then."""

from collections import Counter
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest

from paintbox.bench import bodies
from paintbox.databases import Database
from paintbox.world.runs import PROJECT
from support.facts import NOON_MS
from support.people import NOW, customer
from support.postgres import NewDatabase
from support.services import CustomerSync, PhotoSync, customer_sync_on, photo_sync_on
from synckit.postgres import Pool

pytestmark = pytest.mark.database

RUN: Final = bodies.a_run(1)
SMALL: Final = 10
"""Batches of one record: from the sixth time on PostgreSQL may keep a statement's plan, whatever its parameters are."""
MANY: Final = 60
LARGE: Final = 10
READ: Final = """
    SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS rows
      FROM pg_catalog.pg_stat_user_tables
     WHERE schemaname IN ('customers', 'projects', 'integrations')
    """
MOST: Final = 5 * MANY
"""Of one table by a batch: locked, compared, written, and looked up by another's key. All of it holds twice as many."""


async def read_so_far(pool: Pool) -> Counter[str]:
    """How many rows of each table were read, by any session of the pool."""
    async with AsyncExitStack() as sessions:
        for session in [await sessions.enter_async_context(pool.acquire()) for _ in range(pool.get_max_size())]:
            await session.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
    return Counter({row["relname"]: row["rows"] for row in await pool.fetch(READ)})


def sizes() -> list[range]:
    """Which records each batch is about: first one at a time, then many."""
    small = [range(at, at + 1) for at in range(SMALL)]
    return small + [range(start, start + MANY) for start in range(SMALL, SMALL + LARGE * MANY, MANY)]


async def of_the_last_batch(pools: list[Pool], before: list[Counter[str]]) -> dict[str, int]:
    after = [await read_so_far(pool) for pool in pools]
    return dict(sum((now - then for now, then in zip(after, before, strict=True)), Counter()))


async def test_a_batch_of_webhooks_of_companycam_reads_its_own_rows_only(new_database: NewDatabase) -> None:
    projects, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(projects, integrations) as sync:
        pools = [sync.resources.projects, sync.resources.integrations]
        *all_but_one, last = sizes()
        for batch in all_but_one:
            await _companycam(sync, batch)
        before = [await read_so_far(pool) for pool in pools]
        await _companycam(sync, last)
        read = await of_the_last_batch(pools, before)
        rows = await sync.resources.projects.fetchval("SELECT count(*) FROM projects.project_photos")

    assert rows == SMALL + LARGE * MANY
    assert {name: many for name, many in read.items() if many > 2 * MOST} == {}  # three topics were heard


async def _companycam(sync: PhotoSync, batch: range) -> None:
    ids = [RUN.companycam_id(PROJECT, at) for at in batch]
    await sync.events(*(bodies.project(RUN, at, NOW, f"{at}@example.com") for at in batch))
    await sync.customers(
        [
            customer(f"0035e{at:010}AAA", email=f"{at}@example.com", salesforce_ids=(one,))
            for at, one in zip(batch, ids, strict=True)
        ]
    )
    await sync.events(*(bodies.photo(RUN, at, NOW) for at in batch))


async def test_a_batch_of_webhooks_of_salesforce_reads_its_own_rows_only(new_database: NewDatabase) -> None:
    customers, integrations = await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)
    async with customer_sync_on(customers, integrations) as sync:
        pools = [sync.resources.customers, sync.resources.integrations]
        everyone = list(bodies.contacts(RUN, SMALL + LARGE * MANY))
        *all_but_one, last = sizes()
        for batch in all_but_one:
            await _salesforce(sync, everyone, batch)
        before = [await read_so_far(pool) for pool in pools]
        await _salesforce(sync, everyone, last)
        read = await of_the_last_batch(pools, before)
        rows = await sync.resources.customers.fetchval("SELECT count(*) FROM customers.customers")

    assert rows == SMALL + LARGE * MANY
    assert {name: many for name, many in read.items() if many > MOST} == {}


async def _salesforce(sync: CustomerSync, everyone: list[dict[str, Any]], batch: range) -> None:
    told = [(f"04l5e0001{at:06}AAA", bodies.stamped(everyone[at], NOON_MS)) for at in batch]
    await sync.messages(bodies.message(told))
