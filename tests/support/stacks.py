"""Local stacks of tests: in a directory of their own, of the parts that a test needs, stopped at its end."""

import io
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from paintbox.output import PartLines
from paintbox.stack import operate
from paintbox.stack.layout import Layout
from paintbox.stack.parts import PARTS, Part
from paintbox.stack.places import Places
from paintbox.stack.programs import Outcome, Program, bring_up
from paintbox.stack.stacks import Stack
from paintbox.stack.up import Result
from support import canaries

NOTHING: Final[Mapping[str, str]] = {}
CHECKOUT: Final = Path(__file__).parents[2]

Missing = Callable[[], Awaitable[str | None]]


def places_in(folder: Path) -> Places:
    """A stack in this folder, of this checkout."""
    return Places(CHECKOUT, folder)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder for the block that PostgreSQL's account can pass: its data then lies with the rest of the stack."""
    folder = Path(tempfile.mkdtemp(prefix="paintbox-stack-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def parts_named(*names: str) -> tuple[Part, ...]:
    """Those parts of the real stack; what they need of others is taken away."""
    return tuple(
        replace(part, needs=tuple(need for need in part.needs if need in names)) for part in PARTS if part.name in names
    )


def a_program_part(
    name: str, script: str, missing: Missing | None = None, needs: Sequence[str] = (), code: str = ""
) -> Part:
    """A part that runs a Python script, ready as soon as `missing` has nothing to say."""

    async def ready() -> str | None:
        return None

    def program(stack: Stack) -> Program:
        return Program(
            name=name,
            arguments=("-c", script),
            environment={},
            folder=stack.places.logs,
            prepare=lambda: sys.executable,
            missing=missing or ready,
            code=code,
        )

    async def bring_it_up(stack: Stack) -> Outcome:
        return await bring_up(stack.places, program(stack), stack.inherited)

    return Part(name, tuple(needs), bring_it_up, program)


def up(where: Places, parts: Sequence[Part], **environment: str) -> tuple[list[Result], str]:
    """Brings the parts up; what became of each, and what was printed."""
    return up_as(where, lambda _: parts, environment=environment)


def up_as(
    where: Places,
    parts_of: Callable[[Layout], Sequence[Part]],
    number: int | None = None,
    environment: Mapping[str, str] = NOTHING,
) -> tuple[list[Result], str]:
    """Brings up the parts of the stack's layout, each service so often; what became of each, and what was printed."""
    text = io.StringIO()
    with PartLines(Console(file=text, width=200), "starting") as lines:
        results = operate.up(where, parts_of, environment, lines, replicas=number)
    return results, text.getvalue()


def down(where: Places, parts: Sequence[Part]) -> str:
    """Stops the parts; what was printed."""
    text = io.StringIO()
    with PartLines(Console(file=text, width=200), "stopping") as lines:
        operate.stop(where, parts, lines)
    return text.getvalue()


def clean(where: Places, parts: Sequence[Part]) -> str:
    """Stops the parts and removes what the stack made, once it was searched; what was printed."""
    canaries.note(canaries.search_running(where.directory) + canaries.search_stack(where.directory))
    text = io.StringIO()
    with PartLines(Console(file=text, width=200), "stopping") as lines:
        operate.clean(where, parts, lines)
    return text.getvalue()


@contextmanager
def cleaned(where: Places, parts: Sequence[Part]) -> Iterator[None]:
    """Leaves nothing of the stack behind, however the block ends."""
    try:
        yield
    finally:
        clean(where, parts)
