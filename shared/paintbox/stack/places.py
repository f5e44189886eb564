"""Where a local stack lies: the checkout, its directory, and what is in it. One command at a time changes a stack."""

import contextlib
import fcntl
import os
import pwd
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paintbox
from paintbox.errors import OperatorError
from paintbox.files import write_atomically

PROVE: Final = "prove"
BENCH: Final = "bench"
"""The folder in a stack's directory that the rig of `paintbox prove` has for its own stack."""


class NoCheckoutError(OperatorError):
    """The local stack is started from a checkout, and there is none."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files and folders of one stack."""

    checkout: Path
    directory: Path

    def __post_init__(self) -> None:
        """Raises OperatorError where the directory's name is not UTF-8: it is written to files that are."""
        try:
            str(self.directory).encode()
        except UnicodeEncodeError:
            raise OperatorError(f"{self.directory} is not UTF-8: name another with --directory.") from None

    @property
    def kept(self) -> Path:
        """What stays the same between starts; also the sign that the directory is a stack's."""
        return self.directory / "stack.json"

    @property
    def environment(self) -> Path:
        """The operator's names, for a shell to source."""
        return self.directory / "env"

    @property
    def environments(self) -> Path:
        """A file a process, with only what it uses."""
        return self.directory / "env.d"

    @property
    def logs(self) -> Path:
        """A log a process."""
        return self.directory / "logs"

    @property
    def pids(self) -> Path:
        """A pid file a process."""
        return self.directory / "pids"

    @property
    def kafka(self) -> Path:
        """Kafka's configuration and data."""
        return self.directory / "kafka"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data, unless its account cannot reach this folder."""
        return self.directory / "postgres"

    @property
    def lock(self) -> Path:
        """What a command holds while it changes the stack."""
        return self.directory / "lock"

    @property
    def simulators(self) -> Path:
        """What the simulators remember."""
        return self.directory / "simulators"

    @property
    def edge(self) -> Path:
        """What nginx is told, and its temporary files."""
        return self.directory / "edge"

    @property
    def rigs(self) -> "tuple[Places, ...]":
        """The stacks of `paintbox prove` and `paintbox bench` in this directory, whether they are there or not."""
        return tuple(Places(self.checkout, self.directory / name) for name in (PROVE, BENCH))

    def log(self, part: str) -> Path:
        """The part's log."""
        return self.logs / f"{part}.log"


def find_checkout(start: Path) -> Path:
    """The checkout that `start` lies in, else the one that this program was installed from.

    Raises NoCheckoutError where there is neither.
    """
    for folder in [start, *start.parents, Path(paintbox.__file__).resolve().parents[2]]:
        if (folder / "deploy/kafka/pom.xml").exists() and (folder / "pyproject.toml").exists():
            return folder
    raise NoCheckoutError(f"{start} is in no checkout of Paintbox: change to one, where README.md and Makefile lie.")


def named(directory: Path | None) -> Path | None:
    """The directory given, else the one that PAINTBOX_DIRECTORY names; None where neither is."""
    in_environment = os.environ.get("PAINTBOX_DIRECTORY")
    return directory or (Path(in_environment) if in_environment else None)


def find(directory: Path | None) -> Places:
    """The stack in the named directory, by default in `.local` of the checkout. Nothing is made."""
    checkout = find_checkout(Path.cwd())
    return Places(checkout, (named(directory) or checkout / ".local").expanduser().resolve())


def make(places: Places) -> None:
    """Makes the directory where it is missing, for its owner alone; root lets PostgreSQL's account pass through it.

    Raises OperatorError where the directory holds other things, or is another user's: `clean` would remove them.
    """
    places.directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    check_owner(places)
    if not are_ours(places):
        raise OperatorError(f"{places.directory} is not empty and no stack's directory: name another with --directory.")


def are_ours(places: Places) -> bool:
    """Whether the directory is marked as a stack's, or holds nothing but what we have made before it was."""
    return places.kept.exists() or all(_may_be_ours(path.name) for path in places.directory.iterdir())


def _may_be_ours(name: str) -> bool:
    """What a first `up` has made before the file that marks the directory, and rigs that were there before any `up`."""
    return name in {"lock", PROVE, BENCH} or name.startswith(".stack.json.")


def fill(places: Places) -> None:
    """Marks the directory as a stack's and makes its folders. The caller holds the lock."""
    if not places.kept.exists():
        write_atomically(places.kept, "{}\n")
    for folder in (places.environments, places.logs, places.pids, places.kafka, places.simulators):
        folder.mkdir(mode=0o700, exist_ok=True)


def check_owner(places: Places) -> None:
    """Raises OperatorError where the directory is another user's: two users' files in it would lock both out."""
    owner = places.directory.stat().st_uid
    if owner != os.geteuid():
        raise OperatorError(
            f"{places.directory} belongs to {_user(owner)}, and you are {_user(os.geteuid())}: "
            f"run this as {_user(owner)}, or name another directory with --directory."
        )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


@contextlib.contextmanager
def locked(places: Places, on_wait: Callable[[], None]) -> Iterator[None]:
    """Holds the stack's lock, so that one command at a time changes it; `on_wait` is called once where it must wait."""
    descriptor = _lock(places.lock, on_wait)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, on_wait: Callable[[], None]) -> int:
    """The descriptor that holds the lock. Whoever held it before may have removed the file: then it is taken anew."""
    waited = False
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            raise OperatorError(f"{path.parent} was removed meanwhile, by another command.") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not waited:
                on_wait()
            waited = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_still_there(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
