"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        envvar="PAINTBOX_DIRECTORY",
        help="Where the local stack lies. Several may run side by side.",
        show_default=".local of the checkout",
        file_okay=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
