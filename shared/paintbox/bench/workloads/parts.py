"""Parts of the topic of Salesforce's changes: put into Kafka, and taken in by the real customer-sync."""

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from paintbox.bench import arrivals, broker, clones, progress, usage
from paintbox.bench.outcomes import Run
from paintbox.bench.rig import Rig
from paintbox.bench.subjects import sized_batches
from paintbox.databases import Database
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


def servers(rig: Rig) -> Mapping[str, float]:
    """CPU seconds that the servers have used, whoever asked them."""
    return {f"{part} CPU µs/event": usage.family_cpu_seconds(rig.pid(name)) for part, name in SERVERS.items()}


def used_by_servers(before: Mapping[str, float], after: Mapping[str, float], events: int) -> dict[str, float]:
    """Of so many events, in microseconds each."""
    return {server: 1e6 * (seconds - before[server]) / events for server, seconds in after.items()}


async def pages_read(rig: Rig) -> int:
    """How many pages PostgreSQL has asked the system for so far, in both databases."""
    return await clones.pages_read(rig, [database_name(database) for database in WRITTEN])
