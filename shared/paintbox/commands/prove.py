"""`paintbox prove`: everything at once, faults at it, and a ledger that must balance."""

import asyncio
import json
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from paintbox.commands.options import LARGEST_SEED, JsonOption
from paintbox.commands.stack import INTERRUPTED, interrupted_by_sigterm, require_local_extra
from paintbox.errors import foreseen

if TYPE_CHECKING:
    from paintbox.prove.course import Order
    from paintbox.prove.report import Proof

SEEDS: Final = 1_000_000
COULD_NOT_RUN: Final = 2
"""What it exits with where nothing is known to be wrong with the product, and nothing is proven."""
WIDTH: Final = 180
"""Of the tables where no terminal says how wide it is."""
MINUTES: Final = 3.0
MOST_MINUTES: Final = 600


MinutesOption = Annotated[
    float | None,
    typer.Option(
        min=0.1, max=MOST_MINUTES, show_default="3", help="For how long to harm it; start and quiet not counted."
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(min=0, max=LARGEST_SEED, show_default="drawn", help="The same seed does the same faults."),
]
FaultsOption = Annotated[
    str | None,
    typer.Option(help="Kinds of faults, comma separated.", show_default="all that this machine can inject"),
]
ReportOption = Annotated[Path | None, typer.Option(dir_okay=False, help="Also write the report as one HTML file.")]
MutantsOption = Annotated[
    str | None,
    typer.Option(help="Instead: run with mistakes and demand that each is caught. Names, comma separated; all; turn."),
]
ControlOption = Annotated[
    bool, typer.Option("--control", help="With --mutants: the same without the mistakes; nothing may be violated.")
]
ItsDirectoryOption = Annotated[
    Path | None,
    typer.Option(file_okay=False, show_default=".local/prove", help="Where its own stack lies; emptied at start."),
]


def prove(  # noqa: PLR0913, PLR0917 - an option is an argument
    minutes: MinutesOption = None,
    seed: SeedOption = None,
    faults: FaultsOption = None,
    report: ReportOption = None,
    mutants: MutantsOption = None,
    control: ControlOption = False,
    directory: ItsDirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start everything twice on ports of its own, harm it in every way, and show that nothing was lost or doubled.

    Drives both vendors' simulators, kills, freezes, cuts and fills what a seed picks, heals, waits for quiet, and then
    balances the ledger of all that was answered 2xx. Exits 1 on any violation, with the story of the first, and 2 where
    it could not be run to its end, or something could not be looked at.
    """
    of_a_proof = {"--minutes": minutes, "--seed": seed, "--faults": faults, "--report": report}
    _refuse_what_contradicts(mutants, [name for name, value in of_a_proof.items() if value is not None], control)
    _refuse_what_is_not_writable(report)
    with _could_not_run(), interrupted_by_sigterm():
        require_local_extra()
        if mutants is not None:
            _hunt(mutants, directory, control=control, as_json=as_json)
        else:
            chosen = randbelow(SEEDS) if seed is None else seed
            proof = _proof(chosen, minutes or MINUTES, faults, directory, Console(stderr=as_json))
            _tell(proof, report, as_json=as_json)


def _refuse_what_contradicts(mutants: str | None, of_a_proof: list[str], control: bool) -> None:
    """Raises BadParameter, before anything is started."""
    if mutants is None and control:
        raise typer.BadParameter("it is for --mutants", param_hint="--control")
    if mutants is not None and of_a_proof:
        raise typer.BadParameter(
            f"each mutant has a plan of its own: {', '.join(of_a_proof)} is for a proof", param_hint="--mutants"
        )


def _refuse_what_is_not_writable(report: Path | None) -> None:
    """Raises BadParameter: a report that cannot be written would be known of after the run only."""
    if report is None:
        return
    report = report.resolve()  # of a link what it leads to, there or not
    try:  # os.access says that root may write anywhere, and it cannot
        try:
            os.close(os.open(report, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except FileExistsError:  # a pipe that nobody reads is refused, not waited for
            os.close(os.open(report, os.O_WRONLY | os.O_NONBLOCK))
        else:
            report.unlink()
    except OSError as error:
        raise typer.BadParameter(f"{report} cannot be written: {error.strerror}", param_hint="--report") from None


@contextmanager
def _could_not_run() -> Iterator[None]:
    """What an operator can do something about ends with another code than a violation, and so does a bug."""
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing was found to be violated
        typer.echo(f"error: {foreseen(error) or traceback.format_exc()}", err=True)
        raise typer.Exit(COULD_NOT_RUN) from None


def _proof(seed: int, minutes: float, faults: str | None, directory: Path | None, console: Console) -> "Proof":
    from paintbox.prove import faults as kinds_of_faults
    from paintbox.prove.course import Order

    kinds = [name.strip() for name in faults.split(",") if name.strip()] if faults is not None else None
    kinds_of_faults.named(kinds)
    try:
        return asyncio.run(_run(Order(seed, minutes, kinds), directory, console))
    except KeyboardInterrupt:
        console.print(f"interrupted: everything is stopped (seed {seed})")
        raise typer.Exit(INTERRUPTED) from None


def _tell(proof: "Proof", report: Path | None, *, as_json: bool) -> None:
    """Exits 1 where something is violated, 2 where nothing is and it is not proven, or the report is not written."""
    from paintbox.prove.html import page
    from paintbox.prove.report import as_document
    from paintbox.prove.text import show

    def say() -> None:
        if as_json:
            typer.echo(json.dumps(as_document(proof), default=str))
        else:
            console = Console()
            show(console if console.is_terminal else Console(width=WIDTH), proof)

    def write() -> None:
        if report is not None:
            report.write_text(page(proof), encoding="utf-8")

    is_told, is_written = _is_done("standard output", say), _is_done(str(report), write)
    if not (proof.is_proven and is_told and is_written):
        raise typer.Exit(1 if proof.is_violated else COULD_NOT_RUN)


def _is_done(what: str, work: Callable[[], None]) -> bool:
    try:
        work()
    except OSError as error:
        typer.echo(f"error: {what} was not written: {error.strerror}", err=True)
        return False
    except SystemExit:  # rich ends the process where nobody reads what it writes
        return False
    return True


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


def _hunt(asked: str, directory: Path | None, *, control: bool, as_json: bool) -> None:
    """Exits 1 where a mutant was not caught, or something was violated without its mistake."""
    from paintbox.output import PartLines
    from paintbox.prove.mutants import hunt

    console = Console(stderr=as_json)
    hunted = []
    for name, with_mistake in _chosen(asked, control=control):
        with PartLines(console, f"{name}: starting") as lines:
            hunted.append(asyncio.run(hunt.hunt(name, directory, lines, with_mistake=with_mistake)))
        for line, style in hunt.told(hunted[-1]):
            console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
    is_well = all(one.is_well for one in hunted)
    if as_json:
        typer.echo(json.dumps({"ok": is_well, "mutants": list(map(hunt.document, hunted))}))
    if not is_well:
        raise typer.Exit(1)


def _chosen(asked: str, *, control: bool) -> list[tuple[str, bool]]:
    """Which mutants, and whether with their mistakes. Raises OperatorError for a name that is none."""
    from datetime import UTC, datetime

    from paintbox.prove.mutants import hunt

    if asked == "turn":
        today = datetime.now(UTC).date()
        names, controls = hunt.turn(today), [hunt.control_of_turn(today)]
    else:
        names, controls = hunt.named([] if asked == "all" else [name.strip() for name in asked.split(",")]), []
    if control:
        return [(name, False) for name in names]
    return [*((name, True) for name in names), *((name, False) for name in controls)]
