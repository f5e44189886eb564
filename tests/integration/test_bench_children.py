"""The processes that `paintbox bench` starts for itself."""

import asyncio
from pathlib import Path
from subprocess import PIPE

import pytest

from paintbox.bench.children import Child
from paintbox.errors import OperatorError


async def test_a_child_that_is_not_done_in_time_is_named(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec("sleep", "600", stdin=PIPE, stdout=PIPE)
    try:
        with pytest.raises(OperatorError, match=r"^sleeper was not done within 0\.1 s: .* its log is "):
            await Child("sleeper", process, tmp_path / "log", longest_seconds=0.1).act(rows=1)
    finally:
        process.kill()
        await process.wait()
