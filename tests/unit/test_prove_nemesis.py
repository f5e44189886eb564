"""The nemesis of a rig: the same seed does the same on every machine, but for what a machine cannot do."""

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from paintbox.prove import faults
from paintbox.prove.disk import Disk
from paintbox.prove.handles import Handle
from paintbox.prove.nemesis import Event, Nemesis, Phase, _Pending
from paintbox.prove.nemesis_plan import Stroke, aftermath, disturbs
from paintbox.prove.rig import Rig
from paintbox.stack import processes
from paintbox.stack.programs import Outcome
from paintbox.stack.stacks import Stack
from support.rigs import a_rig, idle_handles

FULL = Stroke(1, 4.0, "postgres-disk-full", "postgres", 3.0, "the disk of PostgreSQL full")
EXIT = "exit"
KILLED = Stroke(2, 5.0, "kill", "photo-sync", 3.0, "kill -9 of photo-sync")


def test_what_a_machine_cannot_inject_changes_nothing_of_what_it_can(tmp_path: Path) -> None:
    able, unable = a_rig(tmp_path, disk=Disk(tmp_path)), a_rig(tmp_path)

    there, here = able.nemesis(7, 10).plan, unable.nemesis(7, 10).plan

    assert [stroke for stroke in there if stroke.kind == "postgres-disk-full"]
    assert [stroke for stroke in there if stroke.kind != "postgres-disk-full"] == here
    assert ("postgres-disk-full", "it has no small disk") in unable.skipped
    assert able.skipped == [one for one in unable.skipped if one[0] != "postgres-disk-full"]


def test_only_what_a_full_disk_hit_may_end_by_itself_after_it_was_healed() -> None:
    assert aftermath("postgres", [KILLED, FULL], faults.KINDS, 2) == FULL
    assert aftermath("photo-sync", [KILLED, FULL], faults.KINDS, 2) is None
    assert aftermath("postgres", [], faults.KINDS, 2) is None


@pytest.mark.parametrize(
    ("harmed", "stops"),
    [(set(), False), ({"webhook-log-2"}, False), ({"photo-sync"}, True), ({"kafka"}, True), ({"postgres"}, True)],
)
def test_only_a_fault_that_matters_to_it_is_left_out_of_the_time_of_a_recovery(
    harmed: set[str], *, stops: bool
) -> None:
    assert disturbs(harmed, KILLED, faults.KINDS, 2) is stops


