"""B: a preloaded topic of Salesforce's changes -> mirror, customer, sync log, outbox, integrations' log and cache."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from paintbox.bench import arrivals, bodies, broker, clones, outcomes, progress, statement_costs, usage
from paintbox.bench.changes import Organization
from paintbox.bench.children import Child, child
from paintbox.bench.figures import spread
from paintbox.bench.outcomes import RATE, Curve, Figure, Outcome, Run, Table
from paintbox.bench.rig import Rig
from paintbox.bench.rounds import Say, order
from paintbox.bench.sizes import Sizes
from paintbox.bench.subjects import plain_upsert, sized_batches
from paintbox.bench.subjects.stage import GARBAGE
from paintbox.databases import Database, connected
from paintbox.errors import OperatorError
from paintbox.stack.environments import database_name
from synckit.contracts.topics import WEBHOOKS_SALESFORCE
from webhook_ingest.models import Outgoing

SERVICE: Final = "customer-sync"
TOPIC: Final = WEBHOOKS_SALESFORCE.name
CHUNK: Final = 5_000
BATCH: Final = 1_000
"""What the consumer takes at most."""
WRITTEN: Final = (Database.CUSTOMERS, Database.INTEGRATIONS)
SERVERS: Final[Mapping[str, str]] = {"PostgreSQL": "postgres", "Kafka": "kafka"}
ROWS: Final = "rows/s"
ROWS_OF_EVENT: Final = "rows/event"

OURS: Final = "customer-sync"
SAME_SQL: Final = "the same SQL alone"
UPSERT: Final = "a one-table versioned upsert behind the same consumer"
BY_BATCH: Final = "customer-sync by the size of its batches"

NOTES: Final = (
    "70 % updates (one in twenty of an account, half of which change what ten customers show), 20 % new records (a "
    "tenth of them accounts), 5 % older than what is stored, 5 % told twice. Of contacts every other change is a whole "
    "Outbound Message, the others are sparse change events.",
    "Rates count from the first commit of offsets to lag 0. The outbox relay runs meanwhile, as it does in production.",
    "The same SQL alone: the statements that the handler sends, written down in a run on copies of the databases, sent "
    "again on other copies with their parameters ready: no Kafka, no decoding, no merge, no relay, no offsets. It does "
    "so for the first half of each round's changes, four batches at once, each over a connection a database: as many "
    "as customer-sync has. None waits for another, as those of a consumer do, which settle together.",
    "The one-table upsert has as many consumers, and batches side by side, as customer-sync.",
    GARBAGE,
    "What PostgreSQL and Kafka used is theirs from before the start to the end, the relay's work among it.",
    "Rows are those that PostgreSQL counts as inserted or updated in both databases.",
    statement_costs.NOTE,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the topic: where it begins and ends, and how many records it has."""

    begins: broker.Ends
    ends: broker.Ends
    events: int

    def first(self, part: int) -> "Segment":
        """The first so-manyth part of each partition."""
        ends = {place: self.begins[place] + (end - self.begins[place]) // part for place, end in self.ends.items()}
        return Segment(self.begins, ends, sum(end - self.begins[place] for place, end in ends.items()))

    def told(self) -> dict[str, object]:
        """For a child: offsets by the number of the partition as text."""
        return {
            "begins": {str(place.partition): offset for place, offset in self.begins.items()},
            "ends": {str(place.partition): offset for place, offset in self.ends.items()},
            "events": self.events,
            "at_most": BATCH,
        }


@dataclass(frozen=True, slots=True)
class Others:
    """Who takes turns with customer-sync."""

    recorder: Child
    replayed: Sequence[str]
    """The names of the databases in which the same SQL is sent again."""
    same_sql: Child
    upsert: Child


async def measure(rig: Rig, sizes: Sizes, say: Say) -> Outcome:
    """As many events as said, in a part a round; all parts change the same organization."""
    organization, rounds = Organization(bodies.a_run(2), int(time.time() * 1000)), sizes.rounds
    say(f"warming up: customer-sync takes {sizes.contacts:,} contacts in")
    founded = await taken_in(rig, organization.founded(sizes.contacts))
    runs: dict[str, list[Run]] = {OURS: [], SAME_SQL: [], UPSERT: []}
    statements = statement_costs.Statements(rig.superuser_dsn, [database_name(database) for database in WRITTEN])
    async with _others(rig, founded) as others:
        for number in range(rounds + 1):
            many = sizes.changes // rounds if number else sizes.batch_changes
            told = partial(_say_turn, say, f"round {number} of {rounds}" if number else "warming up")
            told(f"making {many:,} changes")
            segment = await load(rig, organization.changed(many))
            await _round(rig, others, segment, number, runs, statements, told)
        by_batch = await _by_batch(rig, organization, sizes, say)
    await broker.empty(rig.kafka, [TOPIC])
    outcome = _outcome(runs, sizes.contacts, sizes.changes, rounds)
    curve = Curve(BY_BATCH, "records in a batch at most", "events/s", {OURS: _line(by_batch)})
    table = Table(BY_BATCH, tuple(Figure(f"{size:,}", RATE, tuple(rates)) for size, rates in by_batch.items()))
    return replace(outcome, curves=(curve,), tables=(table, *statements.tables()))


async def taken_in(rig: Rig, records: Iterable[Outgoing]) -> Segment:
    """Loads the records while customer-sync applies them; the whole of it, when it has. Nothing is measured."""
    await rig.start(SERVICE)
    whole: Segment | None = None
    for chunk in _chunks(records):
        part = await load(rig, await asyncio.to_thread(list, chunk))
        whole = part if whole is None else Segment(whole.begins, part.ends, whole.events + part.events)
    if whole is None:
        raise OperatorError("There is nothing to take in.")
    await progress.first_and_last(rig.kafka, SERVICE, whole.begins, whole.ends, lambda: 0.0)
    await rig.stop(SERVICE)
    return whole


def _chunks(records: Iterable[Outgoing]) -> Iterator[Iterable[Outgoing]]:
    """The same in pieces, each made when it is asked for."""
    left = iter(records)
    while first := next(left, None):
        yield itertools.chain([first], itertools.islice(left, CHUNK - 1))


def _statements(rig: Rig) -> str:
    return str(rig.scratch / "statements")


def _say_turn(say: Say, when: str, who: str) -> None:
    say(f"{when}: {who}")


async def load(rig: Rig, records: Iterable[Outgoing]) -> Segment:
    """Puts the records into the topic; the part of it that they are."""
    return await put(rig, [arrivals.record(one) for one in records])


async def put(rig: Rig, made: Sequence[broker.Record]) -> Segment:
    """The same with records that are made already."""
    begins = await broker.ends(rig.kafka, [TOPIC])
    await broker.fill(rig.kafka, TOPIC, WEBHOOKS_SALESFORCE.partitions, made)
    return Segment(begins, await broker.ends(rig.kafka, [TOPIC]), len(made))


async def ours(rig: Rig, segment: Segment, batch: int = BATCH) -> Run:
    """The real process, started on the waiting part, stopped when it has committed all of it."""
    await clones.checkpoint(rig)
    before = await rows_written(rig)
    watched = asyncio.create_task(
        progress.first_and_last(
            rig.kafka, SERVICE, segment.begins, segment.ends, lambda: usage.cpu_seconds(rig.pid(SERVICE))
        )
    )
    try:
        if batch == BATCH:
            await rig.start(SERVICE)
        else:
            await rig.start_otherwise(SERVICE, sized_batches.__name__, {sized_batches.SIZE: str(batch)})
        first, last = await watched
    finally:
        watched.cancel()
    peak = usage.peak_rss(rig.pid(SERVICE))
    await rig.stop(SERVICE)
    rows = await rows_written(rig) - before
    events, seconds = last.records - first.records, last.at - first.at
    more = rows_of(rows, segment.events, events / seconds)
    return Run(events, seconds, last.cpu_seconds - first.cpu_seconds, peak, more)


async def rows_written(rig: Rig) -> int:
    """How many rows were inserted or updated so far, in both databases."""
    return await clones.rows_written(rig, [database_name(database) for database in WRITTEN])


def rows_of(rows: int, events: int, rate: float) -> dict[str, float]:
    """So many rows of so many events, as figures; `rate` is events a second."""
    return {ROWS: rows / events * rate, ROWS_OF_EVENT: rows / events}


@asynccontextmanager
async def _others(rig: Rig, founded: Segment) -> AsyncIterator[Others]:
    """Copies of the databases as they are now, and who works on them; the plain sink takes the contacts in too."""
    recorded, replayed = await clones.cloned(rig, "recorded", WRITTEN), await clones.cloned(rig, "replayed", WRITTEN)
    async with connected(recorded[Database.CUSTOMERS], process=broker.PROCESS) as connection:
        await connection.execute(
            f"CREATE SCHEMA IF NOT EXISTS bench; CREATE TABLE {plain_upsert.TABLE} "
            "(id text PRIMARY KEY, version bigint NOT NULL, data jsonb NOT NULL)"
        )
    recording = {
        "customers": recorded[Database.CUSTOMERS],
        "integrations": recorded[Database.INTEGRATIONS],
        "servers": rig.kafka,
        "topic": TOPIC,
    }
    replaying = {clones.name_of("recorded", database): dsn for database, dsn in replayed.items()}
    sinking = {
        "customers": recorded[Database.CUSTOMERS],
        "integrations": rig.dsn(Database.INTEGRATIONS),
        "servers": rig.kafka,
    }
    async with AsyncExitStack() as stack:

        async def begun(module: str, order_: Mapping[str, object]) -> Child:
            return await stack.enter_async_context(child(module, rig.log(f"bench-{module}"), order_))

        others = Others(
            await begun("recorder", recording),
            [clones.name_of("replayed", database) for database in WRITTEN],
            await begun("same_sql", {"databases": replaying}),
            await begun("plain_upsert", sinking),
        )
        await others.upsert.act(events=founded.events)
        yield others


async def _round(
    rig: Rig,
    others: Others,
    segment: Segment,
    number: int,
    runs: dict[str, list[Run]],
    statements: statement_costs.Statements,
    say: Callable[[str], None],
) -> None:
    """Everybody takes the same part in, in round 0 to warm up. Of a half the statements are written down first."""
    half = segment.first(2)
    say("writing the statements of a half down")
    await others.recorder.act(**half.told(), file=_statements(rig))
    for name in order([OURS, SAME_SQL, UPSERT], number):
        say(name)
        await clones.checkpoint(rig)
        before = _servers(rig)
        if name == OURS:
            await statements.begin()
            run, events = await ours(rig, segment), segment.events
            if number:
                await statements.end(events)
        elif name == SAME_SQL:
            run, events = await _same_sql(rig, others, half.events), half.events
        else:
            run, events = await others.upsert.act(events=segment.events), segment.events
        used = {server: 1e6 * (seconds - before[server]) / events for server, seconds in _servers(rig).items()}
        if number:
            runs[name].append(replace(run, more={**run.more, **used}))


async def _same_sql(rig: Rig, others: Others, events: int) -> Run:
    """What was written down, sent again. Its process holds all of the parameters: its memory tells nothing."""
    before = await clones.rows_written(rig, others.replayed)
    run = await others.same_sql.act(events=events, file=_statements(rig))
    rows = await clones.rows_written(rig, others.replayed) - before
    return replace(run, peak_rss=None, more={**run.more, **rows_of(rows, events, events / run.seconds)})


def _servers(rig: Rig) -> Mapping[str, float]:
    """CPU seconds that the servers have used, whoever asked them."""
    return {f"{part} CPU µs/event": usage.family_cpu_seconds(rig.pid(name)) for part, name in SERVERS.items()}


async def _by_batch(rig: Rig, organization: Organization, sizes: Sizes, say: Say) -> Mapping[int, Sequence[float]]:
    """How the rate depends on what a batch has at most: each size takes a part of its own in, in each round."""
    rates: dict[int, list[float]] = {size: [] for size in sizes.batches}
    for number in range(1, sizes.rounds + 1):
        for size in order(list(sizes.batches), number):
            say(f"round {number} of {sizes.rounds}: batches of {size:,}")
            segment = await load(rig, organization.changed(max(sizes.batch_changes, sizes.batches_each * size)))
            run = await ours(rig, segment, size)
            rates[size].append(run.events / run.seconds)
    return rates


def _line(by_batch: Mapping[int, Sequence[float]]) -> list[tuple[float, float]]:
    return [(float(size), spread(rates).median) for size, rates in by_batch.items()]


def _outcome(runs: dict[str, list[Run]], contacts: int, events: int, rounds: int) -> Outcome:
    figures = outcomes.figures_of(runs)
    to_sql = outcomes.ratio(figures, OURS, SAME_SQL)
    return Outcome(
        title=f"B: {events:,} changes of {contacts:,} contacts, {events // rounds:,} a round, waiting in Kafka -> rows",
        figures=figures,
        ratios=(to_sql, outcomes.ratio(figures, OURS, UPSERT)),
        goals=(
            outcomes.at_least("at least 70 % of the same SQL alone", to_sql.values, 0.7),
            outcomes.at_least("aim: 4,000 mixed events/s", outcomes.values_of(figures, OURS, outcomes.RATE), 4_000),
        ),
        notes=NOTES,
    )
