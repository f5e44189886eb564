"""`paintbox demo`: the whole loop on this machine, compared field by field at the end."""

import asyncio
import json
import shutil
from secrets import randbelow
from typing import Annotated, Final

import typer
from rich.console import Console

from paintbox.commands.options import DirectoryOption, JsonOption
from paintbox.commands.stack import INTERRUPTED, bring_up, require_local_extra
from paintbox.environment import operator_environment

MOST: Final = 100_000
SEEDS: Final = 1_000_000

Many = typer.Option(min=1, max=MOST, help="How many to make.")


def demo(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    accounts: Annotated[int, Many] = 200,
    contacts: Annotated[int, Many] = 1000,
    projects: Annotated[int, Many] = 300,
    photos: Annotated[int, Many] = 3000,
    seed: Annotated[
        int | None, typer.Option(min=0, show_default="drawn", help="The same seed makes the same records.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="For how many seconds at most to wait for the rows.")] = 120,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the traffic of both vendors through the whole stack, and compare every field with what they hold.

    Starts the stack where it is not up, and leaves it up. Exits 1 where anything differs. As often as you like.
    """
    require_local_extra()
    from paintbox.demo import course, further, report, text
    from paintbox.demo.display import Display
    from paintbox.stack import places, postgres
    from paintbox.world.runs import Size

    where = places.find(directory)
    if not all(part.is_up for part in bring_up(directory, Console(stderr=as_json))):
        raise typer.Exit(1)
    size = Size(accounts, contacts, projects, photos)
    chosen = randbelow(SEEDS) if seed is None else seed
    console = Console()
    try:
        with Display(None if as_json else console) as display:
            environment = operator_environment(where.directory)
            came_to = asyncio.run(course.run(environment, where, size, chosen, timeout, display))
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted: the stack stays up, and the simulators behave again")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps(report.as_document(came_to)))
    else:
        programs = None if shutil.which("psql") else postgres.packaged_programs()
        lines = further.text(came_to.run.tag, came_to.examples, where.environment, directory, programs)
        text.show(console, came_to, lines)
    if not came_to.is_equal:
        raise typer.Exit(1)
