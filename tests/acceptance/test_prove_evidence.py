"""The evidence of a proof, read from real servers: all of it holds, and whatever is taken away is missed."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from paintbox.databases import Database, connected
from paintbox.errors import OperatorError
from paintbox.prove import evidence, judge, leaks, ledger, quiet, trace, traffic
from paintbox.prove.checks import published
from paintbox.prove.dump import Published
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
    verdicts = list(judge.verdicts(found))

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
    assert min(size or 0 for size in looked.values()) > 500


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


def another_id(record: Published) -> Published:
    return replace(record, event_id=UUID(int=1), told=record.told and replace(record.told, id=UUID(int=1)))


def another_payload(record: Published) -> Published:
    return replace(record, told=record.told and replace(record.told, said={**record.told.said, "payload": "x"}))


def bad(record: Published) -> Published:
    return replace(record, told=None, unreadable=("headers",))


def other_words(record: Published) -> Published:
    return replace(record, value={**(record.value or {}), "other": 1})


def erased(record: Published) -> Published:
    return replace(record, value=None)


def counted_down(record: Published) -> Published:
    again = {"first_name": f"{published.STEP} 0", "source_version": record.version + 1}
    return replace(record, value={**(record.value or {}), **again})


@pytest.mark.parametrize(
    ("topics", "added", "claim"),
    [
        ("webhooks", another_id, "what came was sent"),
        ("webhooks", another_payload, "what came was sent"),
        ("webhooks", bad, "every record can be read"),
        ("requests", bad, "every record can be read"),
        ("changes", other_words, "per key the published versions rise"),
        ("changes", erased, "per key the published versions rise"),
        ("changes", counted_down, "what counts up never falls"),
    ],
)
def test_whatever_stands_wrong_in_a_topic_is_found(
    found: Evidence, topics: str, added: Callable[[Published], Published], claim: str
) -> None:
    records = getattr(found, topics)
    counted = (one for one in records if str((one.value or {}).get("first_name")).startswith(published.STEP))
    last = [*found.webhooks, *records, *counted][-1]
    changed: dict[str, Any] = {topics: [*records, added(last)]}

    wrong = judge.verdicts(replace(found, **changed))

    assert [one.claim for one in wrong if one.claim == claim and one.violated]


@pytest.fixture(scope="module")
def violated(found: Evidence) -> Counter[str]:
    """How often each claim is violated so far: what one test takes away stays away."""
    return counted(found)


def counted(found: Evidence) -> Counter[str]:
    return Counter({one.claim: one.violated for one in judge.verdicts(found)})


def of_one(table: str, change: str, number: int, key: str = "id") -> str:
    """A change of one row, another for each number."""
    return (
        f"UPDATE {table} SET {change} WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} OFFSET {number} LIMIT 1)"
    )


LOG, SYNC_LOGS = "integrations.webhook_events", "integrations.sync_logs"
CACHE, MATCHES = "integrations.external_entity_cache", "projects.customer_matches"
SAID = "the log says what came"
NAMED = "sync logs name the records of their events"
MATCHED = "rows are the vendors' truth: projects matched"
LOGGED = "every version of a customer has a customer sync log"
CHANGES = (
    (Database.INTEGRATIONS, LOG, "payload = '{}'", SAID),
    (Database.INTEGRATIONS, LOG, "raw = 'x'", SAID),
    (Database.INTEGRATIONS, LOG, "event_type = 'x'", SAID),
    (Database.INTEGRATIONS, LOG, "event_id = 'x'", SAID),
    (Database.INTEGRATIONS, LOG, "headers = '{}'", SAID),
    (Database.INTEGRATIONS, LOG, "signature = 'x'", SAID),
    (Database.INTEGRATIONS, LOG, "source_ip = '192.0.2.1'", SAID),
    (Database.INTEGRATIONS, LOG, "correlation_id = gen_random_uuid()", SAID),
    (Database.INTEGRATIONS, LOG, "service = 'WEATHER_API'", SAID),
    (Database.INTEGRATIONS, SYNC_LOGS, "external_id = 'nobody'", NAMED),
    (Database.INTEGRATIONS, SYNC_LOGS, "entity_type = 'Nothing'", NAMED),
    (Database.INTEGRATIONS, SYNC_LOGS, "entity_id = gen_random_uuid()", NAMED),
    (Database.INTEGRATIONS, SYNC_LOGS, "correlation_id = gen_random_uuid()", NAMED),
    (Database.INTEGRATIONS, CACHE, "data = data || '{\"more\": 1}'", "the shared cache is the mirror"),
    (Database.INTEGRATIONS, CACHE, "source_version = source_version + 1", "the shared cache is the mirror"),
    (Database.INTEGRATIONS, CACHE, "data_hash = 'x'", "the shared cache is the mirror"),
    (Database.CUSTOMERS, "customers.customer_sync_logs", "status = 'FAILED'", LOGGED),
    (Database.PROJECTS, MATCHES, "email = 'x@example.com'", MATCHED),
    (Database.PROJECTS, MATCHES, "phone = '+15550100'", MATCHED),
    (Database.PROJECTS, MATCHES, "basis = 'operator'", MATCHED),
    (Database.PROJECTS, MATCHES, "relation_ids = '{003000000000000AAA}'", MATCHED),
)
KEYS = {MATCHES: "project_id"}
FEWEST = 12
"""Rows of any of these tables; no two changes of one table meet the same."""


@pytest.mark.parametrize(
    ("database", "sabotage", "claim"),
    [
        *(
            (database, of_one(table, change, number % FEWEST, KEYS.get(table, "id")), claim)
            for number, (database, table, change, claim) in enumerate(CHANGES)
        ),
        (Database.INTEGRATIONS, f"DELETE FROM {CACHE}", "the shared cache is the mirror"),
        (
            Database.CUSTOMERS,
            "DELETE FROM customers.customer_sync_logs WHERE id = "
            "(SELECT id FROM customers.customer_sync_logs ORDER BY id OFFSET 1 LIMIT 1)",
            LOGGED,
        ),
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
    proven: LocalStack, violated: Counter[str], database: Database, sabotage: str, claim: str
) -> None:
    async with connected(proven.environment[database.dsn_name], process="test") as session:
        await session.execute(sabotage)

    now = counted(await evidence.read(proven.environment))

    assert now[claim] > violated[claim]
    violated.update(now - violated)
