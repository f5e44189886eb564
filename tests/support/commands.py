"""The `paintbox …` lines of a document, and whether the command takes them."""

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, Final

import typer.main

from paintbox.__main__ import app

BLOCK: Final = re.compile(r"^ *```\w*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
SPAN: Final = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
CALL: Final = re.compile(r"(?<![\w/.-])(?:[\w.-]*/)*paintbox[ \t]+((?:<\w+>|[^\n|;&<>)#])+)")
PLACEHOLDERS: Final = {"N": "2", "ID": "17", "FILE": "/dev/null"}
"""What stands for a number or a file. What stands for a text is a text itself."""


def written(document: str) -> Iterator[str]:
    """What is written behind `paintbox`, in blocks of code and in spans, which may go on in the next line."""
    for block in BLOCK.findall(document):
        yield from (call.strip() for call in CALL.findall(block))
    for _, span in SPAN.findall(BLOCK.sub("", document)):
        yield from (call.strip() for call in CALL.findall(" ".join(span.split())))


def refused(line: str) -> str | None:
    """Why no such command can be run, or None. Of a command that is only named no argument is demanded."""
    command: Any = typer.main.get_command(app)  # built anew by each call: what is changed here stays here
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line.replace("[", "").replace("]", ""))]
    found = command
    for depth, word in enumerate(words):
        found.callback = None
        if not (commands := getattr(found, "commands", None)) or word.startswith("-"):
            break
        if word not in commands:
            return f"`{word}` is no command"
        found = commands[word]
        if depth == len(words) - 1:
            return None
    found.callback = None
    return _parsed(command, words)


def _parsed(command: Any, words: list[str]) -> str | None:
    """What is said to a command line that is read to its end and then does nothing."""
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            command.main(args=words, prog_name="paintbox")
    except SystemExit as end:
        return said.getvalue() if end.code else None
    return None
