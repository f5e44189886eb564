"""What the commands that work on databases share: which ones, and where they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from paintbox.databases import Database
from paintbox.environment import operator_environment, require

DatabaseOption = Annotated[
    list[Database] | None,
    typer.Option("--database", help="Only this one; may be given several times. All four without it."),
]


def chosen(databases: Sequence[Database] | None, directory: Path | None) -> list[tuple[Database, str]]:
    """The databases asked for (all without any), each once, in the order of their definition, with their DSNs.

    Raises OperatorError where one is not set, before anything is touched.
    """
    wanted = [database for database in Database if not databases or database in databases]
    names = [database.dsn_name for database in wanted]
    return list(zip(wanted, require(operator_environment(directory), *names), strict=True))
