"""What an operator types is looked up in databases: what no database can hold is refused, and says where it stands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from paintbox.__main__ import app
from paintbox.errors import OperatorError
from paintbox.stack import places
from support.set_aside import run

NO_UTF_8 = "\udcff"
"""The byte FF, as Python has it from a command line."""


def texts() -> Iterator[tuple[str, ...]]:
    """Each text that is an option or an argument of a command that looks it up, with that byte in it."""
    commands: Any = typer.main.get_command(app).commands  # type: ignore[attr-defined] # it is a group
    found = [(("parked", name), command) for name, command in commands["parked"].commands.items()]
    for path, command in [*found, (("trace",), commands["trace"])]:
        for one in command.params:
            if one.type_descriptor.annotation in {str, list[str]}:
                option = [name for name in one.opts if name.startswith("--")]
                yield (*path, *option, NO_UTF_8)


@pytest.mark.parametrize("arguments", list(texts()), ids=" ".join)
async def test_b100_a_text_that_is_not_utf_8_exits_2_and_says_where(arguments: tuple[str, ...]) -> None:
    where = arguments[-2] if arguments[-2].startswith("--") else "Invalid value for"

    code, said = await run("postgresql://nobody@127.0.0.1:1/nothing", *arguments)

    assert code == 2
    assert where in said


@pytest.mark.parametrize(
    ("option", "moment"),
    [("--newer-than", "0001-01-01T00:00+14:00"), ("--older-than", "9999-12-31T23:59-14:00")],
)
async def test_b100_a_time_that_is_none_in_utc_exits_2_and_says_where(option: str, moment: str) -> None:
    code, said = await run("postgresql://nobody@127.0.0.1:1/nothing", "parked", "list", option, moment)

    assert code == 2
    assert option in said


def test_b100_a_stack_lies_in_no_directory_whose_name_is_not_utf_8() -> None:
    with pytest.raises(OperatorError, match="is not UTF-8"):
        places.find(Path(NO_UTF_8))
