"""One delivery is one correlation, from the door to the last topic; the ids of its events are others."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from support import samples
from support.local_stack import LocalStack
from support.samples import DOUGLAS, GERALDINE
from support.topics import read_all
from support.waiting import until
from synckit.contracts import headers
from synckit.contracts.headers import EventHeaders
from synckit.contracts.topics import CUSTOMERS_CHANGES, FEDERATION_KEYS
from synckit.identity import customer_id, project_id, salesforce_id18


def a_message(tag: str) -> tuple[bytes, str, str]:
    """An Outbound Message about two people whom nobody has heard of, and their ids."""
    first, second = (salesforce_id18(f"0035e{tag}{number}") for number in (1, 2))
    body = samples.body("outbound_message_contacts.xml").decode()
    for old, new in (
        (GERALDINE, first),
        (DOUGLAS, second),
        ("04l5e00000aaaaaAAA", f"04l5e{tag}1AAA"),
        ("04l5e00000bbbbbAAA", f"04l5e{tag}2AAA"),
        ("douglas.hunting@", f"{tag}@"),
    ):
        body = body.replace(old, new)
    return body.encode(), first, second


async def logged(stack: LocalStack, *ids: str) -> list[dict[str, Any]]:
    """The rows of `sync_logs` of these records, as soon as each has one."""
    query = "SELECT id, correlation_id FROM integrations.sync_logs WHERE external_id = ANY($1::text[])"
    connection = await asyncpg.connect(stack["INTEGRATIONS_DSN"])

    async def all_of_them() -> list[Any] | None:
        rows = await connection.fetch(query, ids)
        return rows if len(rows) == len(ids) else None

    try:
        return [dict(row) for row in await until(all_of_them)]
    finally:
        await connection.close()


async def held(stack: LocalStack, project: str) -> None:
    """Returns once a project waits for its customer: whoever comes later brings the two together."""
    connection = await asyncpg.connect(stack["PROJECTS_DSN"])
    query = "SELECT project_id FROM projects.customer_matches WHERE project_id = $1 AND state = 'held'"
    try:
        await until(lambda: connection.fetchval(query, project))
    finally:
        await connection.close()


async def published(stack: LocalStack, topic: str, part_of_key: str) -> EventHeaders:
    """What stands in the headers of the first record with such a key, as soon as there is one."""

    async def first() -> EventHeaders | None:
        records = await read_all(stack["KAFKA_BOOTSTRAP_SERVERS"], topic)
        return next((headers.decode(one.headers) for one in records if part_of_key in one.key.decode()), None)

    return await until(first)


async def test_a_message_about_two_is_one_correlation_in_logs_announcements_and_keys(
    stack: LocalStack, http: httpx.AsyncClient
) -> None:
    tag = uuid4().hex[:9]
    body, first, second = a_message(tag)
    job = {"name": f"Fence {tag}", "primary_contact": {"email": f"{tag}@example.com"}}
    made = await http.post(f"{stack['COMPANYCAM_URL']}/_simulator/records/projects", json=job)
    await held(stack, str(made.json()["id"]))
    path = f"/webhooks/salesforce/outbound-messages/{stack['SALESFORCE_ENDPOINT_TOKENS'].split(',')[0]}"

    answer = await http.post(stack["INGEST_URL"] + path, content=body, headers={"Content-Type": "text/xml"})

    logs = await logged(stack, first, second)
    customers = [await published(stack, CUSTOMERS_CHANGES.name, str(customer_id(one))) for one in (first, second)]
    key = await published(stack, FEDERATION_KEYS.name, str(project_id(str(made.json()["id"]))))
    (correlation,) = {UUID(str(log["correlation_id"])) for log in logs}
    assert answer.status_code == 200
    assert len({log["id"] for log in logs}) == 2
    assert [one.correlation_id for one in (*customers, key)] == [correlation] * 3
    assert correlation not in {one.id for one in (*customers, key)}
