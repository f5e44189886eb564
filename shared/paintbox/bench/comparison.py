"""One report held against an earlier one: a ratio a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from paintbox.bench.figures import spread
from paintbox.bench.report import LOAD, Report, Section, is_same


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
    """Every ratio and every figure that may be compared, in the order of the new one: of the same work, and figures of
    the same machine."""
    found = []
    for letter, section in now.sections.items():
        earlier = before.sections.get(letter)
        if earlier is None or not _is_same_work(earlier, section) or not _means_the_same(earlier, section):
            continue
        whole = is_same(earlier.machine, section.machine)
        known = dict(_medians(earlier, whole=whole))
        found += [Change(letter, *of, known[of], value) for of, value in _medians(section, whole=whole) if of in known]
    return found


def differences(before: Report, now: Report) -> list[str]:
    """What keeps the two from being held against each other, in sentences."""
    found = []
    for letter, section in now.sections.items():
        earlier = before.sections.get(letter)
        if earlier is None:
            found.append(f"{letter} was not measured then: there is nothing to compare it with.")
            continue
        if not is_same(earlier.machine, section.machine):
            found.append(f"{letter} {_elsewhere(earlier, section)}: only ratios may be compared.")
        if not _is_same_work(earlier, section):
            found.append(f"{letter} was {_other_work(earlier, section)}: nothing may be compared.")
        elif not _means_the_same(earlier, section):
            found.append(f"{letter} is measured otherwise now, as its notes tell: nothing may be compared.")
    return found


def _elsewhere(earlier: Section, now: Section) -> str:
    """What was another one then: the load's generator and nothing else, or the machine."""
    if is_same({**earlier.machine, LOAD: now.machine.get(LOAD, "")}, now.machine):
        return f"had its load from another generator then ({earlier.machine.get(LOAD, 'not said')})"
    return "was on another machine then, or with other servers or libraries"


def _other_work(earlier: Section, now: Section) -> str:
    if earlier.is_quick == now.is_quick:
        return f"other work then ({earlier.outcome.title})"
    then, today = ("quickly" if section.is_quick else "in full" for section in (earlier, now))
    return f"measured {then} then, and {today} now"


def _is_same_work(earlier: Section, now: Section) -> bool:
    return (earlier.is_quick, earlier.outcome.title) == (now.is_quick, now.outcome.title)


def _means_the_same(earlier: Section, now: Section) -> bool:
    """Whether both say alike how they were measured. A workload that is changed gets other notes."""
    return earlier.outcome.notes == now.outcome.notes


def _medians(section: Section, *, whole: bool) -> Iterator[tuple[tuple[str, str], float]]:
    """Of its ratios, and of all of it of its figures too: by subject and measure."""
    for ratio in section.outcome.ratios:
        yield (f"{ratio.of} / {ratio.to}", f"ratio of {ratio.measure}"), spread(ratio.values).median
    if whole:
        for figure in section.outcome.all_figures:
            yield (figure.subject, figure.measure), spread(figure.values).median


def as_document(differing: Sequence[str], found: Sequence[Change]) -> dict[str, Any]:
    """Both as JSON has them."""
    return {"differences": list(differing), "changes": [{**asdict(one), "ratio": one.ratio} for one in found]}
