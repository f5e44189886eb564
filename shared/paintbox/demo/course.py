"""A run of the demo from its first record to its report."""

import time
from collections.abc import Mapping

from paintbox.demo import examples, latency, proof, sessions, traffic
from paintbox.demo.display import Display
from paintbox.demo.latency import KEY_SECONDS, Buckets, Latency
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
        made = making.make(this, size, await found.telephones(open_sessions.projects))
        these = ids.ids_of(made)
        keys_before = await latency.read_histogram(open_sessions.customer_sync, KEY_SECONDS)
        watch = Watch(open_sessions, these, display.show, where.log, patience_seconds)
        await watch.begin()
        counts = await traffic.drive(open_sessions, this, made, watch, display)
        display.say("comparing with what the vendors hold")
        rows = await proof.read_rows(open_sessions, these)
        return Report(
            run=this,
            size=size,
            counts=counts,
            tallies=await proof.compare(open_sessions, this, these, rows, watch.deliveries_before),
            latencies=await _latencies(open_sessions, this, these, keys_before),
            examples=examples.choose(rows),
            seconds=time.monotonic() - started,
        )


async def _latencies(open_sessions: Sessions, this: Run, these: Ids, keys_before: Buckets) -> list[Latency]:
    took = await found.seconds_to_row(open_sessions.integrations, these.records, times.moment(this.began_ms))
    keys_after = await latency.read_histogram(open_sessions.customer_sync, KEY_SECONDS)
    return [latency.to_row(took), latency.to_key(keys_before, keys_after)]
