"""A report written where people look for it: the page, its pictures, and the JSON that both are made of."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from paintbox.bench import report
from paintbox.bench.page import page
from paintbox.bench.pictures import pictures
from paintbox.bench.report import Report
from paintbox.errors import OperatorError

DOCUMENT: Final = "performance.json"
PAGE: Final = "performance.md"
PICTURES: Final = "performance"


def _before(path: Path) -> Report | None:
    """What was measured before. What cannot be read, as of another release, is no reason to lose what is new."""
    try:
        return report.read(path)
    except OperatorError:
        return None


def try_out(folder: Path) -> None:
    """Raises OSError where `write` would; nothing that is there is changed."""
    for each in (folder, folder / PICTURES):
        each.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=each):
            pass
    for path in (folder / DOCUMENT, folder / PAGE, *(folder / PICTURES).glob("*.svg")):
        with suppress(FileNotFoundError), path.open("r+b"):
            pass


def write(folder: Path, found: Report) -> None:
    """Writes all of it; workloads that were measured before, and not now, stay on the page."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = report.joined(_before(folder / DOCUMENT), found)
    fresh = folder / f".{DOCUMENT}"  # what all figures are kept in is never there by half
    fresh.write_text(json.dumps(report.as_document(whole), indent=1) + "\n", encoding="utf-8")
    fresh.replace(folder / DOCUMENT)
    drawn = pictures(whole)
    (folder / PICTURES).mkdir(exist_ok=True)
    for old in (folder / PICTURES).glob("*.svg"):
        old.unlink()
    for _, name, svg in drawn:
        (folder / PICTURES / name).write_text(svg, encoding="utf-8")
    shown = [(title, f"{PICTURES}/{name}") for title, name, _ in drawn]
    (folder / PAGE).write_text(page(whole, shown), encoding="utf-8")
