"""A fault that has no effect is told as one that could not be done, never as one that was."""

from pathlib import Path

import pytest

from paintbox.prove import faults
from paintbox.prove.disk import Disk
from paintbox.prove.faults.processes import find_faketime
from support.rigs import a_rig


def test_a_library_that_moves_no_clock_is_not_taken_for_one_that_does(tmp_path: Path) -> None:
    other = tmp_path / "libfaketimeMT.so.1"
    other.write_bytes(b"of another architecture")

    assert find_faketime((str(other),)) is None
    assert find_faketime((str(tmp_path / "none.so"),)) is None


def test_the_library_that_works_is_found_behind_one_that_does_not(tmp_path: Path) -> None:
    works = find_faketime()
    if works is None:
        pytest.skip("libfaketime is not installed")
    (tmp_path / "a.so").write_bytes(b"of another architecture")

    assert find_faketime((str(tmp_path / "a.so"), works)) == works


async def test_connections_that_nobody_gives_are_not_taken(tmp_path: Path) -> None:
    (fault,) = faults.named(["postgres-connections"])

    with pytest.raises(OSError, match="Connect call failed"):
        await fault.inject(a_rig(tmp_path), "postgres")


def test_a_disk_that_cannot_be_filled_is_not_full(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    (tmp_path / "filler").symlink_to("/proc/self/clear_refs")  # refuses what is no number

    with pytest.raises(OSError, match="Invalid argument"):
        disk.fill()


def test_a_disk_is_full_once_it_has_no_room(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    (tmp_path / "filler").symlink_to("/dev/full")

    disk.fill()
