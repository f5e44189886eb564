"""Every process is killed at every step of `docs/reference/failpoints.md`, and loses, doubles and reorders nothing."""

import asyncio
import signal
from collections.abc import Sequence
from itertools import groupby, zip_longest
from typing import Final

import pytest

from paintbox.prove.verdicts import State
from support.crashes import Crashes
from support.ledger import bounded, judged
from support.local_stack import paintbox
from support.preparations import PREPARATIONS, nothing
from support.steps import steps
from support.topics import lag, miss_members
from support.waiting import until
from support.world import RECOVERY_SECONDS, World, holds, more_traffic, traffic
from synckit.contracts.topics import CUSTOMERS_CHANGES
from synckit.failpoints import AFTER

pytestmark = pytest.mark.chaos

PROCESSES: Final = ("customer-sync", "photo-sync", "webhook-log", "webhook-ingest")
OWNERS: Final = ("customer-sync", "photo-sync")
GROUPS: Final = ("customer-sync", "photo-sync", "webhook-log")
"""Whose dead members Kafka is told of: to miss them takes it 10 s, each time. In the proof it has to."""
PARTS: Final = {
    "consumer": ("customer-sync", "photo-sync", "webhook-log"),
    "customer_sync": ("customer-sync",),
    "integrations": OWNERS,
    "parking": OWNERS,
    "photo_sync": ("photo-sync",),
    "projector": OWNERS,
    "quarantine": ("webhook-log",),
    "redrive": GROUPS,
    "relay": OWNERS,
    "spool": ("webhook-log",),
    "webhook_ingest": ("webhook-ingest",),
    "webhook_log": ("webhook-log",),
}
"""Which processes are killed at the steps whose names begin so."""
OTHERS: Final = {
    "consumer.alarm": ("photo-sync",),  # has to be cleared by hand each time
    "consumer.counts": ("photo-sync",),  # one process tells it as another does
    "consumer.lease": OWNERS,  # asked for where erasures are read
    "consumer.markers": OWNERS,  # what the log reads is not written in transactions
    "consumer.other_log": ("photo-sync",),  # one process does it as another does
    "integrations.receive": GROUPS,
}
"""Steps at which other processes are killed than at those of their part."""
CASES: Final = [
    (process, step)
    for step in steps()
    for process in OTHERS.get(step.partition(":")[0], PARTS.get(step.partition(".")[0], ()))
]
ONCE: Final = ("consumer.alarm", "projector.race", "projector.refuse", "redrive.mark")
"""Steps at which a process is killed once a round: what leads to them is over then, or has to be cleared by hand."""


def _name(step: str) -> str:
    return step.partition(":")[0]


def _deaths(process: str) -> list[tuple[str, ...]]:
    """The steps at which a process dies, those of one thing one after the other, the last of them last."""
    mine = sorted((step for name, step in CASES if name == process), key=lambda step: (_name(step), AFTER in step))
    together = groupby(mine, key=lambda step: step if _name(step) in ONCE else _name(step))
    return [tuple(found) for _, found in together]


ROUNDS: Final = [
    {process: deaths for process, deaths in zip(PROCESSES, found, strict=True) if deaths is not None}
    for found in zip_longest(*map(_deaths, PROCESSES))
]
"""Crashes of every process at a time: what a killed member of a group costs is waiting, and they wait together."""


async def _resumes(world: World, process: str) -> None:
    """As often as an alarm is raised: one that was saved before its offsets is raised again by the same records."""
    raised = "SELECT FROM integrations.consumer_alarms WHERE cleared_at IS NULL"
    servers = world.stack["KAFKA_BOOTSTRAP_SERVERS"]

    async def goes_on() -> bool:
        if await world.run("INTEGRATIONS", raised):
            resumed = paintbox("parked", "resume", "--consumer", process, directory=world.stack.directory)
            assert resumed.returncode == 0, resumed.stdout + resumed.stderr
            return False
        return await lag(servers, process, CUSTOMERS_CHANGES.name) == 0 and not await world.run("INTEGRATIONS", raised)

    await until(goes_on, RECOVERY_SECONDS)


WITH: Final = {"webhook_ingest.spool": {"PAINTBOX_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}}
"""What the victim is given: a Kafka that is away, where that is what leads to the step."""
AFTERWARDS: Final = {"consumer.alarm": _resumes}
"""What an operator does once the process is back."""


@pytest.mark.parametrize(
    "victims",
    [
        pytest.param(
            victims,
            id="+".join(f"{process}-{'-'.join(deaths)}" for process, deaths in victims.items()),
            marks=pytest.mark.xdist_group(("crashes", "more-crashes")[number % 2]),
        )
        for number, victims in enumerate(ROUNDS)
    ],
)
async def test_f01_f05_f32_killed_there_it_loses_doubles_and_reorders_nothing(
    world: World, crashes: Crashes, victims: dict[str, tuple[str, ...]]
) -> None:
    kept = []
    for process, deaths in victims.items():
        await crashes.stop(process)
        kept.append(await PREPARATIONS.get(_name(deaths[0]), nothing)(world, process))
    lives = [asyncio.create_task(_die_and_rise(world, crashes, *victim)) for victim in victims.items()]

    made = await traffic(world)
    ends = dict(zip(victims, await asyncio.gather(*lives), strict=True))
    assert ends == {process: [-signal.SIGKILL] * len(deaths) for process, deaths in victims.items()}
    await more_traffic(world, made)
    for process in victims:
        await crashes.ready(process)

    await holds(world, made)
    for is_kept in kept:
        await until(is_kept, RECOVERY_SECONDS)
    assert (await bounded(world, crashes)).violations == ()


async def _die_and_rise(world: World, crashes: Crashes, process: str, deaths: Sequence[str]) -> list[int | None]:
    """Killed at one step it is started again, does the work anew, and is killed at the next: how each life ended."""
    ends = []
    for step in deaths:
        victim = crashes.start(process, {"PAINTBOX_FAILPOINTS": f"{step}=kill", **WITH.get(_name(step), {})})
        ends.append(await crashes.killed(victim))
        if process in GROUPS:
            await miss_members(crashes.stack["KAFKA_BOOTSTRAP_SERVERS"], process)
    crashes.start(process)
    if _name(deaths[0]) in AFTERWARDS:
        await AFTERWARDS[_name(deaths[0])](world, process)
    return ends


@pytest.mark.parametrize(
    "group", [pytest.param(group, marks=pytest.mark.xdist_group(group)) for group in ("crashes", "more-crashes")]
)
async def test_after_all_these_deaths_the_ledger_balances(world: World, group: str) -> None:
    """Once for all rounds of a group: the whole log, every topic from its beginning, and both vendors' truth."""
    found = await judged(world)

    assert [f"{one.invariant} {one.claim}: {one.violations}" for one in found if one.violated] == []
    held = {one.invariant for one in found if one.state is State.HELD}
    assert held >= {"I1", "I2", "I3", "I4", "I7", "I9", "I10"}, group


def test_every_step_of_the_code_is_among_the_cases() -> None:
    assert {step for _, step in CASES} == set(steps())
