"""One report held against an earlier one: a ratio a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from paintbox.bench.figures import spread
from paintbox.bench.report import Report


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that both reports have: its medians."""

    workload: str
    subject: str
    measure: str
    before: float
    now: float

    @property
    def ratio(self) -> float | None:
        """Now over before; None where that was nothing."""
        return self.now / self.before if self.before else None


def changes(before: Report, now: Report) -> list[Change]:
    """Every figure that both have, in the order of the new one."""
    known = {(letter, subject, measure): value for letter, subject, measure, value in _medians(before)}
    return [
        Change(letter, subject, measure, known[letter, subject, measure], value)
        for letter, subject, measure, value in _medians(now)
        if (letter, subject, measure) in known
    ]


def _medians(report: Report) -> Iterator[tuple[str, str, str, float]]:
    for letter, section in report.sections.items():
        for figure in section.outcome.all_figures:
            yield letter, figure.subject, figure.measure, spread(figure.values).median


def as_document(found: Sequence[Change]) -> list[dict[str, Any]]:
    """The changes as JSON has them."""
    return [{**asdict(one), "ratio": one.ratio} for one in found]
