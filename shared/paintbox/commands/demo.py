"""`paintbox demo`: the whole loop on this machine, compared field by field at the end."""

import asyncio
import json
import shutil
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from paintbox.commands.options import LARGEST_SEED, DirectoryOption, JsonOption
from paintbox.commands.stack import INTERRUPTED, bring_up, interrupted_by_sigterm, require_local_extra
from paintbox.environment import operator_environment

if TYPE_CHECKING:
    from paintbox.demo.report import Report
    from paintbox.stack.places import Places
    from paintbox.world.runs import Size

MOST: Final = 100_000
SEEDS: Final = 1_000_000

Many = typer.Option(min=1, max=MOST, help="How many to make.")


def demo(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    accounts: Annotated[int, Many] = 200,
    contacts: Annotated[int, Many] = 1000,
    projects: Annotated[int, Many] = 300,
    photos: Annotated[int, Many] = 3000,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST_SEED, show_default="drawn", help="The same seed makes the same records."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="For how many seconds at most to wait for the rows.")] = 120,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the traffic of both vendors through the whole stack, and compare every field with what they hold.

    Starts the stack where it is not up, and leaves it up. Exits 1 where anything differs. As often as you like.
    """
    require_local_extra()
    from paintbox.stack import places
    from paintbox.world.runs import Size

    where = places.find(directory)
    size = Size(accounts, contacts, projects, photos)
    chosen = randbelow(SEEDS) if seed is None else seed
    with interrupted_by_sigterm():
        if not all(part.is_up for part in bring_up(directory, Console(stderr=as_json))):
            raise typer.Exit(1)
        came_to = _run(where, size, chosen, timeout, None if as_json else Console())
    _tell(came_to, where, directory, as_json=as_json)


def _run(where: "Places", size: "Size", seed: int, timeout: float, console: Console | None) -> "Report":
    """Exits where it is interrupted."""
    from paintbox.demo import course
    from paintbox.demo.display import Display

    try:
        with Display(console) as display:
            environment = operator_environment(where.directory)
            return asyncio.run(course.run(environment, where, size, seed, timeout, display))
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted: the stack stays up, and the simulators behave again")
        raise typer.Exit(INTERRUPTED) from None


def _tell(came_to: "Report", where: "Places", directory: Path | None, *, as_json: bool) -> None:
    """Exits 1 where anything differs."""
    from paintbox.demo import further, report, text
    from paintbox.stack import postgres

    if as_json:
        typer.echo(json.dumps(report.as_document(came_to)))
    else:
        programs = None if shutil.which("psql") else postgres.packaged_programs()
        lines = further.text(came_to.run.tag, came_to.examples, where.environment, directory, programs)
        text.show(Console(), came_to, lines)
    if not came_to.is_equal:
        raise typer.Exit(1)
