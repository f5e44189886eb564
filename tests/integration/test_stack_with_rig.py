"""A directory in which `paintbox prove` or `bench` was at work before any `up`; it is taken for a stack."""

import os
from pathlib import Path

import pytest

from paintbox.prove import disk
from paintbox.prove.disk import Disk
from paintbox.stack import places
from paintbox.stack.places import Places
from support.local_stack import paintbox
from support.stacks import a_program_part, places_in, up

SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def where(tmp_path: Path) -> Places:
    return places_in(tmp_path / "stack")


def a_rig_of_each(where: Places) -> None:
    for rig in where.rigs:
        places.make(rig)
        places.fill(rig)


def test_a_directory_that_holds_rigs_alone_is_taken_for_a_stack_and_clean_removes_all(where: Places) -> None:
    parts = [a_program_part("a", SLEEP)]
    a_rig_of_each(where)

    results, said = up(where, parts)
    cleaned = paintbox("clean", directory=where.directory)

    assert all(result.is_up for result in results), said
    assert cleaned.returncode == 0, cleaned.stderr
    assert not where.directory.exists()


def test_clean_removes_rigs_where_no_stack_ever_was(where: Places) -> None:
    a_rig_of_each(where)

    paintbox("down", directory=where.directory)
    cleaned = paintbox("clean", directory=where.directory)

    assert cleaned.returncode == 0, cleaned.stderr
    assert not where.directory.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_clean_unmounts_what_a_proof_that_was_killed_had_mounted(where: Places) -> None:
    places.make(where)
    small = disk.mount(where)
    assert isinstance(small, Disk), small

    cleaned = paintbox("clean", directory=where.directory)

    assert cleaned.returncode == 0, cleaned.stderr
    assert not small.folder.exists()
    assert not where.directory.exists()
