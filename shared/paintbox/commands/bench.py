"""`paintbox bench`: ratios to what the servers could do at best, and to plain solutions."""

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from paintbox.commands.options import JsonOption
from paintbox.commands.stack import INTERRUPTED, interrupted_by_sigterm, require_local_extra
from paintbox.errors import OperatorError

if TYPE_CHECKING:
    from paintbox.bench.course import Order
    from paintbox.bench.report import Report


WorkloadsArgument = Annotated[
    list[str] | None, typer.Argument(help="A, B, D, E, F: which to measure.", show_default="all")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="A few seconds of each: whether it works, not how fast.")]
LargeOption = Annotated[
    bool, typer.Option("--large", help="Instead: A, B and D grown: more rows, processes, larger bodies. Takes long.")
]
AgainstOption = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Compare with the JSON of an earlier bench.")
]
PageOption = Annotated[
    Path | None,
    typer.Option(
        file_okay=False,
        show_default="docs of the checkout; with --quick nowhere",
        help="Folder for performance.md, performance.json and the pictures.",
    ),
]
DirectoryOption = Annotated[
    Path | None,
    typer.Option(file_okay=False, show_default=".local/bench", help="Where its own stack lies; emptied at start."),
]


def bench(
    workloads: WorkloadsArgument = None,
    quick: QuickOption = False,
    large: LargeOption = False,
    against: AgainstOption = None,
    page: PageOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the services on a stack of its own, beside what one would use instead, in the same rounds.

    Writes docs/performance.md, each workload as soon as it is done. Nothing else should run on the machine meanwhile.
    """
    require_local_extra()
    from paintbox.bench import course, menu, report, sizes
    from paintbox.stack import places

    console = Console(stderr=as_json)
    chosen = menu.named(workloads or [], grown=large)
    order = course.Order(chosen, sizes.QUICK if quick else sizes.FULL, quick, large)
    before = report.read(against) if against else None
    folder = page or (None if quick else places.find_checkout(Path.cwd()) / "docs")
    if folder is not None:
        _require_matplotlib()
        _require_writable(folder)
    unkept: list[OperatorError] = []
    with interrupted_by_sigterm():
        found = _run(order, directory, console, folder, unkept)
    _tell(found, before, as_json=as_json)
    if unkept:
        raise unkept[-1]


def _run(
    order: "Order", directory: Path | None, console: Console, folder: Path | None, unkept: list[OperatorError]
) -> "Report":
    """What could not be written is told at the end: the rest is measured all the same."""
    from paintbox.bench import course

    def keep(found: "Report") -> None:
        if folder is not None:
            try:
                _write(folder, found, console)
                unkept.clear()
            except OperatorError as error:
                unkept.append(error)

    try:
        return course.run(order, directory, console, keep)
    except KeyboardInterrupt:
        console.print("interrupted: what this bench had started is stopped")
        raise typer.Exit(INTERRUPTED) from None


def _require_matplotlib() -> None:
    """Raises OperatorError before anything is measured whose pictures could not be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise OperatorError("The page's pictures need matplotlib: run `make setup`, which installs it.")


def _require_writable(folder: Path) -> None:
    """Raises OperatorError before anything is measured that could not be kept."""
    from paintbox.bench import publication

    try:
        publication.try_out(folder)
    except OSError as error:
        raise OperatorError(
            f"The page cannot be written to {folder} ({error.strerror}: {error.filename}): name another with --page."
        ) from None


def _write(folder: Path, found: "Report", console: Console) -> None:
    """Raises OperatorError where it could be written when that was tried, and cannot any more."""
    from paintbox.bench import publication

    try:
        publication.write(folder, found)
    except OSError as error:
        raise OperatorError(f"The page cannot be written to {folder} any more ({error.strerror}).") from None
    console.print(f"{', '.join(found.sections)} written: {folder / publication.PAGE}", highlight=False, soft_wrap=True)


def _tell(found: "Report", before: "Report | None", *, as_json: bool) -> None:
    from paintbox.bench import comparison, report, text

    changes = [] if before is None else comparison.changes(before, found)
    differing = [] if before is None else comparison.differences(before, found)
    if as_json:
        compared = {} if before is None else {"against": comparison.as_document(differing, changes)}
        typer.echo(json.dumps({**report.as_document(found), **compared}))
        return
    console = Console()
    text.show(console, found)
    if before is not None:
        text.show_changes(console, differing, changes)
