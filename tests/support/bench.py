"""Results of `paintbox bench`, without any server."""

from dataclasses import replace
from typing import Final

from paintbox.bench.menu import NOTES
from paintbox.bench.outcomes import RATE, Curve, Figure, Goal, Outcome, Ratio, Table
from paintbox.bench.report import Report, Section

MACHINE: Final = {"processor": "two cores", "memory": "8 GiB", "PostgreSQL": "18", "Kafka": "4", "load": "wrk"}


def an_outcome(rate: float = 2_000.0) -> Outcome:
    return Outcome(
        title="D: rows",
        figures=(Figure("relay", RATE, (rate, 2 * rate, 3 * rate)), Figure("plain", RATE, (1_000.0, 1_000.0, 1_000.0))),
        ratios=(Ratio("relay", "plain", RATE, (2.0, 4.0, 6.0)),),
        goals=(Goal("at least 2 x", 4.0, is_met=True), Goal("at least 9 x", 4.0, is_met=False)),
        notes=("A note.",),
        curves=(Curve("latency", "events/s", "ms", {"p99": [(100.0, 5.0), (500.0, 9.0)]}),),
        tables=(Table("What a row costs", (Figure("relay", "Kafka CPU µs", (rate / 100,)),)),),
    )


def a_report(letters: str = "D", rate: float = 2_000.0, others: float = 0.0, **machine: str) -> Report:
    return Report({**MACHINE, **machine}, {letter: a_section(letter, rate, others, **machine) for letter in letters})


def a_section(letter: str, rate: float = 2_000.0, others: float = 0.0, **machine: str) -> Section:
    """Measured as the bench measures today."""
    outcome = replace(an_outcome(rate), notes=NOTES[letter])
    return Section("2026-11-22", 12.0, False, others, MACHINE | machine, outcome)
