"""Processes that are blocked, or whose log has no room left, and what holds meanwhile."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from paintbox.environment import parse
from paintbox.stack import processes
from support.crashes import MODULES, Crashes
from support.programs import free_port
from support.waiting import until, until_true
from support.world import World, holds, more_traffic, traffic

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("crashes")]

ASSIGNED: Final = "Partitions were assigned"
CONSUMERS: Final = 2
"""Of photo-sync, each of which has its partitions assigned in a rebalance."""
PROJECT: Final = "SELECT 1 FROM projects.companycam_records WHERE object = 'project' AND id = $1"


async def test_f08_a_loop_that_is_blocked_past_its_session_reorders_and_loses_nothing(
    world: World, crashes: Crashes, tmp_path: Path
) -> None:
    await crashes.stop("photo-sync")
    crashes.start("photo-sync", {"PAINTBOX_FAILPOINTS": "photo_sync.merge:before_commit=block:20"})
    await crashes.ready("photo-sync")

    made = await traffic(world)
    await until(lambda: is_deaf(crashes), 60)
    with running_again(world, "photo-sync", tmp_path / "log") as log:
        await until_true(lambda: log.read_text().count(ASSIGNED) == CONSUMERS, 60)
        deaf_meanwhile = await is_deaf(crashes)
        await more_traffic(world, made)
        await crashes.ready("photo-sync")
        await holds(world, made)

    assert deaf_meanwhile, "the partitions moved while their owner was blocked"


async def is_deaf(crashes: Crashes) -> bool:
    """Whether photo-sync takes connections, and answers none."""
    try:
        await crashes.http.get(f"{crashes.stack['PHOTO_SYNC_URL']}/healthz", timeout=2)
    except httpx.ReadTimeout:
        return True
    return False


@contextmanager
def running_again(world: World, name: str, log: Path) -> Iterator[Path]:
    """A second copy of a process, at another port, for the block; its log."""
    given = parse((world.stack.directory / "env.d" / name).read_text())
    environment = processes.inherited(os.environ) | given | {"PAINTBOX_LISTEN": f"127.0.0.1:{free_port()}"}
    process = processes.launch(
        [sys.executable, "-P", "-m", MODULES[name]], log=log, environment=environment, folder=log.parent
    )
    try:
        yield log
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def starved(pid: int, percent: int) -> Iterator[Path]:
    """The process has so much of a processor, whatever else the machine does; skipped where no cgroup can be made."""
    one = Path("/sys/fs/cgroup/cpu")
    group = (one if one.is_dir() else Path("/sys/fs/cgroup")) / f"paintbox-{pid}"
    try:
        group.mkdir()
        if one.is_dir():
            (group / "cpu.cfs_quota_us").write_text(str(percent * 1_000))
        else:
            (group / "cpu.max").write_text(f"{percent * 1_000} 100000")
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no cgroup for processors can be made here: {error}")
    try:
        (group / "cgroup.procs").write_text(str(pid))
        yield group
    finally:
        (group.parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()


async def test_f07_with_a_twentieth_of_a_processor_partitions_do_not_move_to_and_fro(
    world: World, crashes: Crashes, tmp_path: Path
) -> None:
    await crashes.stop("photo-sync")
    log = tmp_path / "log"
    process = crashes.start("photo-sync", log=log)
    await crashes.ready("photo-sync")
    before = log.read_text().count(ASSIGNED)

    with starved(process.pid, 5) as group:
        made = await traffic(world)
        await more_traffic(world, made)
        await world.vendors.row("PROJECTS", PROJECT, made["project"])
        held_up = "nr_throttled 0\n" not in (group / "cpu.stat").read_text()

    await crashes.ready("photo-sync")
    await holds(world, made)
    assert held_up
    assert log.read_text().count(ASSIGNED) <= before + CONSUMERS


@contextmanager
def tiny_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own with almost no room; skipped where this user may mount none."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("process", ["webhook-ingest", "customer-sync"])
async def test_f73_a_full_disk_under_its_log_stops_no_process(
    world: World, crashes: Crashes, tmp_path: Path, process: str
) -> None:
    with tiny_disk(tmp_path / "disk", "64k") as disk:
        log = disk / "log"
        await crashes.stop(process)
        crashes.start(process, log=log)
        await crashes.ready(process)
        await asyncio.to_thread(_fill, disk / "filler")
        await until_true(lambda: os.statvfs(disk).f_bavail == 0)

        made = await traffic(world)
        await more_traffic(world, made)
        await holds(world, made)

        await crashes.stop(process)
    crashes.start(process)
    await crashes.ready(process)


def _fill(file: Path) -> None:
    with file.open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            return
