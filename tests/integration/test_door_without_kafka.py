"""The doors while Kafka is away: what is sent goes to the spool, and only where that is away too is it refused."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, nullcontext
from functools import partial

import httpx
import pytest

from paintbox.databases import Connection
from support import samples
from support.senders import companycam_headers
from support.waiting import until
from synckit import web
from synckit.contracts.headers import decode, to_kafka
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM, WEBHOOKS_QUARANTINED, WEBHOOKS_SALESFORCE
from webhook_ingest.app import lifetime
from webhook_ingest.doors.companycam import DOOR
from webhook_ingest.doors.outbound_messages import PATH
from webhook_ingest.settings import IngestSettings

pytestmark = pytest.mark.database

SECRET = "a secret of thirty-two bytes or more"
BODY = samples.body("companycam_photo_created.json")
NOWHERE = "postgresql://nobody:x@127.0.0.1:1/paintbox_integrations"


async def door(stack: AsyncExitStack, dsn: str, *tokens: str) -> httpx.AsyncClient:
    """The doors, over a broker that nobody runs, once they know that."""
    settings = IngestSettings.model_validate(
        {
            "kafka_bootstrap_servers": "127.0.0.1:1",
            "salesforce_organization_ids": ("00D5e000000Pnt1EAC",),
            "salesforce_endpoint_tokens": (SECRET,),
            "companycam_webhook_tokens": tokens or (SECRET,),
            "integrations_dsn": dsn,
        }
    )
    routes = await stack.enter_async_context(lifetime(settings))
    transport = httpx.ASGITransport(web.application(routes, nullcontext))
    client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://door"))

    async def has_looked() -> bool:
        return "producer" not in (await client.get("/readyz")).json().get("missing", {})

    await until(has_looked)
    return client


@pytest.fixture
async def spooling(dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    """The doors, with a spool."""
    async with AsyncExitStack() as stack:
        yield await door(stack, dsn)


@pytest.fixture
async def lost() -> AsyncIterator[httpx.AsyncClient]:
    """The doors, over a database that nobody runs either."""
    async with AsyncExitStack() as stack:
        yield await door(stack, NOWHERE)


async def test_a_delivery_is_kept_in_the_spool_before_it_is_answered(
    spooling: httpx.AsyncClient, session: Connection
) -> None:
    answer = await spooling.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET))

    row = await session.fetchrow("SELECT topic, key, value, event_id FROM integrations.webhook_spool")
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "quarantined": 0})
    assert row is not None
    assert (row["topic"], row["key"]) == (WEBHOOKS_COMPANYCAM.name, samples.PROJECT)
    assert row["value"] == BODY


async def test_every_notification_of_an_outbound_message_is_kept_with_its_headers(
    spooling: httpx.AsyncClient, session: Connection
) -> None:
    body = samples.body("outbound_message_contacts.xml")

    answer = await spooling.post(PATH.replace("*", SECRET), content=body)

    rows = await session.fetch("SELECT topic, key, headers, event_id FROM integrations.webhook_spool ORDER BY seq")
    heads = [decode(to_kafka(json.loads(row["headers"]))) for row in rows]
    assert b"<Ack>true</Ack>" in answer.content
    assert [(row["topic"], row["key"]) for row in rows] == [
        (WEBHOOKS_SALESFORCE.name, samples.GERALDINE),
        (WEBHOOKS_SALESFORCE.name, samples.DOUGLAS),
    ]
    assert [str(head.id) for head in heads] == [str(row["event_id"]) for row in rows]


async def test_a_body_that_is_not_understood_is_kept_too(spooling: httpx.AsyncClient, session: Connection) -> None:
    answer = await spooling.post(DOOR.source, content=b"{", headers=companycam_headers(b"{", SECRET))

    assert (answer.status_code, answer.json()) == (200, {"accepted": 0, "quarantined": 1})
    assert await session.fetchval("SELECT topic FROM integrations.webhook_spool") == WEBHOOKS_QUARANTINED.name


async def test_while_kafka_is_known_to_be_away_nobody_waits_for_it(spooling: httpx.AsyncClient) -> None:
    started = time.monotonic()

    for _ in range(20):
        await spooling.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET))

    assert time.monotonic() - started < 2


async def test_who_is_not_known_leaves_nothing_in_the_spool(spooling: httpx.AsyncClient, session: Connection) -> None:
    answer = await spooling.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, "x"))

    assert answer.status_code == 401
    assert await session.fetchval("SELECT count(*) FROM integrations.webhook_spool") == 0


async def test_with_a_spool_that_works_the_door_is_ready(spooling: httpx.AsyncClient) -> None:
    ready = await spooling.get("/readyz")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


async def test_with_both_away_a_delivery_is_answered_503_with_a_time_to_come_again(lost: httpx.AsyncClient) -> None:
    answer = await lost.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET))

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["code"] == "unavailable"


async def test_with_both_away_an_outbound_message_is_not_acknowledged(lost: httpx.AsyncClient) -> None:
    answer = await lost.post(PATH.replace("*", SECRET), content=samples.body("outbound_message_contacts.xml"))

    assert answer.status_code == 503
    assert b"<Ack>" not in answer.content


async def test_with_both_away_readiness_says_so_and_the_loop_still_turns(lost: httpx.AsyncClient) -> None:
    alive, ready = await lost.get("/healthz"), await lost.get("/readyz")

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["missing"] == {"storage": "Kafka is away, and the spool cannot be written"}


async def is_ready(client: httpx.AsyncClient) -> bool:
    """What a load balancer asks. Nobody sends a delivery meanwhile."""
    return (await client.get("/readyz")).status_code == 200


async def test_over_a_database_that_only_reads_a_door_is_not_ready_until_it_takes_writes(
    dsn: str, session: Connection, admin: Connection
) -> None:
    name = await session.fetchval("SELECT current_database()")
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with AsyncExitStack() as stack:
        client = await door(stack, dsn)
        before = await is_ready(client)
        refused = await client.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET))
        after = await is_ready(client)
        await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

        await until(partial(is_ready, client))
        taken = await client.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET))

    assert (before, refused.status_code, after) == (False, 503, False)
    assert taken.status_code == 200


async def test_while_somebody_holds_the_spool_locked_a_door_is_not_ready(
    spooling: httpx.AsyncClient, session: Connection
) -> None:
    async with session.transaction():
        await session.execute("LOCK TABLE integrations.webhook_spool IN SHARE MODE")
        while_locked = await is_ready(spooling)

    await until(partial(is_ready, spooling))
    assert not while_locked


async def test_without_the_spools_table_a_delivery_is_answered_503_and_a_door_is_not_ready(
    spooling: httpx.AsyncClient, session: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """As while it is restored, or where a right was withdrawn: no bug of the door's, whose edge asks another."""
    await session.execute("ALTER TABLE integrations.webhook_spool RENAME TO elsewhere")
    refused = [
        await spooling.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET)) for _ in range(2)
    ]
    ready = await spooling.get("/readyz")
    await session.execute("ALTER TABLE integrations.elsewhere RENAME TO webhook_spool")

    await until(partial(is_ready, spooling))
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in refused] == [(503, "5")] * 2
    assert ready.json()["missing"] == {"storage": "Kafka is away, and the spool cannot be written"}
    told = [one.message for one in caplog.records if one.name == "webhook_ingest.custody"]
    assert told == ["The spool cannot be written: the doors answer 503"]


