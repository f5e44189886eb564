"""What a workload came to: figures by subject and measure, their ratios, the goals, and what has to be said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from paintbox.bench.figures import paired, spread
from paintbox.errors import OperatorError

RATE: Final = "events/s"
CPU: Final = "CPU µs/event"
RSS: Final = "peak RSS MB"
MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """What one subject did in one round. CPU is user and system of the process under test; its peak in bytes."""

    events: int
    seconds: float
    cpu_seconds: float | None = None
    peak_rss: int | None = None
    more: Mapping[str, float] = field(default_factory=dict)
    """Further measures, by names that tell their unit."""

    @property
    def measures(self) -> dict[str, float]:
        """All of it as measures by name."""
        found = {RATE: self.events / self.seconds}
        if self.cpu_seconds is not None:
            found[CPU] = (
                self.cpu_seconds / max(self.events, 1) * 1e6
            )  # a busy machine may answer nothing in a short round
        if self.peak_rss is not None:
            found[RSS] = self.peak_rss / MEGABYTE
        return {**found, **self.more}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of one subject, a value a round."""

    subject: str
    measure: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measure of one subject over that of another, round by round."""

    of: str
    to: str
    measure: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """What was asked for, in words, and what was found: the median of the rounds."""

    asked: str
    found: float
    is_met: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of one or more lines, for a picture."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of another kind than the first ones, under a heading of their own."""

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A workload's results."""

    title: str
    figures: tuple[Figure, ...]
    ratios: tuple[Ratio, ...] = ()
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    tables: tuple[Table, ...] = ()
    """Beside that of `figures`."""

    @property
    def all_figures(self) -> tuple[Figure, ...]:
        """Those of every table."""
        return (*self.figures, *(figure for table in self.tables for figure in table.figures))


def figures_of(runs: Mapping[str, Sequence[Run]]) -> tuple[Figure, ...]:
    """Every measure of every subject, in the order of the subjects."""
    return tuple(
        Figure(subject, measure, tuple(run.measures[measure] for run in of_subject))
        for subject, of_subject in runs.items()
        for measure in of_subject[0].measures
    )


def by_round(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Figures of one round each, in the order of the rounds, put together to figures of all."""
    values: dict[tuple[str, str], tuple[float, ...]] = {}
    for one in figures:
        values[one.subject, one.measure] = (*values.get((one.subject, one.measure), ()), *one.values)
    return tuple(Figure(subject, measure, found) for (subject, measure), found in values.items())


def values_of(figures: Sequence[Figure], subject: str, measure: str) -> tuple[float, ...]:
    """The values of one figure. Raises OperatorError where it was not measured."""
    for figure in figures:
        if (figure.subject, figure.measure) == (subject, measure):
            return figure.values
    raise OperatorError(f"{measure} of {subject} was not measured.")


def ratio(figures: Sequence[Figure], of: str, to: str, measure: str = RATE) -> Ratio:
    """One subject's measure over another's, round by round."""
    return Ratio(of, to, measure, paired(values_of(figures, of, measure), values_of(figures, to, measure)))


def at_least(asked: str, values: Sequence[float], bound: float) -> Goal:
    """A goal that is met where the median is no smaller than the bound."""
    found = spread(values).median
    return Goal(asked, found, found >= bound)


def below(asked: str, values: Sequence[float], bound: float) -> Goal:
    """A goal that is met where the median is smaller than the bound."""
    found = spread(values).median
    return Goal(asked, found, found < bound)


def as_document(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON has it; `from_document` reads it again."""
    return {
        "title": outcome.title,
        "figures": _listed(outcome.figures),
        "ratios": [_described({"of": r.of, "to": r.to, "measure": r.measure}, r.values) for r in outcome.ratios],
        "goals": [{"asked": goal.asked, "found": goal.found, "met": goal.is_met} for goal in outcome.goals],
        "notes": list(outcome.notes),
        "curves": [
            {"title": c.title, "x": c.x, "y": c.y, "lines": {name: list(line) for name, line in c.lines.items()}}
            for c in outcome.curves
        ],
        "tables": [{"title": table.title, "figures": _listed(table.figures)} for table in outcome.tables],
    }


def _listed(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    return [_described({"subject": one.subject, "measure": one.measure}, one.values) for one in figures]


def _described(what: Mapping[str, Any], values: Sequence[float]) -> dict[str, Any]:
    found = spread(values)
    return {**what, "median": found.median, "min": found.low, "max": found.high, "values": list(values)}


def from_document(document: Mapping[str, Any]) -> Outcome:
    """The outcome that `as_document` wrote, today or before there were further tables."""
    return Outcome(
        title=document["title"],
        figures=_figures(document["figures"]),
        ratios=tuple(Ratio(r["of"], r["to"], r["measure"], tuple(r["values"])) for r in document["ratios"]),
        goals=tuple(Goal(goal["asked"], goal["found"], goal["met"]) for goal in document["goals"]),
        notes=tuple(document["notes"]),
        curves=tuple(
            Curve(c["title"], c["x"], c["y"], {n: [(p[0], p[1]) for p in line] for n, line in c["lines"].items()})
            for c in document["curves"]
        ),
        tables=tuple(Table(each["title"], _figures(each["figures"])) for each in document.get("tables", ())),
    )


def _figures(listed: Sequence[Mapping[str, Any]]) -> tuple[Figure, ...]:
    if not all(one["values"] for one in listed):
        raise ValueError("a figure has no values")
    return tuple(Figure(one["subject"], one["measure"], tuple(one["values"])) for one in listed)
