"""E: both vendors' webhooks at a fixed rate -> the row -> the federation key applied by the other service.

What is measured: a webhook is due at its moment of the schedule (so many a second, whatever the doors answer); its row
is there when the transaction committed that wrote it, its key when customer_sync's transaction committed that applied
it. PostgreSQL notes that moment itself (`track_commit_timestamp`, by the same clock), when it writes the commit to its
log and before it flushes it: the row can be read one flush later. What is asked meanwhile is how much is still to come,
twice a second.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

from paintbox.bench import arrivals, bodies, broker, costs, outcomes, progress
from paintbox.bench.figures import percentile, spread
from paintbox.bench.load import generation
from paintbox.bench.outcomes import Curve, Figure, Outcome, Table, below, values_of
from paintbox.bench.rig import SERVICES, Rig
from paintbox.bench.rounds import Say, order
from paintbox.databases import Database, connected
from paintbox.errors import OperatorError
from paintbox.world.runs import PROJECT
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE
from synckit.identity import project_id

CONNECTIONS: Final = 64
KNOWN: Final = 1_000
"""Customers that there are before, whose projects the webhooks tell of."""
WARM_RATE, WARM_SECONDS = 100, 20.0
"""Until what is hot in Kafka is compiled."""
LOOK_SECONDS: Final = 0.5
LOG: Final = "webhook-log"
WEBHOOKS: Final = (WEBHOOKS_SALESFORCE.name, WEBHOOKS_COMPANYCAM.name)
LAST_SECONDS: Final = 120.0
GOAL_RATE: Final = 500
GOAL_MS: Final = 150.0

ANSWERED: Final = "answer"
ROW: Final = "row"
KEY: Final = "key at the other service"
NOTES: Final = (
    "Every other webhook is an Outbound Message of a new contact; the others tell of new projects of known customers.",
    "`row` counts both kinds, `key` the projects: photo_sync matches the customer, writes the project and its key, "
    "publishes; customer_sync applies the key.",
    "Latency counts from the moment at which a webhook was due, not sent, to the moment of the commit as PostgreSQL "
    "notes it, which is before the commit is flushed. All services run, webhook-log too.",
    "More than some 500 webhooks a second is more than two cores do here: their latency is that of what has piled up "
    "within the load.",
    "What a webhook costs is counted from the start of the load until the last key is applied, webhook-log has "
    "committed all of them, and each owner has read what the other announced: user and system time, PostgreSQL's of "
    "all its sessions. Consumers take what is there at once: at a low rate batches are small, and a webhook bears more "
    "of what a batch costs. The cores are those in use from the start of the load to its last answer.",
    "Peak RSS is the most that each service had resident in the same time, what loads before it left among it.",
    "Kafka has the JVM of a stack that lives for minutes (`-XX:TieredStopAtLevel=1 -XX:+UseSerialGC`), as `make up` "
    "starts it, and unlike in A, B and D: one for months compiles all the while, and that would be measured along.",
)
COSTS: Final = "What a webhook costs, by process"
MEMORY: Final = "The most memory of each service meanwhile"


@dataclass(frozen=True, slots=True)
class Sent:
    """The webhooks of one rate: the ids in the order of sending, every other one of each vendor."""

    contacts: Sequence[str]
    projects: Sequence[str]
    requests: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Found:
    """What one load came to: milliseconds by what became of its webhooks, what they cost, and what memory they took."""

    latencies: Sequence[Figure]
    costs: Sequence[Figure]
    memory: Sequence[Figure]


async def measure(rig: Rig, seconds: float, rates: Sequence[int], rounds: int, say: Say) -> Outcome:
    """One load a rate in each round, after a short one to warm up."""
    found: dict[int, list[Found]] = {rate: [] for rate in rates}
    async with _running(rig, say):
        say("warming up")
        numbers = count(90)
        await _at(rig, next(numbers), WARM_RATE, min(seconds, WARM_SECONDS))
        for number in range(1, rounds + 1):
            for rate in order(list(rates), number):
                say(f"round {number} of {rounds}: {rate:,} webhooks/s for {seconds:g} s")
                found[rate].append(await _at(rig, next(numbers), rate, seconds))
    figures = outcomes.by_round([figure for rate in rates for one in found[rate] for figure in one.latencies])
    costing = outcomes.by_round([figure for rate in rates for one in found[rate] for figure in one.costs])
    memory = outcomes.by_round([figure for rate in rates for one in found[rate] for figure in one.memory])
    at_goal = values_of(figures, _subject(GOAL_RATE), f"{KEY} p99 ms") if GOAL_RATE in rates else None
    return Outcome(
        title="E: a webhook -> its row -> its federation key at the other service",
        figures=figures,
        goals=() if at_goal is None else (below(f"key p99 below 150 ms at {GOAL_RATE} webhooks/s", at_goal, GOAL_MS),),
        notes=NOTES,
        curves=(_curve(figures, rates),),
        tables=(Table(COSTS, costing), Table(MEMORY, memory)),
    )


def _subject(rate: int) -> str:
    return f"{rate:,} webhooks/s"


@asynccontextmanager
async def _running(rig: Rig, say: Say) -> AsyncIterator[None]:
    async with rig.brief_kafka():
        say("starting every service")
        await rig.start(*SERVICES)
        try:
            await _take_in_customers(rig)
            yield
        finally:
            await rig.stop(*SERVICES)


async def _take_in_customers(rig: Rig) -> None:
    """The customers whose projects will be told of, and photo_sync knows them."""
    now = int(time.time() * 1000)
    told = [
        (f"04l5e0001{index:06}AAA", bodies.stamped({**contact, "Email": email_of(index)}, now))
        for index, contact in enumerate(bodies.contacts(bodies.a_run(89), KNOWN))
    ]
    records = [
        arrivals.record(one)
        for start in range(0, KNOWN, bodies.ENVELOPE)
        for one in arrivals.of_body(bodies.message(told[start : start + bodies.ENVELOPE]), now)
    ]
    await broker.fill(rig.kafka, WEBHOOKS_SALESFORCE.name, WEBHOOKS_SALESFORCE.partitions, records)
    query = "SELECT count(*) FROM projects.customer_refs WHERE email LIKE 'bench.customer.%'"
    await _until(rig, Database.PROJECTS, query, KNOWN)


def email_of(index: int) -> str:
    """By which the projects name a customer."""
    return f"bench.customer.{index}@example.com"


def _sent(rig: Rig, number: int, many: int) -> Sent:
    run, now = bodies.a_run(number), int(time.time() * 1000)
    contacts = [bodies.stamped(fields, now) for fields in bodies.contacts(run, many // 2)]
    requests = []
    for index, contact in enumerate(contacts):
        message = bodies.message([(f"04l5e{number:04}{index:06}AAA", contact)])
        requests.append(bodies.salesforce_request(rig.environment, message))
        project = bodies.project(run, index, now // 1000, email_of(index % KNOWN))
        requests.append(bodies.companycam_request(rig.environment, project))
    projects = [run.companycam_id(PROJECT, index) for index in range(len(contacts))]
    return Sent([str(contact["Id"]) for contact in contacts], projects, requests)


async def _at(rig: Rig, number: int, rate: int, seconds: float) -> Found:
    sent = _sent(rig, number, int(rate * seconds))
    begins, since = await broker.ends(rig.kafka, WEBHOOKS), await progress.announced(rig)
    path = generation.write(sent.requests, rig.scratch / "requests")
    costs.forget_peaks(rig)
    before = costs.read(rig)
    told = await _generated(rig, path, len(sent.requests), rate)
    loaded = costs.read(rig)
    await _until(rig, Database.CUSTOMERS, f"{COUNT_KEYS} AND external_id = ANY($1)", len(sent.projects), _keys(sent))
    await progress.first_and_last(rig.kafka, LOG, begins, await broker.ends(rig.kafka, WEBHOOKS), lambda: 0.0)
    await progress.settled(rig, since)
    readings = before, loaded, costs.read(rig)
    cost = costs.figures(_subject(rate), readings, told["cpu_seconds"], len(sent.requests))
    memory = costs.memory(_subject(rate), costs.peaks(rig))
    answered = [told["p50_ms"], told["p99_ms"], told["max_ms"]]
    committed = await _committed(rig, sent, rate, told["began"])
    return Found(_figures(_subject(rate), {ANSWERED: answered, **committed}), cost, memory)


async def _committed(rig: Rig, sent: Sent, rate: int, began: float) -> dict[str, list[float]]:
    contacts = await _commits(rig, Database.CUSTOMERS, CONTACTS, sent.contacts)
    projects = await _commits(rig, Database.PROJECTS, PROJECTS, sent.projects)
    keys = await _commits(rig, Database.CUSTOMERS, KEYS, _keys(sent))

    def due(at: int) -> float:
        return began + at / rate

    def since(commits: Mapping[str, datetime], ids: Sequence[str], first: int) -> list[float]:
        return [1000 * (commits[each].timestamp() - due(2 * at + first)) for at, each in enumerate(ids)]

    return {
        ROW: sorted(since(contacts, sent.contacts, 0) + since(projects, sent.projects, 1)),
        KEY: sorted(since(keys, _keys(sent), 1)),
    }


COUNT_KEYS: Final = "SELECT count(*) FROM customers.federation_keys WHERE external_service = 'projects'"
CONTACTS: Final = """
    SELECT salesforce_id AS id, pg_xact_commit_timestamp(xmin) AS at FROM customers.customers
     WHERE salesforce_id = ANY($1)
    """
PROJECTS: Final = """
    SELECT company_cam_id AS id, pg_xact_commit_timestamp(xmin) AS at FROM projects.projects
     WHERE company_cam_id = ANY($1)
    """
KEYS: Final = """
    SELECT external_id AS id, pg_xact_commit_timestamp(xmin) AS at FROM customers.federation_keys
     WHERE external_service = 'projects' AND external_id = ANY($1)
    """


def _keys(sent: Sent) -> list[str]:
    return [str(project_id(each)) for each in sent.projects]


async def _generated(rig: Rig, path: Path, many: int, rate: int) -> dict[str, Any]:
    at = urlsplit(rig.url("webhook-ingest"))
    asked = {"host": at.hostname, "port": at.port, "requests": str(path), "connections": CONNECTIONS, "rate": rate}
    command = [sys.executable, "-P", "-m", "paintbox.bench.load.generator", json.dumps(asked)]
    told = await generation.told(command, many / rate + LAST_SECONDS)
    if told["errors"]:
        raise OperatorError(f"{told['errors']:,} webhooks of {many:,} were refused.")
    return told


async def _until(rig: Rig, database: Database, query: str, wanted: int, *parameters: object) -> None:
    """Returns when the count has come so far. Raises OperatorError where it does not within two minutes."""
    deadline = time.monotonic() + LAST_SECONDS
    async with connected(rig.dsn(database), process=broker.PROCESS) as connection:
        while (found := await connection.fetchval(query, *parameters)) < wanted:
            if time.monotonic() > deadline:
                raise OperatorError(f"Only {found:,} of {wanted:,} rows came within {LAST_SECONDS:g} s.")
            await asyncio.sleep(LOOK_SECONDS)


async def _commits(rig: Rig, database: Database, query: str, ids: Sequence[str]) -> dict[str, datetime]:
    """When the row of each id was committed. Raises OperatorError where one is missing."""
    async with connected(rig.dsn(database), process=broker.PROCESS) as connection:
        rows: list[asyncpg.Record] = await connection.fetch(query, list(ids))
    found = {row["id"]: row["at"] for row in rows}
    if len(found) < len(ids):
        raise OperatorError(f"{len(ids) - len(found):,} of {len(ids):,} webhooks have no row.")
    return found


def _figures(subject: str, latencies: Mapping[str, list[float]]) -> list[Figure]:
    answered = dict(zip(("p50", "p99", "max"), latencies[ANSWERED], strict=True))
    figures = [Figure(subject, f"{ANSWERED} {name} ms", (value,)) for name, value in answered.items()]
    for what in (ROW, KEY):
        ordered = latencies[what]
        values = {"p50": percentile(ordered, 0.5), "p99": percentile(ordered, 0.99), "max": ordered[-1]}
        figures += [Figure(subject, f"{what} {name} ms", (value,)) for name, value in values.items()]
    return figures


def _curve(figures: Sequence[Figure], rates: Sequence[int]) -> Curve:
    lines = {
        f"{what} {name}": [
            (float(rate), spread(values_of(figures, _subject(rate), f"{what} {name} ms")).median) for rate in rates
        ]
        for what in (ROW, KEY)
        for name in ("p50", "p99")
    }
    return Curve("Webhook to row, and to key at the other service", "webhooks/s", "ms", lines)
