"""A whole local stack, as its user has it: the commands of the operator, and what they wrote down."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paintbox.environment import parse
from support import canaries
from support.stacks import CHECKOUT, open_folder

SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running stack: where it lies, and what its operator knows."""

    directory: Path
    environment: dict[str, str]

    def __getitem__(self, name: str) -> str:
        """The value of `PAINTBOX_<name>`."""
        return self.environment[f"PAINTBOX_{name}"]

    def logs(self) -> str:
        """Everything that its processes have logged."""
        return "".join(file.read_text() for file in sorted((self.directory / "logs").iterdir()))


@contextmanager
def whole_stack() -> Iterator[LocalStack]:
    """A stack of its own for the block, started and removed as a user does it."""
    with open_folder() as folder:
        directory = folder / "local"
        try:
            started = paintbox("up", directory=directory)
            assert started.returncode == 0, started.stdout + started.stderr
            yield LocalStack(directory, parse((directory / "env").read_text()))
        finally:
            stopped = paintbox("clean", directory=directory)
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr


def paintbox(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command of the operator on a stack, which is searched before it is removed; what it says is, too."""
    if arguments[0] == "clean":
        canaries.note(canaries.search_running(directory) + canaries.search_stack(directory))
    command = [sys.executable, "-m", "paintbox", *arguments, "--directory", str(directory)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=SECONDS, check=False)
    if arguments[0] != "demo":  # its lines for a shell tell of a person that it makes up
        canaries.note(canaries.search_text(f"what {arguments[0]} says", (done.stdout + done.stderr).encode()))
    return done
