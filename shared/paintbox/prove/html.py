"""A proof's report as one HTML file, which needs nothing beside itself."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from paintbox.prove.report import Proof
from paintbox.prove.text import conclusion, fault_cells
from paintbox.prove.verdicts import Verdict

STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.held { color: #176b2c } .violated, .not-recovered, .failed { color: #a4161a; font-weight: 600 }
.nothing-checked { color: #8a6100 } .skipped { color: #777 }
h1.bad { color: #a4161a } h1.good { color: #176b2c }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #ddd } th, td { border-color: #444 } }
"""

Cells = Sequence[object]


def page(proof: Proof) -> str:
    """The whole report."""
    title = f"paintbox prove, {conclusion(proof)}"
    counted = ", ".join(f"{count:,} {name}" for name, count in proof.counted.items())
    parts = [
        f"<h1 class={'good' if proof.is_proven else 'bad'}>{escape(conclusion(proof))}</h1>",
        f"<p>{proof.minutes:g} minutes, through {escape(proof.through)}: {escape(counted)}.</p>",
        "<h2>Invariants</h2>",
        _table(("", "claim", "checked", "violations", "state", ""), map(_invariant, proof.verdicts)),
        *_violations(proof),
        "<h2>Faults</h2>",
        _table(
            ("at", "fault", "lasted", "became", "recovered after"),
            (_row(fault_cells(one), one.outcome) for one in proof.struck),
        ),
        *_list("Died by themselves", proof.died),
        *_list("Skipped on this machine", [f"{name}: {reason}" for name, reason in proof.skipped]),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def _invariant(one: Verdict) -> str:
    cells = (one.invariant, one.claim, f"{one.checked:,}", f"{one.violated:,}", one.state.value, one.note)
    return _row(cells, one.state.value)


def _violations(proof: Proof) -> Iterable[str]:
    for verdict in proof.verdicts:
        if verdict.violated:
            yield from _list(
                f"{verdict.invariant}, {verdict.claim}: {verdict.violated:,} violations",
                [f"{one.subject} {one.what}" for one in verdict.violations],
            )
    for story in proof.stories:
        yield f"<h3>The story of {escape(story.subject)}</h3>"
        yield _table(("when", "where", "by", "what"), (_row((s.at, s.where, s.by, s.what)) for s in story.seen))
        if story.topics_unread:
            yield f"<p>What the topics say is not told: {escape(story.topics_unread)}</p>"


def _list(title: str, lines: Sequence[str]) -> Iterable[str]:
    if lines:
        yield f"<h3>{escape(title)}</h3><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _table(header: Cells, rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(str(cell))}</th>" for cell in header)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(cells: Cells, kind: str = "") -> str:
    style = f' class="{kind.replace(" ", "-")}"' if kind else ""
    return f"<tr{style}>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"
