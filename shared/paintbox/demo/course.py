"""A run of the demo from its first record to its report."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from paintbox.demo import examples, latency, proof, sessions, traffic
from paintbox.demo.display import Display
from paintbox.demo.latency import KEY_SECONDS, ROW_SECONDS, Buckets, Latency
from paintbox.demo.report import Report
from paintbox.demo.sessions import Sessions
from paintbox.demo.watch import Watch
from paintbox.stack.places import Places
from paintbox.world import found, ids, making, runs
from paintbox.world.ids import Ids
from paintbox.world.runs import Run, Size
from synckit import times


async def run(
    environment: Mapping[str, str], where: Places, size: Size, seed: int, patience_seconds: float, display: Display
) -> Report:
    """Runs the demo on a stack that is up: what it came to, equal or not.

    Raises OperatorError where the stack does not answer, or has not taken everything in when the patience is over.
    """
    this = runs.begin(seed, time.time_ns() // 1_000_000)
    started = time.monotonic()
    async with sessions.opened(environment) as open_sessions:
        watch = Watch(open_sessions, display.show, where.log, patience_seconds)
        await watch.begin()
        made = making.make(this, size, await found.telephones(open_sessions.projects))
        these = ids.ids_of(made)
        watch.expect(these)
        before = await _measured(open_sessions)
        counts = await traffic.drive(open_sessions, this, made, watch, display)
        display.say("comparing with what the vendors hold")
        rows = await proof.read_rows(open_sessions, these)
        return Report(
            run=this,
            size=size,
            counts=counts,
            tallies=await proof.compare(open_sessions, this, these, rows, watch.deliveries_before),
            latencies=await _latencies(open_sessions, this, these, before),
            examples=examples.choose(rows),
            seconds=time.monotonic() - started,
        )


@dataclass(frozen=True, slots=True)
class _Measured:
    """The histograms of one look."""

    rows: Buckets
    keys: Buckets


async def _measured(open_sessions: Sessions) -> _Measured:
    owners = (open_sessions.customer_sync, open_sessions.photo_sync)
    rows = [await latency.read_histogram(owner, ROW_SECONDS) for owner in owners]
    return _Measured(latency.together(*rows), await latency.read_histogram(open_sessions.customer_sync, KEY_SECONDS))


async def _latencies(open_sessions: Sessions, this: Run, these: Ids, before: _Measured) -> list[Latency]:
    took = await found.seconds_to_merged(open_sessions.integrations, these.records, times.moment(this.began_ms))
    after = await _measured(open_sessions)
    return [
        latency.to_merged(took),
        latency.to_row(before.rows, after.rows),
        latency.to_key(before.keys, after.keys),
    ]
