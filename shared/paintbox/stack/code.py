"""Which code a process of ours was started with, so that the next `up` after an edit starts it anew."""

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

KINDS: Final = frozenset({".py", ".sql", ".json"})
"""What a process reads of its own packages; a migration or a list of reference data is code as much as Python is."""


def digest(*modules: str) -> str:
    """Of the files of these modules, packages whole: the same as long as nothing in them is edited, added or removed.

    A few milliseconds a package. Their times do not count, which a checkout of the same release changes.
    """
    whole = hashlib.sha256()
    for path in sorted(path for module in modules for path in _files(module)):
        whole.update(f"{path}\0{path.stat().st_size}\0".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def _files(module: str) -> Iterator[Path]:
    found = find_spec(module)
    if found is None:
        raise ModuleNotFoundError(module, name=module)
    for folder in found.submodule_search_locations or ():
        yield from (path for path in Path(folder).rglob("*") if path.suffix in KINDS)
    if not found.submodule_search_locations and found.origin:
        yield Path(found.origin)
