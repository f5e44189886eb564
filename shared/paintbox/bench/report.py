"""All that was measured, by workload: as JSON, and put together with what was measured before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from paintbox.bench import outcomes
from paintbox.bench.outcomes import Outcome
from paintbox.errors import OperatorError

FORMAT: Final = 1
LOAD: Final = "load"
"""Of a machine: what generates the load."""
COMPARED: Final = ("processor", "memory", "Python", "PostgreSQL", "Kafka", "aiokafka, asyncpg, uvicorn", LOAD)
"""Where one of these differs, figures do too."""


@dataclass(frozen=True, slots=True)
class Section:
    """One workload: when it was measured, how long that took, and what it came to."""

    measured_on: str
    seconds: float
    is_quick: bool
    others: float
    """How busy the machine was with other work just before: the share of its cores."""
    machine: Mapping[str, str]
    outcome: Outcome
    commit: str = ""
    """Of the code, where that was in a repository."""


@dataclass(frozen=True, slots=True)
class Report:
    """The machine, and the sections by their letter."""

    machine: Mapping[str, str]
    sections: Mapping[str, Section]


def as_document(report: Report) -> dict[str, Any]:
    """One JSON document."""
    return {
        "format": FORMAT,
        "machine": dict(report.machine),
        "workloads": {
            letter: {
                "measured_on": section.measured_on,
                "commit": section.commit,
                "seconds": round(section.seconds, 1),
                "quick": section.is_quick,
                "others": round(section.others, 2),
                "machine": dict(section.machine),
                **outcomes.as_document(section.outcome),
            }
            for letter, section in report.sections.items()
        },
    }


def from_document(document: Mapping[str, Any]) -> Report:
    """The report that `as_document` wrote."""
    workloads = document["workloads"]
    return Report(
        machine=document["machine"],
        sections={letter: _section({"machine": document["machine"], **each}) for letter, each in workloads.items()},
    )


def _section(told: Mapping[str, Any]) -> Section:
    outcome = outcomes.from_document(told)
    where = told["machine"], outcome, told.get("commit", "")
    return Section(told["measured_on"], told["seconds"], told["quick"], told["others"], *where)


def read(path: Path) -> Report:
    """The report in a file. Raises OperatorError where there is none."""
    try:
        return from_document(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperatorError(f"{path} holds no report of `paintbox bench` ({type(error).__name__}).") from error


def joined(before: Report | None, now: Report) -> Report:
    """What is new, and of the rest what was measured before, perhaps on another machine."""
    if before is None:
        return now
    sections = {**before.sections, **now.sections}
    return Report(now.machine, {letter: sections[letter] for letter in sorted(sections)})


def is_same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether figures of both machines may be held against each other."""
    return all(one.get(name) == other.get(name) for name in COMPARED)
