"""`paintbox seed`: the sample rows, for a machine that somebody develops on."""

import asyncio
import json
from dataclasses import asdict

import typer

from paintbox.commands.databases import chosen
from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.databases import DatabaseError
from paintbox.errors import OperatorError
from paintbox.seed import SAMPLES
from paintbox.seed import seed as seed_database


def seed(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Insert the sample customers, projects and crew members that are not there yet. Twice is harmless."""
    seeded = []
    for database, dsn in chosen(list(SAMPLES), directory):
        try:
            seeded += asyncio.run(seed_database(dsn, database))
        except DatabaseError as error:
            raise OperatorError(f"{database}: {error}") from error
    if as_json:
        typer.echo(json.dumps({"tables": [asdict(table) for table in seeded]}))
        return
    for table in seeded:
        typer.echo(f"{table.table:<24}{table.inserted} inserted, {table.present} there already")
