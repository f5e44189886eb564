"""`paintbox prove` refuses before it starts anything, and could-not-run is another exit than violated."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paintbox.__main__ import app


def test_what_is_there_is_neither_changed_nor_waited_for_where_a_report_goes(tmp_path: Path) -> None:
    pipe, link, older, leads = (tmp_path / name for name in ("pipe", "link", "older", "leads"))
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nowhere" / "report")
    leads.symlink_to(tmp_path / "report")
    older.write_text("before")

    for refused in (pipe, link, tmp_path / ("x" * 300)):
        assert CliRunner().invoke(app, ["prove", "--report", str(refused)]).exit_code == 2
    for taken in (older, leads):
        assert "no such fault" in CliRunner().invoke(app, ["prove", "--report", str(taken), "--faults", "kil"]).output

    assert older.read_text() == "before"
    assert link.is_symlink()
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mutants", "all", "--seed", "7"], "--seed is for a proof"),
        (["--mutants", "all", "--minutes", "3", "--faults", "kill"], "--minutes, --faults is for a proof"),
        (["--mutants", "all", "--report", "x.html"], "--report is for a proof"),
        (["--report", "/no/such/dir/x.html"], "/no/such/dir/x.html cannot be written"),
        (["--control"], "it is for --mutants"),
        (["--mutants", "typo"], "no such mutant: typo"),
        (["--faults", "kil"], "no such fault: kil"),
        (["--faults", ","], "no fault is named"),
        (["--seed", "9007199254740992", "--faults", "kil"], "less than or equal to 9007199254740991"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_sentence(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["prove", *words], env={"COLUMNS": "300"})

    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_a_report_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["prove", "--report", str(tmp_path)]).exit_code == 2


def test_a_report_that_not_even_root_can_write_is_refused_before_anything_runs() -> None:
    done = CliRunner().invoke(app, ["prove", "--report", "/proc/x.html"], env={"COLUMNS": "300"})

    assert done.exit_code == 2
    assert "/proc/x.html cannot be written" in done.output


def test_a_directory_that_cannot_be_written_is_no_violation() -> None:
    done = CliRunner().invoke(app, ["prove", "--minutes", "0.1", "--directory", "/proc/paintbox-prove"])

    assert done.exit_code == 2
    assert "error: /proc/paintbox-prove" in done.output


def test_nor_does_the_demo_take_a_seed_that_json_does_not_carry() -> None:
    done = CliRunner().invoke(app, ["demo", "--seed", "9007199254740992", "--photos", "0"], env={"COLUMNS": "300"})

    assert done.exit_code == 2
    assert "less than or equal to 9007199254740991" in " ".join(done.output.split())