FULL_DISK = """
    CREATE FUNCTION pg_temp.full_disk() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON integrations.webhook_spool
        FOR EACH ROW EXECUTE FUNCTION pg_temp.full_disk()
"""


async def test_what_only_a_delivery_finds_out_keeps_a_door_unready_until_a_rehearsal_works(
    spooling: httpx.AsyncClient, session: Connection
) -> None:
    await session.execute(FULL_DISK)
    refused = await spooling.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET))
    while_full = [await is_ready(spooling) for _ in range(3)]
    await session.execute("DROP TRIGGER full_disk ON integrations.webhook_spool")

    await until(partial(is_ready, spooling))
    assert (refused.status_code, while_full) == (503, [False] * 3)
    assert await session.fetchval("SELECT count(*) FROM integrations.webhook_spool") == 0


async def test_f67_while_a_secret_is_replaced_nobody_is_turned_away(dsn: str) -> None:
    old, new = SECRET, "the next secret of thirty-two bytes or more"
    phases = [((old,), old), ((old, new), old), ((old, new), new), ((new, old), new), ((new,), new)]
    statuses = []
    for accepted, used in phases:
        async with AsyncExitStack() as stack:
            client = await door(stack, dsn, *accepted)
            answer = await client.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, used))
            statuses.append(answer.status_code)

    assert statuses == [200] * 5


async def test_f65_a_replay_is_the_same_event_again(spooling: httpx.AsyncClient, session: Connection) -> None:
    for _ in range(2):
        await spooling.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET))

    ids = await session.fetch("SELECT DISTINCT event_id FROM integrations.webhook_spool")
    assert len(ids) == 1
