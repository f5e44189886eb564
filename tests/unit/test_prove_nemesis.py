"""The nemesis of a rig: the same seed does the same on every machine, but for what a machine cannot do."""

from pathlib import Path

from paintbox.prove.disk import Disk
from support.rigs import a_rig


def test_what_a_machine_cannot_inject_changes_nothing_of_what_it_can(tmp_path: Path) -> None:
    able, unable = a_rig(tmp_path, disk=Disk(tmp_path)), a_rig(tmp_path)

    there, here = able.nemesis(7, 10).plan, unable.nemesis(7, 10).plan

    assert [stroke for stroke in there if stroke.kind == "postgres-disk-full"]
    assert [stroke for stroke in there if stroke.kind != "postgres-disk-full"] == here
    assert ("postgres-disk-full", "it has no small disk") in unable.skipped
    assert able.skipped == [one for one in unable.skipped if one[0] != "postgres-disk-full"]
