"""What a stack keeps between starts: ports, passwords and secrets, each chosen once."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from paintbox.errors import OperatorError
from paintbox.files import write_atomically
from paintbox.stack.layout import Layout


@dataclass(frozen=True, slots=True)
class Kept:
    """The values by their names. Names that a newer version needs are added, none is ever changed by itself."""

    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    postgres_home: str | None = None
    """PostgreSQL's folder where its account could not reach the stack's directory."""
    postgres_programs: str = ""
    """The programs that PAINTBOX_LOCAL_POSTGRES_BIN named when the data was made or last started; '' is the wheel's."""
    layout: Layout = field(default_factory=Layout)
    """What the stack consists of; `up` without an option leaves it as it was chosen."""
    is_passing: bool = False
    """Whether it is of a command that begins from nothing each time (`prove`, `bench`), so that one may remove it."""

    def with_secrets(self, names: Iterable[str]) -> "Kept":
        """The same with a secret of 32 random bytes for each name that has none."""
        return replace(self, secrets={name: secrets.token_urlsafe(32) for name in names} | self.secrets)


def read(path: Path) -> Kept:
    """What the file says; nothing kept where there is no file. Raises OperatorError where it is not ours to read."""
    try:
        values = json.loads(path.read_text())
        return Kept(**{**values, "layout": Layout(**values.get("layout", {}))})
    except FileNotFoundError:
        return Kept()
    except (ValueError, TypeError):
        raise OperatorError(
            f"{path} cannot be read, and with it the stack's passwords are lost: `paintbox clean` removes the stack."
        ) from None


def write(path: Path, kept: Kept) -> None:
    """Keeps it, for its owner alone."""
    write_atomically(path, json.dumps(asdict(kept), indent=2) + "\n")
