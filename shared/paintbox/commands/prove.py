"""`paintbox prove`: everything at once, faults at it, and a ledger that must balance."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from paintbox.commands.options import JsonOption
from paintbox.commands.stack import INTERRUPTED, require_local_extra

if TYPE_CHECKING:
    from paintbox.prove.course import Order
    from paintbox.prove.report import Proof

SEEDS: Final = 1_000_000
COULD_NOT_RUN: Final = 2
"""What it exits with where nothing is known to be wrong with the product, and nothing is proven."""
WIDTH: Final = 180
"""Of the tables where no terminal says how wide it is."""


def prove(
    minutes: Annotated[
        float, typer.Option(min=0.1, max=600, help="For how long to harm it; start and quiet not counted.")
    ] = 3,
    seed: Annotated[
        int | None, typer.Option(min=0, show_default="drawn", help="The same seed does the same faults.")
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(help="Kinds of faults, comma separated.", show_default="all that this machine can inject"),
    ] = None,
    report: Annotated[Path | None, typer.Option(dir_okay=False, help="Also write the report as one HTML file.")] = None,
    mutants: Annotated[
        str | None,
        typer.Option(
            help="Instead: run with mistakes and demand that each is caught. Names, comma separated; all; turn."
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(file_okay=False, show_default=".local/prove", help="Where its own stack lies; emptied at start."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start everything twice on ports of its own, harm it in every way, and show that nothing was lost or doubled.

    Drives both vendors' simulators, kills, freezes, cuts and fills what a seed picks, heals, waits for quiet, and then
    balances the ledger of all that was answered 2xx. Exits 1 on any violation, with the story of the first.
    """
    require_local_extra()
    if mutants is not None:
        _hunt(mutants, directory, as_json=as_json)
    else:
        chosen = randbelow(SEEDS) if seed is None else seed
        proof = _proof(chosen, minutes, faults, directory, Console(stderr=as_json))
        _tell(proof, report, as_json=as_json)


def _proof(seed: int, minutes: float, faults: str | None, directory: Path | None, console: Console) -> "Proof":
    from paintbox.prove import faults as kinds_of_faults
    from paintbox.prove.course import Order

    kinds = [name.strip() for name in faults.split(",") if name.strip()] if faults else None
    kinds_of_faults.named(kinds)
    try:
        return asyncio.run(_run(Order(seed, minutes, kinds), directory, console))
    except KeyboardInterrupt:
        console.print(f"interrupted: everything is stopped (seed {seed})")
        raise typer.Exit(INTERRUPTED) from None


def _tell(proof: "Proof", report: Path | None, *, as_json: bool) -> None:
    """Exits 1 where it is not proven, 2 where it ended early and nothing was violated until then."""
    from paintbox.prove.html import page
    from paintbox.prove.report import as_document
    from paintbox.prove.text import show

    if report is not None:
        report.write_text(page(proof), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(as_document(proof), default=str))
    else:
        console = Console()
        show(console if console.is_terminal else Console(width=WIDTH), proof)
    if not proof.is_proven:
        raise typer.Exit(1 if proof.is_violated else COULD_NOT_RUN)


async def _run(order: "Order", directory: Path | None, console: Console) -> "Proof":
    from paintbox.output import PartLines
    from paintbox.prove import course
    from paintbox.prove.display import Display
    from paintbox.prove.rig import Rig

    console.print(f"seed {order.seed}", highlight=False)
    async with AsyncExitStack() as stack:
        with PartLines(console, "starting") as lines:
            rig = await stack.enter_async_context(Rig.open(directory, lines=lines))
        with Display(console) as display:
            return await course.run(rig, order, display)


def _hunt(asked: str, directory: Path | None, *, as_json: bool) -> None:
    """Exits 1 where a mutant was not caught."""
    from datetime import UTC, datetime

    from paintbox.output import PartLines
    from paintbox.prove.mutants import hunt

    console = Console(stderr=as_json)
    if asked == "turn":
        names = hunt.turn(datetime.now(UTC).date())
    else:
        names = hunt.named([] if asked == "all" else [name.strip() for name in asked.split(",")])
    caught = []
    for name in names:
        with PartLines(console, f"{name}: starting") as lines:
            caught.append(asyncio.run(hunt.catch(name, directory, lines)))
        for line, style in hunt.told(caught[-1]):
            console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
    if as_json:
        typer.echo(
            json.dumps({"ok": all(one.is_caught for one in caught), "mutants": list(map(hunt.document, caught))})
        )
    if not all(one.is_caught for one in caught):
        raise typer.Exit(1)
