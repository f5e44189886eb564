"""Promises about the code that no type checker sees."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.stacks import CHECKOUT

MOST_LINES: Final = 300
MOST_LINES_OF_A_FUNCTION: Final = 40

SOURCES: Final = sorted(
    file for root in ("services", "shared", "tests") for file in (CHECKOUT / root).rglob("*.py") if file.is_file()
)
PRODUCT: Final = [file for file in SOURCES if "tests" not in file.relative_to(CHECKOUT).parts[:1]]


def name(file: Path) -> str:
    return str(file.relative_to(CHECKOUT))


def long_functions(file: Path) -> Iterator[str]:
    """The functions of a module that are longer than they may be. Lines of SQL do not count: it stands for itself."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _lines(node) - sum(_lines(text) - 1 for text in _texts(node))
            if lines > MOST_LINES_OF_A_FUNCTION:
                yield f"{name(file)}:{node.lineno} {node.name}: {lines}"


def _texts(node: ast.AST) -> Iterator[ast.expr]:
    """The outermost pieces of text in a function."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.JoinedStr | ast.Constant):
            yield inner
        else:
            yield from _texts(inner)


def _lines(node: ast.expr | ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    long = {name(file): lines for file in PRODUCT if (lines := len(file.read_text().splitlines())) > MOST_LINES}

    assert long == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    assert [place for file in PRODUCT for place in long_functions(file)] == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "base", "manager", "misc"])
def test_no_module_is_a_junk_drawer(word: str) -> None:
    assert [name(file) for file in PRODUCT if word in file.stem.lower().split("_")] == []


def test_rules_never_wait() -> None:
    waiting = [
        f"{name(file)}:{node.lineno}"
        for file in PRODUCT
        if {"rules", "parsers", "models"} & set(file.parts) or file.stem in {"merge", "facts"}
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
    ]

    assert waiting == []


def test_no_address_of_a_registry_is_committed() -> None:
    pins = [*(CHECKOUT / "requirements").glob("*.txt"), CHECKOUT / "pyproject.toml", CHECKOUT / "deploy/kafka/pom.xml"]

    found = [
        file.name for file in pins for line in file.read_text().splitlines() if "index-url" in line or "pypi" in line
    ]

    assert found == []
