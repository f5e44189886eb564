"""`paintbox migrate`: the schema of this code, in the databases that the environment names."""

import asyncio
import json
from dataclasses import asdict, dataclass, field
from typing import Annotated

import typer

from paintbox.commands.databases import DatabaseOption, chosen
from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.databases import Database, DatabaseError
from paintbox.errors import OperatorError
from paintbox.migrations import Applied, OnProgress, Progress, Unknown, Waiting
from paintbox.migrations import migrate as migrate_database


@dataclass(slots=True)
class _Report:
    """What happened in one database, as `--json` shows it."""

    database: Database
    applied: list[Applied] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)


def migrate(
    database: DatabaseOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name what is missing, and change nothing.")] = False,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the databases to the schema of this release. A second run does nothing; two at once are safe."""
    reports = []
    for name, dsn in chosen(database, directory):
        show = _quiet if as_json else _show(dry_run=dry_run)
        if not as_json:
            typer.echo(name)
        try:
            reports.append(asyncio.run(_migrate_one(name, dsn, dry_run=dry_run, show=show)))
        except DatabaseError as error:
            raise OperatorError(f"{name}: {error}") from error
        if not as_json and not reports[-1].applied:
            typer.echo("  nothing to do")
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "databases": [asdict(report) for report in reports]}))


async def _migrate_one(database: Database, dsn: str, *, dry_run: bool, show: OnProgress) -> _Report:
    report = _Report(database)

    def note(progress: Progress) -> None:
        if isinstance(progress, Unknown):
            report.unknown.append(progress)
        show(progress)

    report.applied = await migrate_database(dsn, database, dry_run=dry_run, on_progress=note)
    return report


def _quiet(progress: Progress) -> None:
    """For `--json`, whose report comes at the end."""


def _show(*, dry_run: bool) -> OnProgress:
    def show(progress: Progress) -> None:
        match progress:
            case Applied(source, name, duration_ms):
                typer.echo(f"  {source + '/' + name:<60}{'to be applied' if dry_run else f'{duration_ms:>7} ms'}")
            case Waiting(what):
                typer.echo(f"  waiting for {what}")
            case Unknown(source, name):
                typer.echo(f"  {source + '/' + name:<60}applied by a newer release")

    return show
