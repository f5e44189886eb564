"""A: signed posts over keep-alive connections -> every record acknowledged by Kafka with acks=all -> 2xx."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from paintbox.bench import bodies, broker, outcomes, usage
from paintbox.bench.children import Child, child
from paintbox.bench.load import generation
from paintbox.bench.load.generation import Load
from paintbox.bench.outcomes import Figure, Outcome, Ratio, Run
from paintbox.bench.rig import Rig
from paintbox.bench.rounds import Say, Turn, interleaved
from paintbox.bench.sizes import Sizes
from paintbox.bench.subjects.stage import GARBAGE
from paintbox.errors import OperatorError
from paintbox.stack import ports
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE

PLAIN_TOPIC: Final = "bench.door.v1"
TOPICS: Final = (WEBHOOKS_SALESFORCE.name, WEBHOOKS_COMPANYCAM.name, PLAIN_TOPIC)
RECORDS: Final = "records/s"
LEFT: Final = "events/s that the pauses left"
FEW: Final = 64
MANY: Final = 512
DOOR: Final = "webhook-ingest"
COPIES: Final = ("ours", "copy")
"""The targets that are processes of the doors."""

OURS: Final = f"the doors, {FEW} connections"
TWO: Final = f"two copies of the doors, {FEW // len(COPIES)} connections each"
PLAIN: Final = f"a plain door (raw ASGI, HMAC, one send_and_wait), {FEW}"
LONE: Final = f"the doors' producer alone, {FEW} tasks"
BARE: Final = f"the bare HTTP server that answers at once, {FEW}"
BETWEEN: Final = "a door alone: what it does between HTTP and Kafka"
PARTS: Final = "server, door and producer, each alone, together"
OURS_MANY: Final = f"the doors, {MANY} connections"
PLAIN_MANY: Final = f"a plain door, {MANY}"
OURS_HALF: Final = f"the doors, {FEW}, at half their load"
PLAIN_HALF: Final = f"a plain door, {FEW}, at half its load"

FOLLOWED: Final = {OURS: OURS_HALF, PLAIN: PLAIN_HALF}
"""Half a load is half of what was taken just before."""

SERVERS: Final = (
    "Every HTTP server is uvicorn, without proxy headers and without a header that names it. The bare one has the "
    "doors' own protocol, which takes a request, and gives its answer, in one step each; the plain door has uvicorn's."
)
NOTES: Final = (
    "Half of the requests are CompanyCam's webhooks, signed, half Outbound Messages, over keep-alive connections; "
    "their bodies have some 1.1 KB.",
    "The doors check signature, or path and organization, parse and check the whole body, compute ids and versions, "
    "and send a record with 12 to 14 headers. The plain door checks an HMAC and sends the body as it is.",
    "The plain door's producer is aiokafka's as it comes, with acks=all and idempotence. The lone producer is that of "
    "the doors, with their records, which it encodes and sends as they do: a batch a partition, the next of which "
    "fills while the one before it is under way.",
    SERVERS,
    GARBAGE,
    "A door alone does all of that with one request after the other in a loop, without a server, and what it makes is "
    "neither encoded nor sent. With the bare server and the producer alone that is what a webhook costs where each "
    "part has its code and its data at hand, and nothing else comes in between.",
    "Half load: right after the full one each connection pauses at random after an answer, so long that about half of "
    "that rate remains; how much did is among the ratios.",
    "The percentiles of HTTP loads, where wrk makes them (the machine's table says what does), are corrected for what "
    "it did not ask meanwhile (coordinated omission): where one answer takes long, so would have those to requests "
    "that its connection did not send. All others are as they were measured.",
    "Two copies are two processes, each with a load of its own over half of the connections, both at once: the rate "
    "and the CPU are of both together, the peak that of the larger. The second one is idle beside all other turns.",
    "After each load Kafka has at least as many new records as were answered 2xx, or the bench fails.",
)


@dataclass(slots=True)
class Target:
    """A process that is posted to, and the rate and median that it had last at full load: what half of it is."""

    name: str
    url: str
    pid: int
    is_kept: bool = True
    """Whether what it answers is in Kafka then."""
    rate: float = 0.0
    p50_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Doors:
    """All that takes turns."""

    rig: Rig
    requests: Path
    seconds: float
    targets: Mapping[str, Target]
    lone: Child
    between: Child
    counts_records: bool = False
    """Whether a request is of so many records that their rate is another figure."""

    async def post(self, targets: Sequence[Target], connections: int, pause_ms: float = 0.0) -> Run:
        """One load on each target, at once. Raises OperatorError where what was answered is not in Kafka."""
        before = await broker.settled(self.rig.kafka, TOPICS)
        for target in targets:
            usage.forget_peak(target.pid)
        cpu = sum(usage.cpu_seconds(target.pid) for target in targets)
        loads = [Load(target.url, self.requests, connections, self.seconds, pause_ms) for target in targets]
        loaded = await asyncio.gather(*map(generation.run, loads))
        cpu = sum(usage.cpu_seconds(target.pid) for target in targets) - cpu
        run = generation.together(loaded, cpu, max(usage.peak_rss(target.pid) for target in targets))
        kept = broker.count(await broker.settled(self.rig.kafka, TOPICS)) - broker.count(before)
        if all(target.is_kept for target in targets) and kept < run.events:
            name = targets[0].name
            raise OperatorError(f"{name} answered {run.events:,} requests, and Kafka has {kept:,} records.")
        await broker.empty(self.rig.kafka, TOPICS)
        return replace(run, more={**run.more, RECORDS: kept / run.seconds}) if self.counts_records else run

    async def full(self, name: str, _: int) -> Run:
        """As much as it takes."""
        target = self.targets[name]
        run = await self.post([target], FEW)
        target.rate, target.p50_ms = run.events / run.seconds, run.more["p50 ms"]
        return run

    async def half(self, name: str, _: int) -> Run:
        """Half of what it took in this round: each connection pauses, so long on average that this comes of it."""
        target = self.targets[name]
        between = 2 * FEW / target.rate * 1000
        return await self.post([target], FEW, max(between - target.p50_ms / 2, 0.5))

    async def producer_alone(self, _: int) -> Run:
        """As much as so many tasks send."""
        run = await self.lone.act(seconds=self.seconds, tasks=FEW)
        await broker.empty(self.rig.kafka, TOPICS)
        return run

    async def door_alone(self, _: int) -> Run:
        """As much as one does without HTTP and without Kafka."""
        return await self.between.act(seconds=self.seconds)

    async def many(self, name: str, _: int) -> Run:
        """As much as it takes over many connections."""
        return await self.post([self.targets[name]], MANY)

    async def copies(self, _: int) -> Run:
        """As much as all copies of the doors take, with as many connections as one has alone."""
        return await self.post([self.targets[name] for name in COPIES], FEW // len(COPIES))


async def measure(rig: Rig, sizes: Sizes, say: Say) -> Outcome:
    """The doors, a plain door, and what each half of a door could do alone."""
    say("signing the requests")
    requests = bodies.mixed(rig.environment, sizes.door_requests, int(time.time() * 1000))
    await broker.create_topic(rig.kafka, PLAIN_TOPIC, 6)
    async with opened(rig, requests, sizes.door_seconds, len(COPIES)) as doors:
        runs = await interleaved(_turns(doors), sizes.rounds, say, FOLLOWED)
    figures = outcomes.figures_of(runs)
    figures += (_parts(figures),)
    to_plain = outcomes.ratio(figures, OURS, PLAIN)
    to_few = outcomes.ratio(figures, OURS_MANY, OURS)
    return Outcome(
        title="A: signed posts of 1 KB -> every record acknowledged by Kafka with acks=all -> 2xx",
        figures=figures,
        ratios=ratios(figures),
        goals=(
            outcomes.at_least("the doors at least 1.3 x the plain door", to_plain.values, 1.3),
            outcomes.below("p99 below 50 ms at half load", outcomes.values_of(figures, OURS_HALF, "p99 ms"), 50),
            outcomes.at_least("512 connections no slower than 64 (ratio, noise of 5 % allowed)", to_few.values, 0.95),
        ),
        notes=NOTES,
    )


def ratios(figures: Sequence[Figure]) -> tuple[Ratio, ...]:
    """The doors held against everybody else; and how much of a load its half is, which is no better for being more."""
    halves = [outcomes.ratio(figures, half, whole) for whole, half in FOLLOWED.items()]
    return (
        outcomes.ratio(figures, OURS, PLAIN),
        outcomes.ratio(figures, OURS_MANY, PLAIN_MANY),
        outcomes.ratio(figures, OURS_MANY, OURS),
        outcomes.ratio(figures, TWO, OURS),
        outcomes.ratio(figures, OURS, LONE),
        outcomes.ratio(figures, OURS, BARE),
        outcomes.ratio(figures, OURS, PLAIN, outcomes.CPU),
        outcomes.ratio(figures, OURS, PARTS, outcomes.CPU),
        *(replace(ratio, measure=LEFT) for ratio in halves),
    )


def _parts(figures: Sequence[Figure]) -> Figure:
    """What the parts of a door use, each measured alone."""
    parts = zip(*(outcomes.values_of(figures, part, outcomes.CPU) for part in (BARE, BETWEEN, LONE)), strict=True)
    return Figure(PARTS, outcomes.CPU, tuple(map(sum, parts)))


def _turns(doors: Doors) -> dict[str, Turn]:
    return {
        OURS: partial(doors.full, "ours"),
        PLAIN: partial(doors.full, "plain"),
        OURS_HALF: partial(doors.half, "ours"),
        PLAIN_HALF: partial(doors.half, "plain"),
        OURS_MANY: partial(doors.many, "ours"),
        PLAIN_MANY: partial(doors.many, "plain"),
        TWO: doors.copies,
        LONE: doors.producer_alone,
        BETWEEN: doors.door_alone,
        BARE: partial(doors.full, "bare"),
    }


@asynccontextmanager
async def opened(rig: Rig, requests: Sequence[bytes], seconds: float, copies: int = 1) -> AsyncIterator[Doors]:
    """The doors, and what stands beside them, each in a process of its own."""
    ours = rig.replicas(DOOR)[:copies]
    folder = rig.scratch
    kept = generation.write(requests, folder / "requests")
    plain_port = ports.choose(folder, rig.stack.kept.ports.values())
    bare_port = ports.choose(folder, [*rig.stack.kept.ports.values(), plain_port])
    token = rig.environment["PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS"]
    order: dict[str, Any] = {
        "servers": rig.kafka,
        "topic": PLAIN_TOPIC,
        "token": token,
        "requests": str(kept),
        "environment": rig.variables(DOOR),
    }
    async with AsyncExitStack() as stack:
        plain, bare, lone, between = [
            await stack.enter_async_context(child(module, rig.log(f"bench-{module}"), {**order, "port": port}))
            for module, port in (
                ("plain_door", plain_port),
                ("bare_server", bare_port),
                ("lone_producer", 0),
                ("lone_door", 0),
            )
        ]
        await rig.start(*ours)
        targets = {
            **{key: Target("the doors", rig.url(each), rig.pid(each)) for key, each in zip(COPIES, ours, strict=False)},
            "plain": Target("the plain door", f"http://127.0.0.1:{plain_port}", plain.pid),
            "bare": Target("the bare server", f"http://127.0.0.1:{bare_port}", bare.pid, is_kept=False),
        }
        try:
            yield Doors(rig, kept, seconds, targets, lone, between)
        finally:
            await rig.stop(*ours)