class Clock:
    """The time of a nemesis, which goes on only where something takes its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.recoveries: list[tuple[str, float | None, float | None]] = []
        monkeypatch.setattr(Nemesis, "_now", lambda _: self.now)

    def nemesis(self, folder: Path, *kinds: str, start_seconds: float) -> Nemesis:
        """On a rig of which nothing runs; whatever is healed takes so long."""

        async def start_again() -> None:
            self.now += start_seconds

        async def inject(*_: Any) -> Any:
            return start_again

        nemesis = a_rig(folder).nemesis(7, 1)
        nemesis.kinds = [replace(kind, inject=inject) for kind in faults.named(kinds)]
        nemesis.on_event = self._note
        return nemesis

    def _note(self, event: Event) -> None:
        if event.phase is Phase.RECOVERED and event.stroke is not None:
            self.recoveries.append((event.stroke.kind, event.seconds, event.waited))


async def test_the_start_of_what_was_killed_is_part_of_its_recovery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    nemesis = clock.nemesis(tmp_path, "kill", start_seconds=2.5)

    await nemesis._strike(replace(KILLED, seconds=0.0))
    clock.now += 1
    nemesis._recovered(nemesis._pending[0])

    assert clock.recoveries == [(KILLED.kind, 3.5, 3.5)]


async def test_what_is_counted_of_a_recovery_begins_and_ends_with_the_faults_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    nemesis = clock.nemesis(tmp_path, "kill", "kafka-kill", start_seconds=4)

    await nemesis._strike(replace(KILLED, seconds=0.0))
    clock.now += 5
    await nemesis._strike(Stroke(3, 9.0, "kafka-kill", "kafka", 0.0, "kill -9 of the broker"))
    clock.now += 3
    for pending in list(nemesis._pending):
        nemesis._recovered(pending)

    assert clock.recoveries == [("kill", 4 + 5 + 3, 16), ("kafka-kill", 7, 7)]


async def test_a_server_that_ends_after_its_healing_disturbs_all_but_that_recovery(tmp_path: Path) -> None:
    nemesis = a_rig(tmp_path).nemesis(7, 1)
    full, killed = _Pending(FULL, 0.0), _Pending(KILLED, 0.0)
    nemesis._excused["postgres"] = FULL
    nemesis._starting["postgres"] = asyncio.create_task(asyncio.sleep(0))

    assert nemesis._harmed_beside(full) == frozenset()
    assert nemesis._harmed_beside(killed) == {"postgres"}


def handle_of(folder: Path, name: str, command: str) -> Handle:
    """Of a process that runs this, as its pid file says; a start does nothing."""
    (handle,) = (one for one in idle_handles(folder) if one.name == name)
    pids = handle.stack.places.pids
    pids.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(["/bin/sh", "-c", command])
    started = psutil.Process(process.pid).create_time()
    processes.write_record(pids, processes.Record(name, process.pid, started, "given.code", "mark"))
    if command == EXIT:
        process.wait()
    processes.reap(process, processes.told_at(pids, name))
    return handle


def struck_by(rig: Rig, kind: str) -> tuple[Nemesis, list[Event]]:
    nemesis, events = rig.nemesis(7, 1, [kind]), list[Event]()
    nemesis.on_event = events.append
    for handle in rig.processes.values():
        handle.deaths.append(nemesis._died)
    return nemesis, events


@pytest.mark.parametrize("kind", ["kill", "freeze", "restart", "rolling-restart"])
async def test_a_process_that_ended_by_itself_is_told_of_though_a_fault_has_taken_it(tmp_path: Path, kind: str) -> None:
    rig = a_rig(tmp_path, *(handle_of(tmp_path, name, EXIT) for name in ("photo-sync", "photo-sync-2")))
    nemesis, events = struck_by(rig, kind)

    await nemesis._strike(Stroke(1, 0.0, kind, "photo-sync", 0.0, kind))

    told = [event.process for event in events if event.phase is Phase.DIED]
    assert told == (["photo-sync", "photo-sync-2"] if kind == "rolling-restart" else ["photo-sync"])


@pytest.mark.parametrize("kind", ["kill", "restart"])
async def test_a_process_that_a_fault_has_ended_did_not_die_by_itself(tmp_path: Path, kind: str) -> None:
    rig = a_rig(tmp_path, handle_of(tmp_path, "photo-sync", "exec sleep 60"))
    nemesis, events = struck_by(rig, kind)

    await nemesis._strike(Stroke(1, 0.0, kind, "photo-sync", 0.0, kind))

    assert [event.phase for event in events] == [Phase.BEGUN, Phase.HEALED]


async def test_the_last_healing_tells_of_who_has_died_as_well(tmp_path: Path) -> None:
    others = [one for one in idle_handles(tmp_path) if one.name != "photo-sync"]
    rig = a_rig(tmp_path, handle_of(tmp_path, "photo-sync", EXIT), *others)
    _, events = struck_by(rig, "kill")

    await rig.heal()
    await rig.heal()

    assert [event.process for event in events] == ["photo-sync"]


async def test_a_server_that_died_of_its_fault_after_all_runs_again_when_it_is_told_so(tmp_path: Path) -> None:
    rig = a_rig(tmp_path, handle_of(tmp_path, "postgres", EXIT))
    nemesis, events = struck_by(rig, "postgres-disk-full")
    nemesis._pending.append(_Pending(FULL, 0.0))

    nemesis._start_the_dead()
    await nemesis._starting["postgres"]

    assert [(event.phase, event.stroke, bool(event.excuse)) for event in events] == [
        (Phase.DIED, None, True),
        (Phase.STARTED, FULL, False),
    ]


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
