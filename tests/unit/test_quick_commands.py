"""What the operator's program does without: it starts many times a day, and a library costs a part of a second."""

import subprocess
import sys
from pathlib import Path

import pytest

OF_SERVICES = {"faststream", "pydantic", "uvicorn"}


@pytest.mark.parametrize("module", ["paintbox.__main__", "paintbox.stack.parts", "paintbox.status.text"])
def test_commands_that_are_typed_often_read_no_library_of_the_services(module: str) -> None:
    said = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys, {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert OF_SERVICES & set(said.stdout.split()) == set()


@pytest.mark.parametrize("place", ["a file/local", "x" * 300])
def test_a_place_where_nothing_can_be_is_told_in_a_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").touch()

    done = subprocess.run(
        [sys.executable, "-m", "paintbox", "up", "--directory", str(tmp_path / place)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "There can be no such file: name another place." in done.stderr
