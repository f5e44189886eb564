"""What can go wrong (`tests/architecture/faults.toml`), and the tests that have its ids in their names."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from support.stacks import CHECKOUT

TESTS: Final = CHECKOUT / "tests"
ROWS: Final = TESTS / "architecture" / "faults.toml"
ID: Final = re.compile(r"(?<![a-z0-9])[bf][0-9]{2,3}(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault or a kind of bad input: what holds all the same, or what it waits for."""

    done: str
    holds: str = ""
    needs: str = ""
    waits: str = ""


def rows() -> dict[str, Row]:
    """Every row by its id."""
    return {number: Row(**texts) for number, texts in tomllib.loads(ROWS.read_text()).items()}


def tests() -> dict[str, list[tuple[str, str]]]:
    """The tests of each id that any test names, itself or in its parameters: file and function, in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file in sorted(TESTS.rglob("test_*.py")):
        for name, text in _named(ast.parse(file.read_text())):
            for number in dict.fromkeys(one.upper() for one in ID.findall(text)):
                found.setdefault(number, []).append((str(file.relative_to(TESTS)), name))
    return found


def _named(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Each test of a module, and what its name and those of its parameters say."""
    tables = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, " ".join([node.name, *_texts(node.decorator_list, tables)])


def _texts(nodes: list[ast.expr], tables: dict[str, ast.expr]) -> Iterator[str]:
    """The texts in these expressions, and in the module's tables that they name."""
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Name) and node.id in tables:
            yield from _texts([tables[node.id]], tables)


def page(note: str) -> str:
    """`docs/faults.md`."""
    named, known = tests(), rows()
    lines = [note, "# What can go wrong", "", *INTRODUCTION]
    for letter, title in (("F", "Faults"), ("B", "Bad input")):
        lines += ["", f"## {title}", "", "| id | what is done | what holds | tests |", "|---|---|---|---|"]
        mine = [(number, row) for number, row in known.items() if number[0] == letter and not row.waits]
        lines += [f"| {number} | {row.done} | {_holds(row)} | {_cell(named.get(number, []))} |" for number, row in mine]
    lines += ["", "## What cannot happen yet", "", "| id | what it is | it waits for |", "|---|---|---|"]
    lines += [f"| {number} | {row.done} | {row.waits} |" for number, row in known.items() if row.waits]
    return "\n".join(lines) + "\n"


def _holds(row: Row) -> str:
    return f"{row.holds} (needs {row.needs})" if row.needs else row.holds


def _cell(found: list[tuple[str, str]]) -> str:
    """Each file once, with its tests."""
    return "; ".join(
        f"`{file}`: " + ", ".join(f"`{name}`" for _, name in group)
        for file, group in groupby(found, key=lambda one: one[0])
    )


INTRODUCTION: Final = (
    "Every fault here is really done to real processes, servers and files, by the tests under `tests` that have its id",
    "in their names or in those of their parameters. Where a machine lacks what it takes, a test is skipped and says",
    "what is missing; it never passes. `make prove` does many of them at once, and balances the ledger:",
    "[proof.md](proof.md).",
)
