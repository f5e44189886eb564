"""`paintbox migrate` and `paintbox seed`, as typed."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from paintbox.__main__ import app
from paintbox.databases import Database
from paintbox.errors import HOW_TO_REACH, OperatorError
from paintbox.migration_files import read_sources
from paintbox.migrations import SOURCES
from support.postgres import NewDatabase

pytestmark = pytest.mark.database


@pytest.fixture
async def environment(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four empty databases, named as the operator's environment names them."""
    for database in Database:
        monkeypatch.setenv(database.dsn_name, await new_database(None))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.usefixtures("environment")
def test_migrate_shows_a_line_for_each_file_and_then_has_nothing_to_do() -> None:
    first, second = run("migrate"), run("migrate")

    assert first.exit_code == second.exit_code == 0
    lines = first.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == list(Database)
    for database in Database:
        for file in read_sources(SOURCES[database]):
            assert any(line.startswith(f"  {file} ") and line.endswith(" ms") for line in lines)
    assert second.stdout.splitlines() == [line for name in Database for line in (name, "  nothing to do")]


@pytest.mark.usefixtures("environment")
def test_migrate_of_one_database_leaves_the_others_alone() -> None:
    run("migrate", "--database", "estimates")

    left = json.loads(run("migrate", "--dry-run", "--json").stdout)

    assert left["dry_run"] is True
    missing = {report["database"]: len(report["applied"]) for report in left["databases"]}
    assert missing == {name: 0 if name == "estimates" else len(read_sources(SOURCES[name])) for name in Database}
    assert {file["duration_ms"] for report in left["databases"] for file in report["applied"]} == {None}


@pytest.mark.usefixtures("environment")
def test_migrate_reports_as_json_what_it_applied() -> None:
    report = json.loads(run("migrate", "--database", "projects", "--json").stdout)

    [projects] = report["databases"]
    assert projects["database"] == "projects"
    assert [file["name"] for file in projects["applied"]] == [
        file.name for file in read_sources(SOURCES[Database.PROJECTS])
    ]
    assert projects["unknown"] == []


@pytest.mark.usefixtures("environment")
def test_seed_says_what_it_inserted_and_what_was_there() -> None:
    run("migrate")

    first, second = run("seed"), run("seed", "--json")

    assert first.exit_code == 0
    assert first.stdout.splitlines() == [
        "customers.customers     2 inserted, 0 there already",
        "projects.projects       2 inserted, 0 there already",
        "projects.crew_members   2 inserted, 0 there already",
    ]
    assert json.loads(second.stdout) == {
        "tables": [
            {"table": table, "inserted": 0, "present": 2}
            for table in ("customers.customers", "projects.projects", "projects.crew_members")
        ]
    }


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_a_failure_is_one_sentence_with_the_databases_name_and_without_its_password(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for database in Database:
        monkeypatch.setenv(database.dsn_name, "postgresql://owner:hunter2hunter2@127.0.0.1:1/somewhere")

    ended = subprocess.run([sys.executable, "-m", "paintbox", command], capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("error: customers: no connection: ")
    assert ended.stderr.endswith(f": {HOW_TO_REACH}\n")
    assert ended.stderr.count("\n") == 1
    assert "hunter2" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_a_database_that_is_not_named_is_an_error_before_any_is_touched(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for database in Database:
        monkeypatch.delenv(database.dsn_name, raising=False)
    monkeypatch.setenv("PAINTBOX_CUSTOMERS_DSN", "postgresql://owner:hunter2hunter2@127.0.0.1:1/somewhere")

    result = run(command)

    assert isinstance(result.exception, OperatorError)
    assert str(result.exception).startswith("not set: PAINTBOX_PROJECTS_DSN")
