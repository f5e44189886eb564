"""`paintbox bench`, as typed: what it refuses before it measures anything, or stops or removes what is not its own."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from paintbox.__main__ import app
from paintbox.bench import publication
from paintbox.errors import OperatorError
from paintbox.stack import kept, stacks
from paintbox.stack.kept import Kept
from paintbox.stack.places import Places
from paintbox.stack.stacks import Stack
from support.bench import a_report


def said(*arguments: str) -> str:
    error = CliRunner().invoke(app, ["bench", "D", "--quick", *arguments]).exception
    assert isinstance(error, OperatorError)
    return str(error)


def test_a_page_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    directory = tmp_path / "bench"

    refused = said("--page", "/proc/none", "--directory", str(directory))

    assert refused.startswith("The page cannot be written to /proc/none (")
    assert not directory.exists()


@pytest.mark.parametrize(
    ("in_the_way", "why"),
    [("performance.md", "Is a directory"), ("performance.json", "Is a directory"), ("performance", "File exists")],
)
def test_so_is_a_page_with_something_else_in_the_place_of_one_of_its_files(
    tmp_path: Path, in_the_way: str, why: str
) -> None:
    directory, page = tmp_path / "bench", tmp_path / "page"
    if in_the_way == "performance":
        page.mkdir()
        (page / in_the_way).touch()
    else:
        (page / in_the_way).mkdir(parents=True)

    refused = said("--page", str(page), "--directory", str(directory))

    assert refused.startswith(f"The page cannot be written to {page} ({why}: {page / in_the_way}):")
    assert not directory.exists()


def test_trying_a_page_out_changes_nothing_on_it(tmp_path: Path) -> None:
    publication.write(tmp_path, a_report("DE"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    publication.try_out(tmp_path)

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["bench", "prove"])
@pytest.mark.parametrize("made_by", ["up", "prove, and up since then"])
def test_a_stack_that_is_no_passing_one_is_left_alone(tmp_path: Path, command: str, made_by: str) -> None:
    data = tmp_path / "postgres/data"
    data.mkdir(parents=True)
    kept.write(tmp_path / "stack.json", Kept(is_passing=made_by != "up"))
    if made_by != "up":
        where = Places(tmp_path, tmp_path)
        stacks.lasting(Stack(where, kept.read(where.kept), None, {}, print))

    done = CliRunner().invoke(app, [command, "--directory", str(tmp_path)])

    assert "holds a stack that was not made to be removed" in f"{done.exception} {' '.join(done.output.split())}"
    assert data.exists()
