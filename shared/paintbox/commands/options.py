"""Options that several commands have, and what all that are looked up in a database have in common."""

import shlex
from pathlib import Path
from typing import Annotated, Final

import typer

LARGEST_SEED: Final = 2**53 - 1
"""The simulators are told it in JSON, and so are the readers of a report: above it, numbers there are not exact."""

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        help="Where the local stack lies; several may run side by side. Without it PAINTBOX_DIRECTORY counts.",
        show_default=".local of the checkout",
        file_okay=False,
    ),
]


def repeated(directory: Path | None) -> str:
    """The option as this command had it, for another command that is to find the same stack."""
    return "" if directory is None else f" --directory {shlex.quote(str(directory))}"


def as_text(given: str | list[str] | None) -> str | list[str] | None:
    """The option or argument as it was given. BadParameter where it is not UTF-8: no database has such a text."""
    for one in [given] if isinstance(given, str) else given or ():
        try:
            one.encode()
        except UnicodeEncodeError:
            raise typer.BadParameter("it is not UTF-8, and so nothing that is stored") from None
    return given


JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
