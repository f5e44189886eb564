"""Processes that are blocked, or whose log has no room left, and what holds meanwhile."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.crashes import Crashes
from support.waiting import until_true
from support.world import World, holds, more_traffic, traffic

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("crashes")]


async def test_f08_a_loop_that_is_blocked_past_its_session_reorders_and_loses_nothing(
    world: World, crashes: Crashes
) -> None:
    await crashes.stop("photo-sync")
    crashes.start("photo-sync", {"PAINTBOX_FAILPOINTS": "photo_sync.merge:before_commit=block:16"})

    made = await traffic(world)
    await more_traffic(world, made)
    await crashes.ready("photo-sync")

    await holds(world, made)


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
