"""A report on a terminal: the same tables as on the page, and what changed against an earlier report."""

from collections.abc import Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from paintbox.bench.comparison import Change
from paintbox.bench.page import number, section_lines
from paintbox.bench.report import Report


def show(console: Console, report: Report) -> None:
    """Every section that was measured now."""
    for letter, section in report.sections.items():
        console.print(Markdown("\n".join(section_lines(letter, section))))
        for goal in section.outcome.goals:
            style = "green" if goal.is_met else "red"
            verdict = "met" if goal.is_met else "not met"
            console.print(f"{letter}: {goal.asked}: {number(goal.found)}, {verdict}", style=style, highlight=False)


def show_changes(console: Console, differing: Sequence[str], changes: Sequence[Change]) -> None:
    """A line a ratio and a figure that both reports have, if any, after what keeps them from being compared."""
    for sentence in differing:
        console.print(sentence, style="yellow", highlight=False)
    if not changes:
        return
    table = Table("", "subject", "measure", "before", "now", "ratio")
    for one in changes:
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        table.add_row(one.workload, one.subject, one.measure, number(one.before), number(one.now), ratio)
    console.print(table)
