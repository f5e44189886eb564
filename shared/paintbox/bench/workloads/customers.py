"""B: a preloaded topic of Salesforce's changes -> mirror, customer, sync log, outbox, integrations' log and cache."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from paintbox.bench import bodies, broker, clones, outcomes, statement_costs
from paintbox.bench.changes import Organization
from paintbox.bench.children import Child, child
from paintbox.bench.figures import spread
from paintbox.bench.outcomes import RATE, Curve, Figure, Outcome, Run, Table
from paintbox.bench.rig import Rig
from paintbox.bench.rounds import Say, order
from paintbox.bench.sizes import Sizes
from paintbox.bench.subjects import plain_upsert
from paintbox.bench.subjects.stage import GARBAGE
from paintbox.bench.workloads import parts
from paintbox.bench.workloads.parts import TOPIC, WRITTEN, Segment
from paintbox.databases import Database, connected
from paintbox.stack.environments import database_name

OURS: Final = "customer-sync"
SAME_SQL: Final = "the same SQL alone"
UPSERT: Final = "a one-table versioned upsert behind the same consumer"
COPIES: Final = ("recorded", "replayed")
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
    "PostgreSQL vacuums the copies, and the upsert's table, before each round, when nothing is measured; those of "
    "customer-sync by itself, amid its turns too.",
    "The one-table upsert has as many consumers, and batches side by side, as customer-sync.",
    GARBAGE,
    "What PostgreSQL and Kafka used is theirs from before the start to the end, the relay's work among it.",
    "Rows are those that PostgreSQL counts as inserted or updated in both databases.",
    statement_costs.NOTE,
)


@dataclass(frozen=True, slots=True)
class Others:
    """Who takes turns with customer-sync."""

    recorder: Child
    copies: Sequence[str]
    """The DSNs of all databases in which these work."""
    replayed: Sequence[str]
    """The names of the databases in which the same SQL is sent again."""
    same_sql: Child
    upsert: Child


async def measure(rig: Rig, sizes: Sizes, say: Say) -> Outcome:
    """As many events as said, in a part a round; all parts change the same organization."""
    organization, rounds = Organization(bodies.a_run(2), int(time.time() * 1000)), sizes.rounds
    say(f"warming up: customer-sync takes {sizes.contacts:,} contacts in")
    founded = await parts.taken_in(rig, organization.founded(sizes.contacts))
    runs: dict[str, list[Run]] = {OURS: [], SAME_SQL: [], UPSERT: []}
    statements = statement_costs.Statements(rig.superuser_dsn, [database_name(database) for database in WRITTEN])
    async with _others(rig, founded) as others:
        for number in range(rounds + 1):
            many = sizes.changes // rounds if number else sizes.batch_changes
            told = partial(_say_turn, say, f"round {number} of {rounds}" if number else "warming up")
            told(f"making {many:,} changes")
            segment = await parts.load(rig, organization.changed(many))
            await _round(rig, others, segment, number, runs, statements, told)
        by_batch = await _by_batch(rig, organization, sizes, say)
    await broker.empty(rig.kafka, [TOPIC])
    outcome = _outcome(runs, sizes.contacts, sizes.changes, rounds)
    curve = Curve(BY_BATCH, "records in a batch at most", "events/s", {OURS: _line(by_batch)})
    table = Table(BY_BATCH, tuple(Figure(f"{size:,}", RATE, tuple(rates)) for size, rates in by_batch.items()))
    return replace(outcome, curves=(curve,), tables=(table, *statements.tables()))


def _statements(rig: Rig) -> str:
    return str(rig.scratch / "statements")


def _say_turn(say: Say, when: str, who: str) -> None:
    say(f"{when}: {who}")


@asynccontextmanager
async def _others(rig: Rig, founded: Segment) -> AsyncIterator[Others]:
    """Copies of the databases as they are now, and who works on them; the plain sink takes the contacts in too."""
    recorded, replayed = [await clones.cloned(rig, name, WRITTEN) for name in COPIES]
    async with connected(recorded[Database.CUSTOMERS], process=broker.PROCESS) as connection:
        await connection.execute(
            f"CREATE SCHEMA IF NOT EXISTS bench; CREATE TABLE {plain_upsert.TABLE} "
            "(id text PRIMARY KEY, version bigint NOT NULL, data jsonb NOT NULL) WITH (autovacuum_enabled = off)"
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
            [*recorded.values(), *replayed.values()],
            [clones.name_of("replayed", database) for database in WRITTEN],
            await begun("same_sql", {"databases": replaying}),
            await begun("plain_upsert", sinking),
        )
        await others.upsert.act(events=founded.events)
        yield others
    await clones.dropped(rig, [clones.name_of(name, database) for name in COPIES for database in WRITTEN])


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
    await clones.vacuumed(others.copies)
    for name in order([OURS, SAME_SQL, UPSERT], number):
        say(name)
        await clones.checkpoint(rig)
        before = parts.servers(rig)
        if name == OURS:
            await statements.begin()
            run, events = await parts.ours(rig, segment), segment.events
            if number:
                await statements.end(events)
        elif name == SAME_SQL:
            run, events = await _same_sql(rig, others, half.events), half.events
        else:
            run, events = await others.upsert.act(events=segment.events), segment.events
        used = parts.used_by_servers(before, parts.servers(rig), events)
        if number:
            runs[name].append(replace(run, more={**run.more, **used}))


async def _same_sql(rig: Rig, others: Others, events: int) -> Run:
    """What was written down, sent again. Its process holds all of the parameters: its memory tells nothing."""
    before = await clones.rows_written(rig, others.replayed)
    run = await others.same_sql.act(events=events, file=_statements(rig))
    rows = await clones.rows_written(rig, others.replayed) - before
    return replace(run, peak_rss=None, more={**run.more, **parts.rows_of(rows, events, events / run.seconds)})


async def _by_batch(rig: Rig, organization: Organization, sizes: Sizes, say: Say) -> Mapping[int, Sequence[float]]:
    """How the rate depends on what a batch has at most: each size takes a part of its own in, in each round."""
    rates: dict[int, list[float]] = {size: [] for size in sizes.batches}
    for number in range(1, sizes.rounds + 1):
        for size in order(list(sizes.batches), number):
            say(f"round {number} of {sizes.rounds}: batches of {size:,}")
            segment = await parts.load(rig, organization.changed(max(sizes.batch_changes, sizes.batches_each * size)))
            run = await parts.ours(rig, segment, size)
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
