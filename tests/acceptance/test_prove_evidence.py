"""The evidence of a proof, read from real servers: all of it holds, and whatever is taken away is missed."""

import asyncio
import json
import time
from collections.abc import Iterator
from uuid import UUID

import pytest

from paintbox.databases import Database, connected
from paintbox.errors import OperatorError
from paintbox.prove import evidence, judge, leaks, ledger, quiet, trace, traffic
from paintbox.prove.evidence import Evidence
from paintbox.prove.traffic import Plan
from paintbox.prove.verdicts import State
from paintbox.world import steering
from support.local_stack import LocalStack, paintbox, whole_stack

pytestmark = pytest.mark.xdist_group("proven")

MINUTES = 0.15
SEED = 11


@pytest.fixture(scope="module")
def planned() -> Plan:
    return traffic.plan(SEED, MINUTES, time.time_ns() // 1_000_000)


@pytest.fixture(scope="module")
def proven(planned: Plan) -> Iterator[LocalStack]:
    """A stack that took a little traffic in, and is at rest."""
    with whole_stack() as stack:
        asyncio.run(_take_traffic_in(stack, planned))
        yield stack


async def _take_traffic_in(stack: LocalStack, planned: Plan) -> None:
    failures: list[OperatorError | None] = []
    async with steering.connected(stack.environment) as simulators:
        await traffic.drive(simulators, planned, SEED, failures.append)
    assert [one for one in failures if one] == []
    rest = await quiet.until_rest(stack.environment, 60, lambda _: None)
    assert not rest.lacks


@pytest.fixture(scope="module")
def found(proven: LocalStack) -> Evidence:
    return asyncio.run(evidence.read(proven.environment))


def test_everything_holds_and_was_looked_at(found: Evidence) -> None:
    verdicts = judge.verdicts(found)

    assert {one.claim: one.violations for one in verdicts if one.state is State.VIOLATED} == {}
    assert [one.claim for one in verdicts if one.state is State.NOTHING_CHECKED] == []


async def test_the_story_of_an_event_leads_from_its_receipt_to_the_topics(proven: LocalStack, found: Evidence) -> None:
    event = next(
        one
        for one in ledger.answered(found.vendors.deliveries).values()
        if ("project", one.record) in found.rows.mirrors["companycam"]
    )

    story = await trace.tell(proven.environment, str(event.event_id))

    places = {seen.where.partition("/")[0] for seen in story.seen}
    assert {"webhook_event_keys", "webhook_events", "sync_logs", "companycam_records", "projects"} <= places
    assert {"paintbox.webhooks.companycam.v1", "paintbox.projects.changes.v1"} <= places


async def test_the_story_of_a_record_with_canaries_holds_none_of_them(proven: LocalStack, planned: Plan) -> None:
    story = await leaks.story(proven.environment, planned.traced)

    looked, seen = leaks.search(planned.canaries, [story])
    assert seen == []
    assert min(looked.values()) > 500


@pytest.mark.parametrize("by", ["record", "row", "correlation"])
async def test_a_customer_is_found_by_record_row_and_correlation(proven: LocalStack, found: Evidence, by: str) -> None:
    record, row = next(iter(found.rows.customers.items()))
    async with connected(proven.environment[Database.INTEGRATIONS.dsn_name], process="test") as session:
        correlation: UUID = await session.fetchval(
            """
            SELECT events.correlation_id
              FROM integrations.webhook_events AS events
              JOIN integrations.sync_logs AS logs ON logs.id = events.id
             WHERE logs.external_id = $1
             LIMIT 1
            """,
            record,
        )

    story = await trace.tell(
        proven.environment, {"record": record, "row": str(row["id"]), "correlation": str(correlation)}[by]
    )

    assert {"customers", "salesforce_records", "customer_sync_logs"} <= {seen.where for seen in story.seen}


def test_the_command_tells_in_json_and_says_where_nobody_knows(proven: LocalStack, found: Evidence) -> None:
    record = next(iter(found.rows.customers))

    known = paintbox("trace", record, "--json", directory=proven.directory)
    unknown = paintbox("trace", "nobody", directory=proven.directory)

    assert known.returncode == 0
    assert json.loads(known.stdout)["seen"]
    assert (unknown.returncode, unknown.stdout) == (1, "nobody was seen nowhere\n")


@pytest.mark.parametrize(
    ("database", "sabotage", "claim"),
    [
        (
            Database.INTEGRATIONS,
            "DELETE FROM integrations.webhook_events WHERE id = "
            "(SELECT min(id::text)::uuid FROM integrations.webhook_events)",
            "every event that was answered 2xx has one row in the log",
        ),
        (
            Database.INTEGRATIONS,
            "UPDATE integrations.webhook_events SET status = 'RECEIVED' WHERE id = "
            "(SELECT max(id::text)::uuid FROM integrations.webhook_events)",
            "every logged event is done with",
        ),
        (
            Database.INTEGRATIONS,
            "INSERT INTO integrations.sync_logs SELECT gen_random_uuid(), service, operation, entity_type "
            "FROM integrations.sync_logs LIMIT 1",
            "one sync log an event",
        ),
        (
            Database.CUSTOMERS,
            "UPDATE customers.customers SET source_version = source_version + 1 WHERE id = "
            "(SELECT min(id::text)::uuid FROM customers.customers)",
            "every row's version is published: customers",
        ),
        (
            Database.PROJECTS,
            "UPDATE projects.customer_refs SET phone = '+15035550199'",
            "read models are current: customers, at projects",
        ),
        (
            Database.CUSTOMERS,
            "UPDATE customers.project_facts SET name = 'other'",
            "read models are current: projects, at customers",
        ),
        (
            Database.CUSTOMERS,
            "DELETE FROM customers.federation_keys",
            "federation keys are the same on both sides",
        ),
        (
            Database.CUSTOMERS,
            "UPDATE customers.salesforce_records SET fields = fields || jsonb_build_object('LastName', 'Other') "
            "WHERE object = 'Contact'",
            "the mirror is the vendor's truth: Contact",
        ),
        (
            Database.PROJECTS,
            "UPDATE projects.project_photos SET description = 'other'",
            "rows are the vendors' truth: photos",
        ),
        (
            Database.CUSTOMERS,
            "INSERT INTO customers.customers (last_name, email, account_type) "
            "VALUES ('Double', 'a@example.com', 'RESIDENTIAL')",
            "no table has rows that are nobody's",
        ),
    ],
)
async def test_whatever_is_taken_away_is_missed(
    proven: LocalStack, database: Database, sabotage: str, claim: str
) -> None:
    async with connected(proven.environment[database.dsn_name], process="test") as session:
        await session.execute(sabotage)

    verdicts = judge.verdicts(await evidence.read(proven.environment))

    assert claim in {one.claim for one in verdicts if one.state is State.VIOLATED}
