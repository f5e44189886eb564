"""How a process of the stack is started, and what is left of a start that was interrupted."""

import asyncio
import sys
import threading
import time
from pathlib import Path

import pytest

from paintbox.stack import places, processes, programs
from paintbox.stack.programs import Program
from support.stacks import places_in


async def test_who_is_interrupted_waits_for_the_end_of_what_was_being_readied(tmp_path: Path) -> None:
    """An initdb that still writes cannot be removed, nor its disk unmounted."""
    where, begun, ended = places_in(tmp_path / "stack"), threading.Event(), []
    places.make(where)
    places.fill(where)

    def prepare() -> str:
        begun.set()
        time.sleep(0.3)
        ended.append("initdb")
        return sys.executable

    async def ready() -> str | None:
        return None

    program = Program("a", ("-c", "import time; time.sleep(60)"), {}, where.logs, prepare, ready)
    starting = asyncio.create_task(programs.bring_up(where, program, {}))
    await asyncio.to_thread(begun.wait)

    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert ended == ["initdb"]
    assert processes.read_records(where.pids) == {}
