"""The doors while Kafka is away: nothing is accepted, and the sender is told to come again."""

from collections.abc import AsyncIterator
from contextlib import nullcontext

import httpx
import pytest

from support import samples
from support.senders import companycam_headers
from synckit import web
from webhook_ingest.app import lifetime
from webhook_ingest.doors.companycam import DOOR
from webhook_ingest.doors.outbound_messages import PATH
from webhook_ingest.settings import IngestSettings

SECRET = "a secret of thirty-two bytes or more"
BODY = samples.body("companycam_photo_created.json")


@pytest.fixture
async def door() -> AsyncIterator[httpx.AsyncClient]:
    """The doors, over a broker that nobody runs."""
    settings = IngestSettings.model_validate(
        {
            "kafka_bootstrap_servers": "127.0.0.1:1",
            "salesforce_organization_ids": ("00D5e000000Pnt1EAC",),
            "salesforce_endpoint_tokens": (SECRET,),
            "companycam_webhook_tokens": (SECRET,),
        }
    )
    async with lifetime(settings) as routes:
        transport = httpx.ASGITransport(web.application(routes, nullcontext))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            yield client


async def test_a_delivery_is_answered_503_with_a_time_to_come_again(door: httpx.AsyncClient) -> None:
    answer = await door.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, SECRET))

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["code"] == "unavailable"


async def test_an_outbound_message_is_not_acknowledged(door: httpx.AsyncClient) -> None:
    answer = await door.post(PATH.replace("*", SECRET), content=samples.body("outbound_message_contacts.xml"))

    assert answer.status_code == 503
    assert b"<Ack>" not in answer.content


async def test_who_is_not_known_is_refused_all_the_same(door: httpx.AsyncClient) -> None:
    answer = await door.post(DOOR.source, content=BODY, headers=companycam_headers(BODY, "x"))

    assert answer.status_code == 401


async def test_a_body_that_is_not_understood_is_not_lost_by_a_200(door: httpx.AsyncClient) -> None:
    answer = await door.post(DOOR.source, content=b"{", headers=companycam_headers(b"{", SECRET))

    assert answer.status_code == 503


async def test_readiness_names_what_is_missing_and_the_loop_still_turns(door: httpx.AsyncClient) -> None:
    alive, ready = await door.get("/healthz"), await door.get("/readyz")

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert set(ready.json()["missing"]) == {"kafka", "producer"}
