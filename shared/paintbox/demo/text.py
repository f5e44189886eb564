"""A report as a person reads it."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from paintbox.demo.examples import Example
from paintbox.demo.latency import Latency
from paintbox.demo.report import Report
from paintbox.world.comparison import Difference, Tally

Line = tuple[str, str | None]
"""A line, and how it is shown on a terminal."""


def show(console: Console, report: Report, further: str) -> None:
    """Prints the report, and in it the lines that say how to look further."""
    console.print()
    console.print(_table(report.tallies))
    for line, style in _lines(report, further):
        console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _table(tallies: Sequence[Tally]) -> Table:
    table = Table(title="this run's records: the databases against what the vendors hold", title_justify="left")
    table.add_column("what")
    for column in ("expected", "equal", "different", "missing"):
        table.add_column(column, justify="right")
    for tally in tallies:
        numbers = (tally.expected, tally.equal, tally.different, tally.missing)
        table.add_row(tally.what, *(f"{number:,}" for number in numbers), style="green" if tally.is_equal else "red")
    return table


def _lines(report: Report, further: str) -> Iterator[Line]:
    for difference in report.differences:
        yield _difference(difference), "red"
    yield "", None
    for latency in report.latencies:
        yield _latency(latency), None
    yield "", None
    for example in report.examples:
        yield _example(example), None
    yield "", None
    for line in further.splitlines():
        yield line, "dim" if line.startswith("#") else None
    yield "", None
    yield _verdict(report), "bold green" if report.is_equal else "bold red"


def _difference(one: Difference) -> str:
    return f"{one.what} {one.record}, {one.column}: expected {_value(one.expected)}, found {_value(one.found)}"


def _value(value: Any) -> str:
    """A column's value; text in quotes, so that None and spaces at its ends are told from it."""
    return repr(value) if isinstance(value, str) else str(value)


def _latency(latency: Latency) -> str:
    if latency.p50 is None or latency.p99 is None:
        return f"{latency.what}: nothing was measured"
    return f"{latency.what}: p50 {latency.p50:.2f} s, p99 {latency.p99:.2f} s of {latency.count:,} ({latency.measures})"


def _example(example: Example) -> str:
    return f"{example.what:<10}{example.text}"


def _verdict(report: Report) -> str:
    run, counts = report.run, report.counts
    came = (
        f"{counts.answered.done:,} deliveries answered, {counts.in_kafka.done:,} records in Kafka, "
        f"{counts.rows.done:,} rows, {counts.keys.done:,} federation keys applied"
    )
    equal = "everything is equal" if report.is_equal else "not everything is equal"
    return f"run {run.tag} (seed {run.seed}) took {report.seconds:.0f} s: {came}; {equal}"
