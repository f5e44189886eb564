"""A process that a fault asks to end is seen to: how it did is what the proof holds against it."""

from pathlib import Path

import pytest

from paintbox.prove import faults
from paintbox.prove.handles import Handle
from paintbox.stack import places
from support.rigs import a_rig, a_stack
from support.stacks import a_program_part

NAME = "photo-sync"


@pytest.mark.parametrize("kind", ["restart", "rolling-restart"])
async def test_a_fault_that_asks_a_process_to_end_notes_how_it_did(tmp_path: Path, kind: str) -> None:
    stack = a_stack(tmp_path / "rig")
    places.make(stack.places)
    places.fill(stack.places)
    running, idle = (
        Handle(name, a_program_part(name, "import time; time.sleep(600)"), stack) for name in (NAME, f"{NAME}-2")
    )
    rig = a_rig(tmp_path / "rig", running, idle)
    await running.start()
    (fault,) = faults.named([kind])

    await fault.inject(rig, NAME)

    noted = [one.process for one in rig.endings]
    await running.kill()
    await idle.kill()
    assert noted == [NAME]
