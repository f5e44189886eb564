"""The page of a report, in Markdown: what was measured beside what, the ratios, the goals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from paintbox.bench.figures import spread
from paintbox.bench.menu import NOTES
from paintbox.bench.outcomes import Figure, Goal, Outcome, Ratio
from paintbox.bench.report import Report, Section, is_same
from paintbox.bench.sizes import FULL

INTRODUCTION: Final = f"""\
<!-- Written by `make bench`; do not edit. -->

# Performance

How fast it is, as **ratios in one run on one machine**: to what Kafka, PostgreSQL and an HTTP server could do at best,
and to what one would write instead. Absolute figures differ from machine to machine; on this one the load, both
servers and all services share the cores. Each figure is the median of its section's rounds after a warm-up, with the
least and the greatest: of {FULL.rounds} rounds, of what is grown of {FULL.large_rounds}. Who is compared takes turns
in each round, and a ratio is taken round by round. Not so interleaved are B's sizes of batches, which have rounds of
their own after the others, B+'s process with few contacts, whose rounds are before those with many, and B++, whose
rounds all go one way. CPU is user and system time of the process under test alone, peak RSS the most that it had in
that round. `make bench` measures A, B, D, E and F again, in about half an hour, `make bench BENCH=--large` the grown
ones (A+, B+, B++, D+), in about half an hour. Both write this page and [performance.json](performance.json), each
workload as soon as it is done, and leave on it what was measured before; `paintbox bench --against FILE` compares.
What was found with profilers, and mended or not, is in [profile.md](profile.md).
"""
FLOORED: Final = ("A", "B", "D", "D+", "E")
"""Workloads of whose goals a decision says what the floor is made of."""
FLOORS: Final = (
    "What the floor of a goal that is not met is made of, each on the machine and of the day that it names: [a change "
    "and a webhook at a door](decisions/0040-what-a-change-costs-on-two-cores.md), [from webhook to key]"
    "(decisions/0039-what-a-webhook-costs-on-two-cores.md)."
)
QUIET: Final = 0.15
"""Above this share of the cores others were at work."""
THOUSAND: Final = 1_000
HUNDRED: Final = 100
TEN: Final = 10


def page(report: Report, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """All of it; `pictures` are their titles and files."""
    lines = [INTRODUCTION, "| machine | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in report.machine.items()]
    lines += ["", *_goals(report), *(f"\n![{title}]({file})" for title, file in pictures)]
    for letter, section in report.sections.items():
        lines += ["", *section_lines(letter, section, report.machine)]
    return "\n".join(lines) + "\n"


def _goals(report: Report) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield "| | goal | measured | |"
    yield "|---|---|---|---|"
    for letter, section in report.sections.items():
        for goal in section.outcome.goals:
            where = "".join(f", {one}" for one in _apart(letter, section, report.machine))
            yield f"| {letter} | {goal.asked} | {number(goal.found)} | {_verdict(goal)}{where} |"
    goals = [goal for letter in FLOORED if letter in report.sections for goal in report.sections[letter].outcome.goals]
    if not all(goal.is_met for goal in goals):
        yield ""
        yield FLOORS


def _verdict(goal: Goal) -> str:
    return "met" if goal.is_met else "**not met**"


def _apart(letter: str, section: Section, machine: Mapping[str, str]) -> Iterator[str]:
    """What keeps a section from being read as one of these figures, of this machine, of this bench."""
    if section.is_quick:
        yield "`--quick`"
    if not is_same(section.machine, machine):
        yield "on another machine"
    if section.others > QUIET:
        yield "beside other work"
    if _is_older(letter, section):
        yield "of an older bench"


def _is_older(letter: str, section: Section) -> bool:
    """Whether it was measured otherwise than the bench does now, as its notes tell."""
    return section.outcome.notes != NOTES.get(letter)


def section_lines(letter: str, section: Section, machine: Mapping[str, str] | None = None) -> Iterator[str]:
    """The tables of one workload; `machine` is what a reader takes it to be measured on."""
    outcome = section.outcome
    quick = ", `--quick`: no more than a sign that it works" if section.is_quick else ""
    yield f"## {outcome.title}"
    yield ""
    at = f" at {section.commit}" if section.commit else ""
    yield f"Measured on {section.measured_on}{at}, in {section.seconds:.0f} s, {_rounds(outcome)}{quick}."
    if machine is not None and not is_same(section.machine, machine):
        yield f"On **another machine**: {'; '.join(f'{name} {value}' for name, value in section.machine.items())}."
    if _is_older(letter, section):
        yield "By **an older bench**, which measured otherwise than today's does: as the notes below say."
    if section.others > QUIET:
        yield (
            f"**Other work ran on the machine** ({section.others:.0%} of its cores just before): only the ratios and "
            "the CPU an event say something, and those not much."
        )
    yield ""
    yield from _table(outcome.figures)
    yield from _ratios(outcome.ratios)
    for table in outcome.tables:
        yield from ("", f"### {table.title}", "")
        yield from _table(table.figures)
    if outcome.notes:
        yield ""
        yield from (f"- {note}" for note in outcome.notes)


def _rounds(outcome: Outcome) -> str:
    most = max((len(figure.values) for figure in outcome.figures), default=0)
    return f"{most} rounds" if most > 1 else "one round"


def _table(figures: Sequence[Figure]) -> Iterator[str]:
    measures = list(dict.fromkeys(figure.measure for figure in figures))
    subjects = list(dict.fromkeys(figure.subject for figure in figures))
    known = {(figure.subject, figure.measure): figure for figure in figures}
    yield f"| | {' | '.join(measures)} |"
    yield f"|---|{'---|' * len(measures)}"
    for subject in subjects:
        yield f"| {subject} | {' | '.join(_cell(known.get((subject, measure))) for measure in measures)} |"


def _cell(figure: Figure | None) -> str:
    return "" if figure is None else _spread(figure.values)


def _spread(values: Sequence[float]) -> str:
    found = spread(values)
    middle, low, high = number(found.median), number(found.low), number(found.high)
    return middle if low == high else f"{middle} ({low} to {high})"


def _ratios(ratios: Sequence[Ratio]) -> Iterator[str]:
    if not ratios:
        return
    yield ""
    yield "| ratio | of | |"
    yield "|---|---|---|"
    for ratio in ratios:
        yield f"| {ratio.of} / {ratio.to} | {ratio.measure} | **{_spread(ratio.values)}** |"


def number(value: float) -> str:
    """A figure with as many digits as mean something."""
    size = abs(value)
    if size >= THOUSAND:
        return f"{value:,.0f}"
    if size >= HUNDRED:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= TEN else f"{value:.2f}"
