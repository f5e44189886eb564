"""A small disk for PostgreSQL's data, which can be filled: memory that root mounts. Where it cannot be, it is said."""

import tempfile
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Final

import psutil

from paintbox.errors import OperatorError
from paintbox.stack import mounts
from paintbox.stack.account import server_account
from paintbox.stack.places import Places
from paintbox.stack.stacks import ELSEWHERE, prefix

SIZE: Final = 2 * 1024**3
NEEDED: Final = 2 * SIZE
"""A filled disk takes its whole size of memory."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system with PostgreSQL's data, and nothing else of ours."""

    folder: Path

    def fill(self) -> None:
        """Leaves no block free. Takes a second or two. Raises OSError where something else ends it."""
        piece = bytes(1024 * 1024)
        with open(self._filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(piece)
            except OSError as error:
                if error.errno != ENOSPC:
                    raise

    def free(self) -> None:
        """Gives back what `fill` took. Harmless where nothing was."""
        self._filler.unlink(missing_ok=True)

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"


def mount(where: Places) -> Disk | str:
    """The disk, mounted where PostgreSQL's account reaches it; else why this machine has none."""
    account = server_account()
    if account is None:
        return "only root mounts a small disk"
    if psutil.virtual_memory().available < NEEDED:
        return f"less than {NEEDED // 1024**3} GiB of memory are free for a small disk"
    folder = Path(tempfile.mkdtemp(prefix=prefix(where), dir=ELSEWHERE))
    options = f"size={SIZE},mode=0700,uid={account.uid},gid={account.gid}"
    try:
        mounts.run("mount", "-t", "tmpfs", "-o", options, "paintbox", str(folder))
    except OperatorError as error:
        folder.rmdir()
        return str(error)
    return Disk(folder)
