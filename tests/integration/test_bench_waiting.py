"""A bench that waits for another one in its directory can be called off. No server is started."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from paintbox.stack import kept, places
from paintbox.stack.kept import Kept
from paintbox.stack.places import Places
from support.stacks import CHECKOUT


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_bench_that_waits_for_another_heeds_the_first_signal(tmp_path: Path, asked: signal.Signals) -> None:
    command = [sys.executable, "-m", "paintbox", "bench", "D", "--quick", "--directory", str(tmp_path)]
    kept.write(tmp_path / "stack.json", Kept(is_passing=True))
    with (
        places.locked(Places(CHECKOUT, tmp_path), pytest.fail),
        subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as waiting,
    ):
        try:
            assert waiting.stdout is not None
            assert "waiting until it is done" in waiting.stdout.readline()

            waiting.send_signal(asked)

            assert waiting.wait(timeout=10) == 130
            assert waiting.stdout.read().endswith("interrupted: what this bench had started is stopped\n")
        finally:
            waiting.kill()
    assert (tmp_path / "stack.json").exists()
