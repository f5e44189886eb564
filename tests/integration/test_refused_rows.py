"""A row that the database refuses is kept, in both services, and written by itself once it is mended."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest

from customer_sync.store import MIRROR
from paintbox.databases import Database
from photo_sync.handlers import held
from support import samples
from support.facts import NOON_MS
from support.notifications import salesforce_messages
from support.people import customer, photo, project
from support.postgres import WAITS_FOR_A_LOCK, NewDatabase, OpenSession
from support.samples import DOUGLAS, GERALDINE, PHOTO, PROJECT
from support.services import CustomerSync, PhotoSync, all_rows, customer_sync_on, of_topic, one_row, photo_sync_on
from support.waiting import until, until_true
from synckit.contracts import headers
from synckit.contracts.topics import CUSTOMERS_CHANGES, FEDERATION_KEYS, PROJECTS_CHANGES
from synckit.mirror import projector, refused
from synckit.mirror.facts import Cause
from synckit.observability.metrics import REFUSED
from synckit.postgres import Pool

pytestmark = pytest.mark.database

MESSAGE: Final = samples.body("outbound_message_contacts.xml")
_, OF_DOUGLAS = salesforce_messages(MESSAGE)
CUSTOMERS: Final = "SELECT salesforce_id, last_name FROM customers.customers ORDER BY salesforce_id"
LOGS: Final = "SELECT id, status::text FROM customers.customer_sync_logs WHERE salesforce_id = $1 ORDER BY status"
KEPT: Final = "SELECT * FROM {}.projection_refused ORDER BY object, id"
SAID: Final = "A row was refused by the database"


@pytest.fixture
async def databases(new_database: NewDatabase) -> tuple[str, str]:
    return await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)


@pytest.fixture
async def sync(databases: tuple[str, str]) -> AsyncIterator[CustomerSync]:
    async with customer_sync_on(*databases) as service:
        yield service


@pytest.fixture
async def photos(new_database: NewDatabase) -> AsyncIterator[PhotoSync]:
    projects, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(projects, integrations) as service:
        yield service


async def run(pool: Pool, statement: str, *parameters: object) -> None:
    async with pool.acquire() as connection:
        await connection.execute(statement, *parameters)


async def occupy(sync: CustomerSync, contact: str) -> None:
    """Somebody enters a customer by hand who has the id of a contact."""
    await run(
        sync.resources.customers,
        """
        INSERT INTO customers.customers (salesforce_id, last_name, email, account_type)
        VALUES ($1::text, 'By hand', $1::text || '@example.com', 'RESIDENTIAL')
        """,
        contact,
    )


async def mend(sync: CustomerSync) -> None:
    await run(
        sync.resources.customers, "UPDATE customers.customers SET salesforce_id = NULL WHERE last_name = 'By hand'"
    )


async def kept(service: CustomerSync | PhotoSync) -> list[dict[str, Any]]:
    if isinstance(service, CustomerSync):
        return await all_rows(service.resources.customers, KEPT.format("customers"))
    return await all_rows(service.resources.projects, KEPT.format("projects"))


def refusals(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.message == SAID for record in caplog.records)


async def test_what_was_refused_is_written_and_announced_once_after_it_was_mended(sync: CustomerSync) -> None:
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    before = await sync.published()
    (row,) = await kept(sync)
    await mend(sync)

    await sync.resources.projector.try_refused_once()
    await sync.resources.projector.try_refused_once()

    event = headers.decode(OF_DOUGLAS.headers)
    (announced,) = of_topic(await sync.published(), CUSTOMERS_CHANGES.name)
    assert len(of_topic(before, CUSTOMERS_CHANGES.name)) == 1
    assert (row["object"], row["id"], "customers_salesforce_id_key" in row["reason"]) == ("Contact", DOUGLAS, True)
    assert {"salesforce_id": DOUGLAS, "last_name": "Hunting"} in await all_rows(sync.resources.customers, CUSTOMERS)
    assert headers.decode(announced.headers).correlation_id == event.correlation_id
    assert await kept(sync) == []
    logs = await all_rows(sync.resources.customers, LOGS, DOUGLAS)
    assert [log["status"] for log in logs] == ["COMPLETED", "FAILED"]


async def test_what_is_refused_again_stays_and_says_nothing_more(
    sync: CustomerSync, caplog: pytest.LogCaptureFixture
) -> None:
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    logs = await all_rows(sync.resources.customers, LOGS, DOUGLAS)
    (before,) = await kept(sync)

    caplog.clear()
    with caplog.at_level(logging.INFO):
        await sync.resources.projector.try_refused_once()

    (after,) = await kept(sync)
    assert caplog.records == []
    assert after["tried_at"] > before["tried_at"]
    assert after | {"tried_at": None} == before | {"tried_at": None}
    assert await all_rows(sync.resources.customers, LOGS, DOUGLAS) == logs


async def test_what_is_refused_is_no_note_that_a_sweep_would_do(sync: CustomerSync) -> None:
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    before = await kept(sync)

    await sync.resources.projector.sweep_once(0)

    assert await kept(sync) == before
    assert len(before) == 1


async def test_what_is_refused_holds_no_other_up_that_is_mended(sync: CustomerSync) -> None:
    for contact in (DOUGLAS, GERALDINE):
        await occupy(sync, contact)
    await sync.messages(MESSAGE)
    await run(
        sync.resources.customers,
        "UPDATE customers.customers SET salesforce_id = NULL WHERE salesforce_id = $1",
        GERALDINE,
    )

    await sync.resources.projector.try_refused_once()

    assert {"salesforce_id": GERALDINE, "last_name": "Brown"} in await all_rows(sync.resources.customers, CUSTOMERS)
    assert [row["id"] for row in await kept(sync)] == [DOUGLAS]


async def test_a_process_that_starts_tries_what_was_refused_before(
    sync: CustomerSync, databases: tuple[str, str]
) -> None:
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    await mend(sync)

    async with customer_sync_on(*databases) as another:
        trying = asyncio.create_task(another.resources.projector.try_refused())

        async def is_written() -> bool:
            return await kept(sync) == []

        await until(is_written, 5)
        trying.cancel()
        with suppress(asyncio.CancelledError):
            await trying

    assert {"salesforce_id": DOUGLAS, "last_name": "Hunting"} in await all_rows(sync.resources.customers, CUSTOMERS)


async def test_once_a_minute_it_is_tried_and_counted(sync: CustomerSync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector, "NET_SECONDS", 0.05)
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    REFUSED.clear()
    trying = asyncio.create_task(sync.resources.projector.try_refused())
    await until_true(lambda: counted() == [1])

    await mend(sync)
    await until_true(lambda: counted() == [0])

    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying


def counted() -> list[float]:
    return [sample.value for metric in REFUSED.collect() for sample in metric.samples]


async def test_a_newer_event_that_is_refused_too_is_the_one_that_is_kept(
    sync: CustomerSync, caplog: pytest.LogCaptureFixture
) -> None:
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    (before,) = await kept(sync)
    later = MESSAGE.replace(b"Hunting", b"King").replace(b"2026-01-02T10:00:0", b"2026-01-02T11:00:0")
    _, newer = salesforce_messages(later, received_at=NOON_MS + 1000)

    await sync.webhooks([newer])
    (after,) = await kept(sync)
    await mend(sync)
    await sync.resources.projector.try_refused_once()

    assert event_of(before) == str(headers.decode(OF_DOUGLAS.headers).id)
    assert event_of(after) == str(headers.decode(newer.headers).id)
    assert refusals(caplog) == 2
    assert {"salesforce_id": DOUGLAS, "last_name": "King"} in await all_rows(sync.resources.customers, CUSTOMERS)


async def test_what_was_written_meanwhile_is_forgotten_without_a_word(sync: CustomerSync) -> None:
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    await mend(sync)
    later = MESSAGE.replace(b"Hunting", b"King").replace(b"2026-01-02T10:00:0", b"2026-01-02T11:00:0")
    await sync.messages(later)
    await sync.published()

    await sync.resources.projector.try_refused_once()

    assert await kept(sync) == []
    assert await sync.published() == []


async def test_what_another_process_tries_just_now_is_left_to_it(sync: CustomerSync) -> None:
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    before = await kept(sync)
    await mend(sync)
    async with sync.resources.customers.acquire() as other, other.transaction():
        await refused.claim(other, MIRROR, "Contact", [DOUGLAS])

        async with asyncio.timeout(3):
            await sync.resources.projector.try_refused_once()

        assert await kept(sync) == before


async def test_a_refusal_outlives_a_write_of_an_older_state_that_is_not_committed_yet(
    sync: CustomerSync, connect: OpenSession, databases: tuple[str, str]
) -> None:
    await occupy(sync, DOUGLAS)
    await sync.messages(MESSAGE)
    watcher, writer = await connect(databases[0]), await connect(databases[0])
    cause = Cause(event_id=UUID(int=1), correlation_id=UUID(int=2), traceparent="", received_at=NOON_MS + 1000)
    writing = writer.transaction()
    await writing.start()
    await refused.delete(writer, MIRROR, "Contact", await refused.claim(writer, MIRROR, "Contact", [DOUGLAS]))

    async def refuse() -> None:
        async with sync.resources.customers.acquire() as connection:
            await refused.keep(connection, MIRROR, ("Contact", DOUGLAS), cause, "again")

    refusing = asyncio.create_task(refuse())

    await until(partial(watcher.fetchval, WAITS_FOR_A_LOCK))
    await writing.commit()
    await refusing

    assert [event_of(row) for row in await kept(sync)] == [str(cause.event_id)]


async def test_a_project_that_was_refused_is_written_with_its_photos_and_its_key(photos: PhotoSync) -> None:
    pool = photos.resources.projects
    await run(pool, "ALTER TABLE projects.projects ADD CONSTRAINT no_street CHECK (service_street IS NULL)")
    await photos.events(project(), photo())
    await photos.customers([customer()])
    (row,) = await kept(photos)
    before = of_topic(await photos.published(), PROJECTS_CHANGES.name)
    await run(pool, "ALTER TABLE projects.projects DROP CONSTRAINT no_street")

    await photos.resources.projector.try_refused_once()
    await photos.resources.projector.try_refused_once()

    published = await photos.published()
    written = await one_row(pool, "SELECT company_cam_id, photo_count FROM projects.projects")
    assert (row["object"], row["id"], "no_street" in row["reason"], before) == ("project", PROJECT, True, [])
    assert written == {"company_cam_id": PROJECT, "photo_count": 1}
    assert [len(of_topic(published, one.name)) for one in (PROJECTS_CHANGES, FEDERATION_KEYS)] == [1, 1]
    assert await kept(photos) == []


async def test_a_photo_that_is_refused_is_left_to_one_net_and_written_once_it_is_mended(
    photos: PhotoSync, caplog: pytest.LogCaptureFixture
) -> None:
    pool = photos.resources.projects
    await run(pool, "ALTER TABLE projects.project_photos ADD CONSTRAINT none CHECK (company_cam_id IS NULL)")
    await photos.customers([customer()])
    await photos.events(project(), photo())
    before = await kept(photos)
    await held.Net(photos.resources).look_again()
    after = await kept(photos)
    await run(pool, "ALTER TABLE projects.project_photos DROP CONSTRAINT none")

    await photos.resources.projector.try_refused_once()

    assert [(row["object"], row["id"]) for row in before] == [("photo", PHOTO)]
    assert after == before
    assert refusals(caplog) == 1
    assert await all_rows(pool, "SELECT company_cam_id FROM projects.project_photos") == [{"company_cam_id": PHOTO}]
    assert await kept(photos) == []


def event_of(row: dict[str, Any]) -> str:
    return str(json.loads(row["cause"])["event_id"])
