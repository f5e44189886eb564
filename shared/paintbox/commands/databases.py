"""What the commands that work on databases share: which ones, and how they fail."""

from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from paintbox.databases import Database
from paintbox.environment import operator_environment, require

DatabaseOption = Annotated[
    list[Database] | None,
    typer.Option("--database", help="Only this one; may be given several times. All four without it."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def chosen(databases: Sequence[Database] | None) -> list[tuple[Database, str]]:
    """The databases asked for, each once, in the order of their definition, with their DSNs.

    Ends the command where one is not set, before anything is touched.
    """
    wanted = [database for database in Database if not databases or database in databases]
    environment = operator_environment()
    return list(zip(wanted, require(environment, *(database.dsn_name for database in wanted)), strict=True))


def fail(sentence: str) -> NoReturn:
    """End the command with exit code 1 and one sentence."""
    typer.echo(f"error: {sentence}", err=True)
    raise typer.Exit(1)
