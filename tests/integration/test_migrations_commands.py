"""`paintbox migrate` and `paintbox seed`, as typed."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from paintbox.commands.migrate import migrate
from paintbox.commands.seed import seed
from paintbox.databases import Database
from paintbox.migration_files import read_sources
from paintbox.migrations import SOURCES
from support.postgres import NewDatabase

pytestmark = pytest.mark.database

DSN_NAMES = tuple(database.dsn_name for database in Database)


@pytest.fixture
async def environment(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four empty databases, named as the operator's environment names them."""
    for database in Database:
        monkeypatch.setenv(database.dsn_name, await new_database(None))


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(migrate)
    app.command()(seed)
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


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_a_failure_is_one_sentence_on_standard_error_without_a_password(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("PAINTBOX_CUSTOMERS_DSN", "postgresql://owner:hunter2hunter2@127.0.0.1:1/customers")

    result = run(command)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: customers: no connection: ")
    assert result.stderr.count("\n") == 1
    assert "hunter2" not in result.output


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_a_database_that_the_environment_does_not_name_is_an_error_before_anything_is_touched(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for name in DSN_NAMES:
        monkeypatch.delenv(name, raising=False)

    result = run(command)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: not set: PAINTBOX_CUSTOMERS_DSN, PAINTBOX_PROJECTS_DSN")
