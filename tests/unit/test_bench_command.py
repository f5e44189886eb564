"""`paintbox bench`, as typed: what it refuses before it measures anything, or stops or removes what is not its own."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from paintbox.__main__ import app
from paintbox.errors import OperatorError
from paintbox.stack import kept
from paintbox.stack.kept import Kept


def said(*arguments: str) -> str:
    error = CliRunner().invoke(app, ["bench", "D", "--quick", *arguments]).exception
    assert isinstance(error, OperatorError)
    return str(error)


def test_a_page_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    directory = tmp_path / "bench"

    refused = said("--page", "/proc/none", "--directory", str(directory))

    assert refused.startswith("The page cannot be written to /proc/none (")
    assert not directory.exists()


@pytest.mark.parametrize("command", ["bench", "prove"])
def test_a_stack_that_is_no_passing_one_is_left_alone(tmp_path: Path, command: str) -> None:
    data = tmp_path / "postgres/data"
    data.mkdir(parents=True)
    kept.write(tmp_path / "stack.json", Kept())

    done = CliRunner().invoke(app, [command, "--directory", str(tmp_path)])

    assert "holds a stack that was not made to be removed" in f"{done.exception} {' '.join(done.output.split())}"
    assert data.exists()
