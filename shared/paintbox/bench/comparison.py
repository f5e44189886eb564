"""One report held against an earlier one: a ratio a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from paintbox.bench.figures import spread
from paintbox.bench.report import Report, is_same


@dataclass(frozen=True, slots=True)
class Change:
    """A figure, or a ratio of two, that both reports have: its medians."""

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
    """Every ratio and every figure that both have, in the order of the new one."""
    known = {(letter, subject, measure): value for letter, subject, measure, value in _medians(before)}
    return [
        Change(letter, subject, measure, known[letter, subject, measure], value)
        for letter, subject, measure, value in _medians(now)
        if (letter, subject, measure) in known
    ]


def differences(before: Report, now: Report) -> list[str]:
    """What keeps the two from being held against each other, in sentences."""
    found = []
    for letter, section in now.sections.items():
        earlier = before.sections.get(letter)
        if earlier and not is_same(earlier.machine, section.machine):
            found.append(f"{letter} was on another machine then, or other servers: only ratios may be compared.")
        if earlier and (earlier.is_quick, earlier.outcome.title) != (section.is_quick, section.outcome.title):
            found.append(f"{letter} was other work then ({earlier.outcome.title}): nothing may be compared.")
    return found


def _medians(report: Report) -> Iterator[tuple[str, str, str, float]]:
    for letter, section in report.sections.items():
        for ratio in section.outcome.ratios:
            yield letter, f"{ratio.of} / {ratio.to}", f"ratio of {ratio.measure}", spread(ratio.values).median
        for figure in section.outcome.all_figures:
            yield letter, figure.subject, figure.measure, spread(figure.values).median


def as_document(differing: Sequence[str], found: Sequence[Change]) -> dict[str, Any]:
    """Both as JSON has them."""
    return {"differences": list(differing), "changes": [{**asdict(one), "ratio": one.ratio} for one in found]}
