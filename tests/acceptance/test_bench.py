"""`paintbox bench --quick` measures on a stack of its own, and says what it found as JSON. No time is judged."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.stacks import CHECKOUT

pytestmark = pytest.mark.xdist_group("bench")


@pytest.fixture
def folder() -> Iterator[Path]:
    """On the disk: a bench asks for more room than there may be in memory."""
    with tempfile.TemporaryDirectory(prefix="paintbox-bench-", dir="/var/tmp") as folder:
        yield Path(folder)


def test_a_quick_bench_measures_every_subject_and_leaves_nothing_running(folder: Path) -> None:
    """Of one workload: `.ci/run` measures all of them quickly."""
    directory, page = folder / "bench", folder / "page"
    command = [sys.executable, "-m", "paintbox", "bench", "D", "--quick", "--json"]
    options = ["--directory", str(directory), "--page", str(page)]

    done = subprocess.run([*command, *options], cwd=CHECKOUT, capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert list(document["workloads"]) == ["D"]
    workload = document["workloads"]["D"]
    assert workload["quick"] is True
    assert all(figure["values"] for figure in workload["figures"])
    assert all(ratio["values"] for ratio in workload["ratios"])
    assert {"asked", "found", "met"} == set(workload["goals"][0])
    rates = [one for one in workload["figures"] if one["measure"] == "events/s"]
    assert min(rate["median"] for rate in rates) > 0
    assert (page / "performance.md").read_text().startswith("<!-- Written by `make bench`")
    assert [each for each in psutil.process_iter(["environ"]) if str(directory) in str(each.info["environ"])] == []
