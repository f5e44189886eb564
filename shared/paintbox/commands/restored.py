"""`paintbox restored`: what a database that was put back to an earlier state must know before its owner is started."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.databases import Database, DatabaseError
from paintbox.environment import SERVERS, operator_environment, require
from paintbox.errors import OperatorError

if TYPE_CHECKING:
    from paintbox.restored import Raised


class Owned(StrEnum):
    """The databases whose owners publish what stands in them."""

    CUSTOMERS = Database.CUSTOMERS
    PROJECTS = Database.PROJECTS


def restored(
    owned: Annotated[Owned, typer.Argument(metavar="customers|projects", help="Which database was put back.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a database was restored from a backup, or that a standby which was behind took over.

    Its owner must not run. Reads from Kafka what the owner has published, and has it go on above the greatest version:
    what is published next is taken by every reader. Rows of the outbox that newer versions have overtaken are dropped.
    Whose projects are is taken over from what was published. Twice is harmless.
    """
    database = Database(owned)
    dsn, servers = require(operator_environment(directory), database.dsn_name, SERVERS)
    try:
        raised = asyncio.run(_raise(dsn, servers, database, dry_run=dry_run))
    except DatabaseError as error:
        raise OperatorError(f"{database}: {error}") from error
    if as_json:
        typer.echo(json.dumps({"database": database, "dry_run": dry_run, **asdict(raised)}))
    else:
        typer.echo("\n".join(_lines(database, raised, dry_run=dry_run)))


async def _raise(dsn: str, servers: str, database: Database, *, dry_run: bool) -> "Raised":
    from paintbox.output import Bar
    from paintbox.restored import raise_floor

    with Bar("reading the topics", 0) as bar:
        return await raise_floor(dsn, servers, database, dry_run=dry_run, on_progress=bar.reach)


def _lines(database: Database, raised: "Raised", *, dry_run: bool) -> Iterator[str]:
    how = "would go" if dry_run else "go"
    if raised.greatest is None:
        yield f"{database}: nothing was ever published"
    elif raised.floor == raised.former:
        yield f"{database}: versions go on from {raised.floor} already, above all of {raised.records:,} records"
    else:
        yield f"{database}: versions {how} on from {raised.floor}, above all of {raised.records:,} records"
    if raised.outdated:
        are = "would be" if dry_run else "are"
        yield f"{raised.outdated:,} rows of the outbox {are} dropped: newer versions of their keys are published"
    if raised.keys or raised.matches:
        are = "would be" if dry_run else "are"
        yield f"{raised.keys:,} relationships and {raised.matches:,} customers of projects {are} taken over"
    for reason, many in sorted(raised.passed_over.items()):
        yield f"{many:,} records are passed over: {reason}"
