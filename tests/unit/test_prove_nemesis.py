"""The nemesis of a rig: the same seed does the same on every machine, but for what a machine cannot do."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paintbox.prove import faults
from paintbox.prove.disk import Disk
from paintbox.prove.nemesis import Nemesis
from paintbox.prove.nemesis_plan import Stroke, aftermath, disturbs
from paintbox.stack.programs import Outcome
from paintbox.stack.stacks import Stack
from support.rigs import a_rig, idle_handles

FULL = Stroke(1, 4.0, "postgres-disk-full", "postgres", 3.0, "the disk of PostgreSQL full")
KILLED = Stroke(2, 5.0, "kill", "photo-sync", 3.0, "kill -9 of photo-sync")


def test_what_a_machine_cannot_inject_changes_nothing_of_what_it_can(tmp_path: Path) -> None:
    able, unable = a_rig(tmp_path, disk=Disk(tmp_path)), a_rig(tmp_path)

    there, here = able.nemesis(7, 10).plan, unable.nemesis(7, 10).plan

    assert [stroke for stroke in there if stroke.kind == "postgres-disk-full"]
    assert [stroke for stroke in there if stroke.kind != "postgres-disk-full"] == here
    assert ("postgres-disk-full", "it has no small disk") in unable.skipped
    assert able.skipped == [one for one in unable.skipped if one[0] != "postgres-disk-full"]


def test_only_what_a_full_disk_hit_may_end_by_itself_after_it_was_healed() -> None:
    assert aftermath("postgres", [KILLED, FULL], faults.KINDS, 2).startswith("the disk of PostgreSQL full: ")
    assert aftermath("photo-sync", [KILLED, FULL], faults.KINDS, 2) == ""
    assert aftermath("postgres", [], faults.KINDS, 2) == ""


@pytest.mark.parametrize(
    ("harmed", "stops"),
    [(set(), False), ({"webhook-log-2"}, False), ({"photo-sync"}, True), ({"kafka"}, True), ({"postgres"}, True)],
)
def test_only_a_fault_that_matters_to_it_is_left_out_of_the_time_of_a_recovery(
    harmed: set[str], *, stops: bool
) -> None:
    assert disturbs(harmed, KILLED, faults.KINDS, 2) is stops


async def test_the_start_of_what_was_killed_is_part_of_its_recovery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inject(*_: Any) -> Any:
        return start_again

    async def start_again() -> None:
        await asyncio.sleep(2.5)

    async def not_yet_well(_: Nemesis) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(Nemesis, "_look", not_yet_well)
    nemesis = a_rig(tmp_path).nemesis(7, 1)
    nemesis.kinds = [replace(kind, inject=inject) for kind in faults.named(["kill"])]
    watching = asyncio.create_task(nemesis._watch())

    await nemesis._strike(replace(KILLED, seconds=0.0))
    watching.cancel()

    (pending,) = nemesis._pending
    assert 1.5 < pending.undisturbed < nemesis._now() - pending.began_healing_at


async def test_what_is_interrupted_heals_nothing_that_is_stopped_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmed, started = asyncio.Event(), list[str]()

    async def inject(*_: Any) -> Any:
        harmed.set()
        return heal

    async def heal() -> None:
        started.append("what was harmed")

    async def bring_up(_: Stack) -> Outcome:
        started.append("a process")
        return Outcome.RUNS

    monkeypatch.setattr(Nemesis, "plan", [replace(KILLED, at=0.0, seconds=60.0)])
    handles = [replace(one, part=replace(one.part, bring_up=bring_up)) for one in idle_handles(tmp_path)]
    nemesis = a_rig(tmp_path, *handles).nemesis(7, 1)
    nemesis.kinds = [replace(kind, inject=inject) for kind in faults.named(["kill"])]
    running = asyncio.create_task(nemesis.run())
    await harmed.wait()

    running.cancel()
    await asyncio.wait({running})

    assert running.cancelled()
    assert started == []


def test_every_copy_of_a_service_and_both_simulators_are_asked_for_what_they_measure(tmp_path: Path) -> None:
    rig = a_rig(tmp_path, *idle_handles(tmp_path))

    services = ("webhook-ingest", "webhook-log", "customer-sync", "photo-sync")
    copies = {name for service in services for name in (service, f"{service}-2")}
    assert rig.urls.keys() == copies | {"salesforce", "companycam"}
