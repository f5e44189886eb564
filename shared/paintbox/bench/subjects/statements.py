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


def keep(path: Path, batches: list[list[Statement]]) -> None:
    """Adds what batches led to that are applied side by side."""
    with path.open("ab") as file:
        pickle.dump(batches, file, protocol=pickle.HIGHEST_PROTOCOL)


def kept(path: Path) -> Iterator[list[list[Statement]]]:
    """What the batches led to, in order: at a time those that are applied side by side."""
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)  # noqa: S301 - a file that the bench wrote a moment ago
            except EOFError:
                return
