"""What is held against the processes of a rig: how they ended that were asked to, and all that they logged."""

import os
from pathlib import Path

import pytest

from paintbox.prove import faults
from paintbox.prove.handles import Handle
from paintbox.stack import places, processes
from support.rigs import a_rig, a_stack
from support.stacks import a_program_part

NAME = "photo-sync"


def a_handle(folder: Path, name: str) -> Handle:
    """Of a process that does nothing."""
    stack = a_stack(folder)
    places.make(stack.places)
    places.fill(stack.places)
    return Handle(name, a_program_part(name, "import time; time.sleep(600)"), stack)


@pytest.mark.parametrize("kind", ["restart", "rolling-restart"])
async def test_a_fault_that_asks_a_process_to_end_notes_how_it_did(tmp_path: Path, kind: str) -> None:
    running, idle = (a_handle(tmp_path / "rig", name) for name in (NAME, f"{NAME}-2"))
    rig = a_rig(tmp_path / "rig", running, idle)
    await running.start()
    (fault,) = faults.named([kind])

    await fault.inject(rig, NAME)

    noted = [one.process for one in rig.endings]
    await running.kill()
    await idle.kill()
    assert noted == [NAME]


async def test_whatever_a_process_logged_is_there_to_be_searched_however_much_it_was(tmp_path: Path) -> None:
    handle = a_handle(tmp_path / "rig", NAME)

    for number in range(3):
        handle.log.write_text(str(number))
        os.truncate(handle.log, processes.LARGEST_LOG + 1)
        await handle.start()
        await handle.kill()

    logs = sorted(handle.log.parent.glob(f"{NAME}.log*"))
    assert {log.read_bytes()[:1] for log in logs} == {b"", b"0", b"1", b"2"}
