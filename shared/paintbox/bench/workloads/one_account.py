"""B, grown: one account of very many contacts changes, and all their rows with it; what becomes of everybody else."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from paintbox.bench import arrivals, bodies, broker, outcomes, usage
from paintbox.bench.changes import Organization, Told, published
from paintbox.bench.figures import percentile
from paintbox.bench.outcomes import MEGABYTE, Figure, Outcome
from paintbox.bench.progress import Mark
from paintbox.bench.rig import Rig
from paintbox.bench.rounds import Say
from paintbox.bench.sizes import FEWER_ROUNDS
from paintbox.bench.workloads import parts
from paintbox.bench.workloads.parts import SERVICE, TOPIC
from paintbox.databases import Database, connected
from paintbox.errors import OperatorError
from paintbox.world.people import Fields
from synckit.contracts.topics import WEBHOOKS_SALESFORCE
from webhook_ingest.models import Outgoing

FEW: Final = 2_000
"""Contacts of the account that changes first: what is used for that is no more for an account of any size."""
LOOK_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 300.0
EVERY_SECONDS: Final = 0.02
"""Between two changes of others."""
ALONE_SECONDS: Final = 5
ALONE: Final = "others alone"
MEANWHILE: Final = "others meanwhile"
FAN_OUT: Final = "the account's change"

NOTES: Final = (
    "One change of the account's billing address is put into the topic, and a contact of nobody else's account every "
    "20 ms beside it, until the last row has the new address. Latency of the others is from the record's time to their "
    "row's commit.",
    f"A round goes one way: the others alone for {ALONE_SECONDS} s, an account of {FEW:,} contacts changes, then the "
    "large one. Memory before is the peak once the small one has changed.",
    "The longest transaction is the greatest age that a look every 50 ms at PostgreSQL's sessions found.",
    "CPU is customer-sync's from the account's change to its last row, over the rows of the account: what the others' "
    "changes took meanwhile is in there.",
    FEWER_ROUNDS,
)


@dataclass(slots=True)
class Watched:
    """What a look every so often has found."""

    longest_transaction: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """What a change of the account took, and what became of others meanwhile."""

    seconds: float
    cpu_seconds: float
    longest_transaction: float
    peak_before: int
    peak_after: int
    meanwhile: list[float]


async def measure(rig: Rig, contacts: int, rounds: int, say: Say) -> Outcome:
    """The account's change with the others beside it, after the others alone and the change of a small account."""
    small, few = Organization(bodies.a_run(9), int(time.time() * 1000)), min(FEW, contacts)
    organization = Organization(bodies.a_run(6), int(time.time() * 1000))
    say(f"customer-sync takes an account of {contacts:,} contacts in")
    await parts.taken_in(rig, small.founded(few, accounts=1))
    await parts.taken_in(rig, organization.founded(contacts, accounts=1))
    found, alone = [], []
    for number in range(1, rounds + 1):
        await rig.start(SERVICE)
        say(f"round {number} of {rounds}: others alone")
        alone.append(await _others(rig, 100 + number, asyncio.create_task(asyncio.sleep(ALONE_SECONDS))))
        await _spread(rig, small, few, f"Nearby {number}", Watched())
        say(f"round {number} of {rounds}: the account changes")
        found.append(await _round(rig, number, organization, contacts))
        await rig.stop(SERVICE)
    await broker.empty(rig.kafka, [TOPIC])
    return _outcome(contacts, found, alone)


async def _round(rig: Rig, number: int, organization: Organization, contacts: int) -> Round:
    before, watched = usage.peak_rss(rig.pid(SERVICE)), Watched()
    cpu, began = usage.cpu_seconds(rig.pid(SERVICE)), time.perf_counter()
    spreading = asyncio.create_task(_spread(rig, organization, contacts, f"Elsewhere {number}", watched))
    meanwhile = await _others(rig, 200 + number, spreading)
    after = usage.peak_rss(rig.pid(SERVICE))
    done = spreading.result()
    seconds, cpu_seconds = done.at - began, done.cpu_seconds - cpu
    return Round(seconds, cpu_seconds, watched.longest_transaction, before, after, meanwhile)


