"""The failpoints of the code, found by reading it: a new step is a new line of the page, and a new crash to survive."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support.stacks import CHECKOUT
from synckit.failpoints import AFTER, BEFORE

ROOTS: Final = (CHECKOUT / "services", CHECKOUT / "shared" / "synckit")


def steps() -> dict[str, str]:
    """Each failpoint's name, and the file that has it. Fails on a name that is no literal, and on one given twice."""
    found: dict[str, str] = {}
    for root in ROOTS:
        for path in sorted(root.rglob("*.py")):
            for name in _of_module(path):
                assert name not in found, f"the failpoint {name} stands in {found[name]} and in {path}"
                found[name] = str(path.relative_to(CHECKOUT))
    return dict(sorted(found.items()))


OPENED: Final = frozenset({"acquire", "commit", "connect", "session", "session_for"})
"""What opens a session without a transaction, or commits: whatever is durable goes through one of these."""


def openings() -> set[str]:
    """The functions that do so, as `module:function`: each has a step, or only reads."""
    return {
        f"{_module(path)}:{function.name}"
        for root in ROOTS
        for path in sorted(root.rglob("*.py"))
        if path.stem != "postgres"
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in OPENED
    }


def _module(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[1:])


def _of_module(path: Path) -> Iterator[str]:
    if path.stem in {"failpoints", "postgres"}:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            called = f"{node.func.value.id}.{node.func.attr}"
            if called == "failpoints.hit":
                yield _literal(node.args[0], path)
            elif called == "postgres.transaction":
                step = _literal(node.args[1], path)
                yield from (f"{step}:{BEFORE}", f"{step}:{AFTER}")


def _literal(node: ast.expr, path: Path) -> str:
    assert isinstance(node, ast.Constant), f"{path}:{node.lineno}: a failpoint's name is a literal"
    assert isinstance(node.value, str)
    return node.value
