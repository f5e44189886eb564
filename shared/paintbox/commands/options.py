"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        help="Where the local stack lies; several may run side by side. Without it PAINTBOX_DIRECTORY counts.",
        show_default=".local of the checkout",
        file_okay=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
