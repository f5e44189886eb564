"""How the notes of an object are done: what an owner tells the projector."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from synckit.errors import PoisonError
from synckit.mirror.facts import Cause
from synckit.mirror.notes import Note
from synckit.postgres import Connection

Affected = Callable[[Connection, Note, str], Awaitable[Sequence[str]]]
"""The next slice of keys that a note asks to project, after a key ("" to start), in key order."""
Project = Callable[[Connection, Note, Sequence[str]], Awaitable["Projected"]]
"""Projects a slice in the caller's transaction: locks the mirror rows, reads them in a later statement, writes what
differs."""
Refuse = Callable[[Connection, Cause, str, PoisonError], Awaitable[None]]
"""Records, where an operator looks, that an event's row of one key cannot be written. Comes again with each try."""


async def only_kept(_: Connection, __: Cause, ___: str, ____: PoisonError) -> None:
    """Nothing beside what every refusal gets: it is kept, logged and counted."""


def _nothing() -> None:
    """Nothing to report."""


@dataclass(frozen=True, slots=True)
class Projected:
    """What is left to do once a slice is committed: the notes that it made itself, and what it has to report."""

    notes: Sequence[Note] = ()
    report: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Step:
    """How the notes of one object are done."""

    affected: Affected
    project: Project
    keys: str
    """The object whose ids the keys are: its own step, given one of them, projects the same row."""
    refuse: Refuse = only_kept
