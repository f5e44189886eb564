"""Statements as they were sent to PostgreSQL, with their parameters, kept in a file of the bench."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Statement = tuple[str, str, tuple[Any, ...]]
"""The database, the text, the parameters."""


def begin(path: Path) -> None:
    """An empty file."""
    path.write_bytes(b"")


def keep(path: Path, statements: list[Statement]) -> None:
    """Adds what one batch led to."""
    with path.open("ab") as file:
        pickle.dump(statements, file, protocol=pickle.HIGHEST_PROTOCOL)


def kept(path: Path) -> Iterator[list[Statement]]:
    """What each batch led to, in order."""
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)  # noqa: S301 - a file that the bench wrote a moment ago
            except EOFError:
                return
