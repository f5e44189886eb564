"""A row that somebody holds locked holds up those whose it is, and nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import pytest

from customer_sync.handlers.webhooks import on_salesforce_webhooks
from paintbox.databases import Database
from photo_sync.handlers import held
from photo_sync.rules.contacts import customer_ref
from photo_sync.store import matches
from support import samples
from support.notifications import salesforce_messages
from support.people import customer, project
from support.postgres import NewDatabase, OpenSession
from support.samples import DOUGLAS, GERALDINE
from support.services import all_rows, customer_sync_on, numbered, photo_sync_on
from synckit import postgres
from synckit.consumer import Batch
from synckit.contracts.compacted import Standing, decode
from synckit.contracts.values import CustomerChanged
from synckit.observability.metrics import HELD
from synckit.postgres import Connection

pytestmark = pytest.mark.database

MESSAGE: Final = samples.body("outbound_message_contacts.xml")
NEWER: Final = (
    MESSAGE.replace(b"Brown", b"King")
    .replace(b"Hunting", b"King")
    .replace(b"2026-01-02T10:00:0", b"2026-01-02T11:00:0")
)
NAMES: Final = "SELECT salesforce_id, last_name FROM customers.customers ORDER BY salesforce_id"


@pytest.fixture(autouse=True)
def _locks_are_waited_for_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SESSION_SETTINGS", {**postgres.SESSION_SETTINGS, "lock_timeout": "300ms"})


@asynccontextmanager
async def locking(session: Connection, statement: str, *parameters: object) -> AsyncIterator[None]:
    async with session.transaction():
        await session.execute(statement, *parameters)
        yield


async def test_f19_batches_of_other_rows_go_on_while_somebody_holds_one_locked_and_its_own_waits(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    of_geraldine, of_douglas = salesforce_messages(NEWER)
    his, hers = Batch(numbered([of_douglas])), Batch(numbered([of_geraldine]))
    async with customer_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
        await sync.messages(MESSAGE)
        somebody = await connect(dsn)
        async with locking(
            somebody, "UPDATE customers.customers SET status = status WHERE salesforce_id = $1", DOUGLAS
        ):
            with pytest.raises(asyncpg.LockNotAvailableError):
                await on_salesforce_webhooks(his, sync.resources)
            await on_salesforce_webhooks(hers, sync.resources)
            await sync.resources.projector.sweep_once(seconds=-1)
            with pytest.raises(asyncpg.LockNotAvailableError):
                await on_salesforce_webhooks(his, sync.resources)
            meanwhile = await all_rows(sync.resources.customers, NAMES)
        await on_salesforce_webhooks(his, sync.resources)
        afterwards = await all_rows(sync.resources.customers, NAMES)

    assert {row["salesforce_id"]: row["last_name"] for row in meanwhile} == {DOUGLAS: "Hunting", GERALDINE: "King"}
    assert {row["salesforce_id"]: row["last_name"] for row in afterwards} == {DOUGLAS: "King", GERALDINE: "King"}


async def test_a_refused_key_that_somebody_holds_locked_says_so_and_holds_no_other_up(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    locked, free = sorted([DOUGLAS, GERALDINE])
    async with customer_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
        somebody = await connect(dsn)
        for contact in (DOUGLAS, GERALDINE):
            await somebody.execute(
                "INSERT INTO customers.customers (salesforce_id, last_name, email, account_type)"
                " VALUES ($1::text, 'By hand', $1::text || '@example.com', 'RESIDENTIAL')",
                contact,
            )
        await sync.messages(MESSAGE)
        await somebody.execute("UPDATE customers.customers SET salesforce_id = NULL")
        async with locking(somebody, "SELECT FROM customers.salesforce_records WHERE id = $1 FOR UPDATE", locked):
            await sync.resources.projector.try_refused_once()
            kept = await all_rows(sync.resources.customers, "SELECT id, reason FROM customers.projection_refused")
        written = [row["salesforce_id"] for row in await all_rows(sync.resources.customers, NAMES)]
        await sync.resources.projector.try_refused_once()
        left = await all_rows(sync.resources.customers, "SELECT FROM customers.projection_refused")

    assert [(row["id"], "LockNotAvailableError" in row["reason"]) for row in kept] == [(locked, True)]
    assert [one for one in written if one is not None] == [free]
    assert left == []


async def test_the_net_matches_and_counts_what_is_held_beside_a_project_that_somebody_holds_locked(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.PROJECTS)
    ids = [str(94_200_000 + number) for number in range(5)]
    async with photo_sync_on(dsn, await new_database(Database.INTEGRATIONS)) as sync:
        somebody = await connect(dsn)
        await sync.events(*(project(id=one) for one in ids))
        said = decode(CustomerChanged, customer())
        assert isinstance(said, Standing)
        async with sync.resources.projects.acquire() as connection:
            await matches.upsert_customer_refs(connection, [customer_ref(said.value)])
        HELD.clear()
        async with locking(somebody, "SELECT FROM projects.companycam_records WHERE id = $1 FOR UPDATE", ids[2]):
            bugs = await held.Net(sync.resources).look_again()
        told = {tuple(sample.labels.values()): sample.value for metric in HELD.collect() for sample in metric.samples}
        rows = await all_rows(sync.resources.projects, "SELECT company_cam_id FROM projects.projects")

    assert bugs == []
    assert sorted(row["company_cam_id"] for row in rows) == [one for one in ids if one != ids[2]]
    assert [many for of, many in told.items() if "customer" in of] == [1]
