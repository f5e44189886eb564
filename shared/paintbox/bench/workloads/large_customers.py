"""B, grown: with 2,000,000 contacts in the tables, and with more processes."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Final

from paintbox.bench import arrivals, bodies, broker, clones, multiplied, outcomes, progress, usage
from paintbox.bench.changes import Organization
from paintbox.bench.outcomes import Curve, Figure, Outcome, Run
from paintbox.bench.rig import Rig
from paintbox.bench.rounds import Say, order
from paintbox.bench.sizes import FEWER_ROUNDS, Sizes
from paintbox.bench.workloads import parts
from paintbox.bench.workloads.parts import SERVICE

PROCESSES: Final = (1, 2, 4)
NOTES: Final = (
    "The contacts beyond the first are copies that the bench loads in bulk, as are their accounts: mirror, customer, "
    "cache, and a row each in webhook_events, webhook_event_keys, sync_logs and customer_sync_logs. The changes are of "
    "any of them, and an account has as many contacts as before.",
    "One process with few contacts has its rounds before the others are loaded, the others take turns. So the ratio to "
    "it is of rounds that were not side by side, unlike those to one process with many. The changes are put into Kafka "
    "once the processes are members of their group, and that takes part of the cores, unlike in B.",
    "Processes share the topic's partitions, and the cores with PostgreSQL and Kafka. CPU is that of all together, the "
    "peak that of the largest.",
    "What PostgreSQL and Kafka used is theirs from before the start to the end, the changes' way into Kafka among it. "
    "Pages are those of 8 KB that PostgreSQL had not in its own memory and asked the system for.",
    FEWER_ROUNDS,
)
PAGES: Final = "pages read/event"


def named(processes: int, contacts: int) -> str:
    """What a subject is called in the tables."""
    many = "one process" if processes == 1 else f"{processes} processes"
    return f"{many}, {contacts:,} contacts"


async def measure(rig: Rig, sizes: Sizes, say: Say) -> Outcome:
    """The same changes with few and with many rows, then by more processes."""
    organization = Organization(bodies.a_run(4), int(time.time() * 1000))
    say(f"customer-sync takes {sizes.contacts:,} contacts in")
    await parts.taken_in(rig, organization.founded(sizes.contacts))
    founded = organization.contacts[: organization.founding_contacts], organization.accounts
    ids = [str(record["Id"]) for records in founded for record in records]
    few, many = sizes.contacts, sizes.contacts * sizes.copies
    say("warming up")
    await _turn(rig, organization, sizes, 1)
    runs: dict[str, list[Run]] = {named(1, few): await _rounds(rig, organization, sizes, 1, say)}
    say(f"loading rows of {many - few:,} further contacts")
    await multiplied.multiply(rig, ids, sizes.copies - 1)
    await clones.checkpoint(rig)
    organization.copies = sizes.copies
    say("warming up")
    await _turn(rig, organization, sizes, 1)
    runs |= {named(number, many): [] for number in PROCESSES}
    for turn in range(1, sizes.large_rounds + 1):
        for number in order(list(PROCESSES), turn):
            say(f"round {turn} of {sizes.large_rounds}: {named(number, many)}")
            runs[named(number, many)].append(await _turn(rig, organization, sizes, number))
    await broker.empty(rig.kafka, [parts.TOPIC])
    figures = outcomes.figures_of(runs)
    return Outcome(
        title=f"B, grown: {many:,} contacts, and 1, 2 and 4 processes",
        figures=figures,
        ratios=(
            outcomes.ratio(figures, named(1, many), named(1, few)),
            outcomes.ratio(figures, named(2, many), named(1, many)),
            outcomes.ratio(figures, named(4, many), named(1, many)),
        ),
        notes=NOTES,
        curves=(curve(figures, few, many),),
    )


def curve(figures: Sequence[Figure], few: int, many: int) -> Curve:
    """Rates by the number of processes: with many contacts, and beside them what one process does with few."""
    points = {few: [1], many: list(PROCESSES)}
    lines = {
        f"{contacts:,} contacts": [
            (float(number), median(outcomes.values_of(figures, named(number, contacts), outcomes.RATE)))
            for number in numbers
        ]
        for contacts, numbers in points.items()
    }
    return Curve("customer-sync by the number of its processes", "processes", "events/s", lines)


async def _rounds(rig: Rig, organization: Organization, sizes: Sizes, processes: int, say: Say) -> list[Run]:
    found = []
    for turn in range(1, sizes.large_rounds + 1):
        say(f"round {turn} of {sizes.large_rounds}: {named(processes, sizes.contacts)}")
        found.append(await _turn(rig, organization, sizes, processes))
    return found


async def _turn(rig: Rig, organization: Organization, sizes: Sizes, processes: int) -> Run:
    """So many processes of one group, which have joined it by then, take the changes in."""
    made = [arrivals.record(one) for one in organization.changed(sizes.large_changes)]
    names = rig.replicas(SERVICE)[:processes]

    def cpu() -> float:
        return sum(usage.cpu_seconds(rig.pid(name)) for name in names)

    await clones.checkpoint(rig)
    before, servers, pages = await parts.rows_written(rig), parts.servers(rig), await parts.pages_read(rig)
    await rig.start(*names)
    segment = await parts.put(rig, made)
    first, last = await progress.first_and_last(rig.kafka, SERVICE, segment.begins, segment.ends, cpu)
    peak = max(usage.peak_rss(rig.pid(name)) for name in names)
    await rig.stop(*names)
    events, seconds = last.records - first.records, last.at - first.at
    rows = await parts.rows_written(rig) - before
    used = parts.used_by_servers(servers, parts.servers(rig), segment.events)
    read = {PAGES: (await parts.pages_read(rig) - pages) / segment.events}
    more = parts.rows_of(rows, segment.events, events / seconds) | used | read
    return Run(events, seconds, last.cpu_seconds - first.cpu_seconds, peak, more)
