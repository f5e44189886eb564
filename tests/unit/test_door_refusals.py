"""What the doors refuse is counted by a reason of a closed set and logged once, without what was sent."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, Final

import asyncpg
import httpx
import pytest
from prometheus_client import REGISTRY

from synckit import web
from webhook_ingest import app
from webhook_ingest.addresses import AddressLimit
from webhook_ingest.admission import Admission
from webhook_ingest.custody import Custody
from webhook_ingest.publisher import Publisher
from webhook_ingest.resources import Resources
from webhook_ingest.settings import IngestSettings

SECRET: Final = "a-secret-of-more-than-thirty-two-bytes"
DSN: Final = "postgresql://nobody:x@127.0.0.1:1/none"
COMPANYCAM: Final = "/webhooks/companycam"
EVENTS: Final = "/webhooks/salesforce/events"
MESSAGES: Final = "/webhooks/salesforce/outbound-messages"
NAMES: Final = {COMPANYCAM: "companycam", EVENTS: "salesforce_events", MESSAGES: "salesforce_messages"}


@pytest.fixture
async def doors() -> AsyncIterator[httpx.AsyncClient]:
    """The doors, which keep nothing: whatever is sent here is refused before."""
    given: dict[str, Any] = {
        "kafka_bootstrap_servers": "127.0.0.1:1",
        "integrations_dsn": DSN,
        "salesforce_organization_ids": "00D5e000000Pnt1EAC",
        **dict.fromkeys(("salesforce_endpoint_tokens", "companycam_webhook_tokens"), SECRET),
    }
    settings = IngestSettings.model_validate(given)
    custody = Custody(Publisher("127.0.0.1:1", "test", 1.0), asyncpg.create_pool(DSN))
    routes = app.routes(Resources(settings, Admission([], AddressLimit(0)), custody))

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        yield

    transport = httpx.ASGITransport(web.application(routes, lifespan))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        yield client


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"paintbox_webhook_{name}_total", labels) or 0.0


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "FOO"])
@pytest.mark.parametrize("path", [COMPANYCAM, EVENTS, MESSAGES, f"{MESSAGES}/", f"{MESSAGES}/canary"])
async def test_b23_another_method_is_counted_at_every_door(doors: httpx.AsyncClient, path: str, method: str) -> None:
    door = NAMES[path.removesuffix("/canary").rstrip("/")]
    before = count("rejected", door=door, reason="method_not_allowed"), count("requests", door=door)

    answer = await doors.request(method, path)

    after = count("rejected", door=door, reason="method_not_allowed"), count("requests", door=door)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert after == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("path", [MESSAGES, f"{MESSAGES}/", f"{MESSAGES}/wrong"])
async def test_a_message_without_the_token_is_not_authenticated_and_counted(
    doors: httpx.AsyncClient, path: str
) -> None:
    before = count("rejected", door="salesforce_messages", reason="wrong_token")

    answer = await doors.post(path, content=b"<x/>")
    other = await doors.post(COMPANYCAM, content=b"{}")

    assert (answer.status_code, answer.content) == (401, other.content)
    assert count("rejected", door="salesforce_messages", reason="wrong_token") == before + 1


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Not what a client of an earlier test still has to say."""
    return [record for record in caplog.records if record.name.startswith("webhook_ingest")]


async def test_a_refusal_is_logged_once_with_the_digest_of_its_body_and_none_of_it(
    doors: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webhook_ingest")

    await doors.post(COMPANYCAM, content=b"canary", headers={"X-CompanyCam-Signature": "canary"})

    (said,) = ours(caplog)
    assert "canary" not in repr(vars(said))
    assert {name: vars(said)[name] for name in ("door", "route", "reason", "size", "sha256")} == {
        "door": "companycam",
        "route": COMPANYCAM,
        "reason": "invalid_signature",
        "size": "6",
        "sha256": sha256(b"canary").hexdigest(),
    }


async def test_a_refusal_before_the_body_was_read_says_what_was_announced_and_never_the_token(
    doors: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webhook_ingest")
    await doors.post(COMPANYCAM, content=b"an earlier body", headers={"X-CompanyCam-Signature": "x"})
    caplog.clear()

    await doors.post(f"{MESSAGES}/canary", content=b"canary")

    (said,) = ours(caplog)
    assert "canary" not in repr(vars(said))
    assert (vars(said)["route"], vars(said)["size"]) == (f"{MESSAGES}/{{token}}", "6")
    assert "sha256" not in vars(said)