def _outcome(contacts: int, found: Sequence[Round], alone: Sequence[list[float]]) -> Outcome:
    p99 = [percentile(one.meanwhile, 0.99) for one in found]
    longest = tuple(one.longest_transaction for one in found)
    return Outcome(
        title=f"B, grown: one account of {contacts:,} contacts changes",
        figures=(
            Figure(FAN_OUT, "s to the last row", tuple(one.seconds for one in found)),
            Figure(FAN_OUT, "rows/s", tuple(contacts / one.seconds for one in found)),
            Figure(FAN_OUT, "CPU µs/row", tuple(1e6 * one.cpu_seconds / contacts for one in found)),
            Figure(FAN_OUT, "longest transaction s", longest),
            Figure(FAN_OUT, "peak RSS MB before", tuple(one.peak_before / MEGABYTE for one in found)),
            Figure(FAN_OUT, "peak RSS MB after", tuple(one.peak_after / MEGABYTE for one in found)),
            *_latencies(ALONE, alone),
            *_latencies(MEANWHILE, [one.meanwhile for one in found]),
        ),
        goals=(
            outcomes.below(
                "memory flat: peak after / before below 1.1", [one.peak_after / one.peak_before for one in found], 1.1
            ),
            outcomes.below("no transaction over 5 s", longest, 5.0),
            outcomes.below("others not held up: their p99 below 1 s", p99, 1_000),
        ),
        notes=NOTES,
    )


def _latencies(subject: str, rounds: Sequence[list[float]]) -> Iterator[Figure]:
    for name, share in (("p50 ms", 0.5), ("p99 ms", 0.99), ("max ms", 1.0)):
        yield Figure(subject, name, tuple(percentile(ordered, share) for ordered in rounds))


async def _spread(rig: Rig, organization: Organization, contacts: int, city: str, watched: Watched) -> Mark:
    """Moves the account to a city; the moment at which the last of its customers has the new address."""
    account = organization.accounts[0]
    changed: Fields = {"BillingCity": city}
    told = Told("Account", "UPDATE", changed, {**account, **changed}, organization.moment)
    await _put(rig, list(published([told], organization.now_ms)))
    async with (
        connected(rig.dsn(Database.CUSTOMERS), process=broker.PROCESS) as rows,
        connected(rig.superuser_dsn, process=broker.PROCESS) as sessions,
    ):
        deadline = time.perf_counter() + LONGEST_SECONDS
        while time.perf_counter() < deadline:
            age = await sessions.fetchval(LONGEST, SERVICE)
            watched.longest_transaction = max(watched.longest_transaction, age)
            if age == 0.0 and await rows.fetchval(DONE, city) >= contacts:
                return Mark(contacts, time.perf_counter(), usage.cpu_seconds(rig.pid(SERVICE)))
            await asyncio.sleep(LOOK_SECONDS)
    raise OperatorError(f"The account's change did not reach all rows within {LONGEST_SECONDS:g} s.")


DONE: Final = "SELECT count(*) FROM customers.customers WHERE billing_city = $1"
LONGEST: Final = """
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8
      FROM pg_stat_activity WHERE application_name = $1
    """


async def _put(rig: Rig, records: list[Outgoing]) -> None:
    made = [arrivals.record(one) for one in records]
    await broker.fill(rig.kafka, TOPIC, WEBHOOKS_SALESFORCE.partitions, made)


async def _others(rig: Rig, number: int, until: "asyncio.Task[object]") -> list[float]:
    """A new contact every 20 ms for as long as something goes on; how long the row of each took, in ms, rising."""
    run, due = bodies.a_run(number), {}
    producer = broker.producer(rig.kafka)
    await producer.start()
    try:
        for index, fields in enumerate(bodies.contacts(run, 60_000)):
            if until.done():
                break
            now = time.time()
            contact = bodies.stamped(fields, int(now * 1000))
            message = bodies.message([(f"04l5e{number:04}{index:06}AAA", contact)])
            (one,) = arrivals.of_body(message, int(now * 1000))
            due[str(contact["Id"])] = now
            record = arrivals.record(one)
            await producer.send(TOPIC, record.value, record.key, headers=record.headers)
            await asyncio.sleep(EVERY_SECONDS)
        await until
    finally:
        await producer.stop()
    return await _taken(rig, due)


async def _taken(rig: Rig, due: dict[str, float]) -> list[float]:
    async with connected(rig.dsn(Database.CUSTOMERS), process=broker.PROCESS) as rows:
        deadline = time.perf_counter() + LONGEST_SECONDS
        while time.perf_counter() < deadline:
            found = await rows.fetch(COMMITS, list(due))
            if len(found) == len(due):
                return sorted(1000 * (row["at"].timestamp() - due[row["id"]]) for row in found)
            await asyncio.sleep(LOOK_SECONDS)
    raise OperatorError(f"{len(due) - len(found):,} changes of others did not become rows.")


COMMITS: Final = """
    SELECT salesforce_id AS id, pg_xact_commit_timestamp(xmin) AS at FROM customers.customers
     WHERE salesforce_id = ANY($1)
    """
