"""The shared cache ends with the newest state of a record, in whatever order the states of it are brought there."""

import asyncio
import json
from datetime import datetime, timedelta
from functools import partial

import pytest

from customer_sync.store import MIRROR
from paintbox.databases import Connection, Database
from support.facts import a_fact, at
from support.postgres import WAITS_FOR_A_LOCK, NewDatabase, OpenSession
from support.waiting import until
from synckit.integrations import cache
from synckit.mirror import store as mirror
from synckit.mirror.facts import Fact, Record

pytestmark = pytest.mark.database

NEWER = a_fact(at(2), LastName="King")
OLDER = a_fact(at(1), FirstName="Ann")
KEY = (NEWER.object, NEWER.id)


async def merged(customers: Connection, *facts: Fact) -> Record:
    async with customers.transaction():
        touched = await mirror.merge(customers, MIRROR, facts)
    return touched.merged[KEY].record


async def test_a_state_that_a_late_delivery_completed_is_not_replaced_by_that_before(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    customers = await connect(await new_database(Database.CUSTOMERS))
    integrations = await connect(await new_database(Database.INTEGRATIONS))
    before = await merged(customers, NEWER)
    after = await merged(customers, OLDER)
    assert (before.newest, len(before.fields), len(after.fields)) == (after.newest, 1, 2)

    for record in (after, before, after):
        await cache.store(integrations, "SALESFORCE", [record])

        data = await integrations.fetchval("SELECT data FROM integrations.external_entity_cache")
        assert json.loads(data) == {"LastName": "King", "FirstName": "Ann"}


async def test_a_record_is_locked_when_the_lock_is_there_and_not_when_it_was_asked_for(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    first, second, third = [await connect(dsn) for _ in range(3)]
    await merged(first, NEWER)
    holding = first.transaction()
    await holding.start()
    await mirror.lock(first, MIRROR, [KEY])

    waiting = asyncio.create_task(merged(second, OLDER))
    await until(partial(third.fetchval, WAITS_FOR_A_LOCK))
    released: datetime = await third.fetchval("SELECT clock_timestamp()")
    await holding.commit()
    record = await waiting

    assert record.locked_at is not None
    assert record.locked_at > released


async def test_a_state_that_is_stored_again_on_the_same_day_writes_no_index(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    customers = await connect(await new_database(Database.CUSTOMERS))
    integrations = await connect(await new_database(Database.INTEGRATIONS))
    before, after = await merged(customers, OLDER), await merged(customers, NEWER)

    await cache.store(integrations, "SALESFORCE", [before])
    await cache.store(integrations, "SALESFORCE", [after])
    await integrations.execute("SELECT pg_stat_force_next_flush()")
    row = await integrations.fetchrow(
        """
        SELECT n_tup_upd AS updated, n_tup_hot_upd AS hot,
               (SELECT expires_at - now() FROM integrations.external_entity_cache) AS kept
          FROM pg_stat_user_tables
         WHERE relid = 'integrations.external_entity_cache'::regclass
        """
    )

    assert row is not None
    assert (row["updated"], row["hot"]) == (1, 1)
    assert timedelta(days=7) <= row["kept"] <= timedelta(days=8)
