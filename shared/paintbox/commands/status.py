"""`paintbox status`: what runs, how far behind it is, what is held."""

import asyncio
import json

import typer
from rich.console import Console

from paintbox.commands.options import DirectoryOption, JsonOption, repeated
from paintbox.environment import SERVERS, operator_environment, stack_environment
from paintbox.errors import OperatorError


def status(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Show what runs, how far behind it is, and what is held. Exits 1 unless everything is up and ready."""
    from paintbox.stack import places
    from paintbox.status import report, text

    environment = operator_environment(directory)
    if not environment:
        raise OperatorError("Nothing is set up here: `make up` starts the local stack.")
    local = stack_environment(directory)
    is_local = local is not None and local.get(SERVERS) == environment.get(SERVERS)
    found = asyncio.run(report.find_status(environment, places.find(directory) if is_local else None))
    if as_json:
        typer.echo(json.dumps(report.as_document(found)))
    else:
        console = Console()
        for line, style in text.lines(found, repeated(directory)):
            console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    if not found.is_well:
        raise typer.Exit(1)
