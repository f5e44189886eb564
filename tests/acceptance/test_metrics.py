"""What the processes count, against what was done: each number grows by what happened, and by nothing else."""

from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from support import samples
from support.local_stack import LocalStack
from support.metrics import Samples, look
from support.senders import companycam_headers
from support.waiting import until
from synckit.contracts.topics import FEDERATION_KEYS, WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE

DOOR: Final = "/webhooks/companycam"
TOTAL: Final = "paintbox_webhook_records_total"
REJECTED: Final = "paintbox_webhook_rejected_total"
RECORDS: Final = "paintbox_records_total"
PROJECTED: Final = "paintbox_projected_total"
PUBLISHED: Final = "paintbox_outbox_published_total"
CONTACTS: Final = {"topic": WEBHOOKS_SALESFORCE.name}
JOBS: Final = {"topic": WEBHOOKS_COMPANYCAM.name}


@pytest.fixture(autouse=True)
async def _quiet(stack: LocalStack, http: httpx.AsyncClient) -> None:
    """The simulators have sent all that other tests made them send."""

    async def is_quiet() -> bool:
        urls = [f"{stack[name]}/_simulator/deliveries?limit=1" for name in ("SALESFORCE_URL", "COMPANYCAM_URL")]
        return not any([(await http.get(url)).json()["counts"]["pending"] for url in urls])

    await until(is_quiet)


async def post(stack: LocalStack, http: httpx.AsyncClient, body: bytes) -> int:
    headers = companycam_headers(body, stack["COMPANYCAM_WEBHOOK_TOKENS"].split(",")[0])
    return (await http.post(stack["INGEST_URL"] + DOOR, content=body, headers=headers)).status_code


async def make(stack: LocalStack, http: httpx.AsyncClient, vendor: str, kind: str, record: dict[str, Any]) -> None:
    answer = await http.post(f"{stack[vendor]}/_simulator/records/{kind}", json=record)
    assert answer.is_success, answer.text


async def test_a_door_counts_what_it_took_and_what_it_refused_and_why(
    stack: LocalStack, http: httpx.AsyncClient
) -> None:
    document = samples.document("companycam_comment_created.json")
    document["payload"]["comment"]["id"] = uuid4().hex
    before = await look(http, stack["INGEST_URL"])

    accepted = await post(stack, http, samples.dumped(document))
    quarantined = await post(stack, http, f"no JSON {uuid4()}".encode())
    refused = await http.post(stack["INGEST_URL"] + DOOR, content=b"{}")
    nobody = await http.post(stack["INGEST_URL"] + "/webhooks/salesforce/events", content=b"{}")

    after = await look(http, stack["INGEST_URL"])

    def grew(name: str, door: str = "companycam", **labels: str) -> float:
        return after(name, door=door, **labels) - before(name, door=door, **labels)

    assert (accepted, quarantined, refused.status_code, nobody.status_code) == (200, 200, 401, 401)
    assert grew("paintbox_webhook_requests_total") == grew("paintbox_webhook_answer_seconds_count") == 3
    assert (grew(TOTAL, outcome="accepted"), grew(TOTAL, outcome="quarantined")) == (1, 1)
    assert grew("paintbox_webhook_quarantined_total", reason="not_json") == 1
    assert grew(REJECTED, reason="invalid_signature") == 1
    assert grew(REJECTED, "salesforce_events", reason="invalid_signature") == 1
    assert grew(REJECTED, reason="stale_timestamp") == 0


async def test_what_is_held_and_then_projected_and_published_is_counted_at_each_step(
    stack: LocalStack, http: httpx.AsyncClient
) -> None:
    tag = uuid4().hex
    photo_sync, customer_sync = stack["PHOTO_SYNC_URL"], stack["CUSTOMER_SYNC_URL"]
    before = {url: await look(http, url) for url in (photo_sync, customer_sync)}

    async def grows(url: str, name: str, by: int, **labels: str) -> Samples:
        """Waits for it: a number is told when its step is done, the last of them after the rows are there."""

        async def told() -> Samples | None:
            now = await look(http, url)
            return now if now(name, **labels) - before[url](name, **labels) >= by else None

        return await until(told)

    person = {"primary_contact": {"email": f"{tag}@example.com"}}
    await make(stack, http, "COMPANYCAM_URL", "projects", {"name": f"Fence {tag}"} | person)
    held = await grows(photo_sync, RECORDS, 1, outcome="applied", **JOBS)
    await make(stack, http, "SALESFORCE_URL", "Contact", {"LastName": tag, "Email": f"{tag}@example.com"})

    await grows(customer_sync, "paintbox_batch_records_sum", 1, **CONTACTS)
    await grows(customer_sync, "paintbox_batch_seconds_count", 1, **CONTACTS)
    await grows(customer_sync, PROJECTED, 1, entity="customer", outcome="written")
    await grows(customer_sync, "paintbox_webhook_to_row_seconds_count", 1, entity="customer")
    await grows(customer_sync, "paintbox_change_to_row_seconds_count", 1, entity="customer")
    await grows(customer_sync, PUBLISHED, 1, outbox="paintbox_customers.outbox")
    await grows(customer_sync, "paintbox_webhook_to_key_seconds_count", 1, external_service="projects")
    await grows(customer_sync, "paintbox_batch_records_sum", 1, topic=FEDERATION_KEYS.name)
    after = await grows(photo_sync, PUBLISHED, 2, outbox="paintbox_projects.outbox")

    def grew(samples: Samples, name: str, **labels: str) -> float:
        return samples(name, **labels) - before[photo_sync](name, **labels)

    assert grew(held, PROJECTED, entity="project", outcome="written") == 0
    assert grew(after, PROJECTED, entity="project", outcome="written") == 1
    assert grew(after, "paintbox_webhook_to_row_seconds_count", entity="project") == 1
    assert grew(after, "paintbox_change_to_row_seconds_count", entity="project") == 1
    assert grew(after, "paintbox_batch_records_sum", **JOBS) == 1
    assert grew(after, "paintbox_batch_seconds_count", **JOBS) == 1
    assert grew(after, RECORDS, outcome="applied", **JOBS) == 1
