"""Where a command's settings come from: the environment, else what the local stack of this checkout wrote."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from paintbox.errors import OperatorError
from paintbox.stack import places
from synckit.names import PUBLIC_NAMES, check_servers

SERVERS: Final = "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"
CONNECTION: Final = re.compile(r"^PAINTBOX_\w+_(DSN|URL|SERVERS)$")


def render(values: Mapping[str, str]) -> str:
    """`NAME='value'` lines, which a shell can source whatever the values hold."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def parse(text: str) -> dict[str, str]:
    """What `render` wrote, or a person in the same way: a name and a value a line, quoted as in a shell."""
    pairs = (word.partition("=") for line in text.splitlines() for word in shlex.split(line, comments=True)[:1])
    return {name: value for name, _, value in pairs}


def operator_environment(directory: Path | None = None) -> dict[str, str]:
    """Our names and their values, for a command. Empty values count as not set.

    A stack's directory that is named counts alone. Else an environment that names any database, URL or broker does.
    Else the file of this checkout's stack fills in what the environment leaves out. Mixing them would let one command
    work on two installations at once. Raises OperatorError where the named directory holds no stack, and where what
    stands for the brokers cannot be any.
    """
    found = _operator_environment(directory)
    try:
        check_servers(found.get(SERVERS, "none:1"))
    except ValueError as error:
        raise OperatorError(f"{SERVERS}: {error}.") from None
    return found


def _operator_environment(directory: Path | None) -> dict[str, str]:
    given = {name: os.environ[name] for name in PUBLIC_NAMES if os.environ.get(name)}
    directory = places.named(directory)
    if directory is None and any(CONNECTION.match(name) for name in given):
        return given
    local = stack_environment(directory)
    if local is None and directory is not None:
        raise OperatorError(f"{directory} holds no stack: `paintbox up --directory {directory}` makes one.")
    return (given | (local or {})) if directory else ((local or {}) | given)


def stack_environment(directory: Path | None = None) -> dict[str, str] | None:
    """What the file of the stack in this directory (of this checkout, by default) says; None where there is none."""
    try:
        file = places.find(directory).environment
    except places.NoCheckoutError:
        return None
    try:
        values = parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise OperatorError(f"{file} is not as `paintbox up` writes it ({error}): run `paintbox up`.") from None
    return {name: value for name, value in values.items() if value}


def require(environment: Mapping[str, str], *names: str) -> list[str]:
    """The values of these names. Raises OperatorError, which names those that are not set."""
    lacking = [name for name in names if not environment.get(name)]
    if lacking:
        raise OperatorError(f"not set: {', '.join(lacking)}. Start the local stack (`make up`), or set them.")
    return [environment[name] for name in names]
