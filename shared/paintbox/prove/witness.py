"""What was seen while a proof ran, and what that says of faults, recoveries and doors that could not answer."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from paintbox.prove.checks.operated import Recovery, Window
from paintbox.prove.evidence import Evidence
from paintbox.prove.faults.kind import KAFKA, POSTGRES
from paintbox.prove.nemesis import Event, Phase
from paintbox.prove.nemesis_plan import Stroke
from paintbox.prove.report import Struck
from paintbox.prove.sampling import Samples
from paintbox.prove.verdicts import Verdict, Violation

DOORS: Final = ("webhook-ingest", "edge")
AFTERWARDS_MS: Final = 2_000
"""For how long after a door was away its answers may still be late, and from when on before."""
ASKING: Final = re.compile("restart|clock")
"""The kinds of faults that ask a process to end: a clock can only be moved at a start."""
FORGOTTEN: Final = "forgotten"
UNNOTICED_MS: Final = 10_000
"""For how long a connection that a firewall forgot may be taken for one that works (`TCP_USER_TIMEOUT`): so long its
server is away, though new ones pass at once."""
HEALED: Final = frozenset({Phase.HEALED, Phase.FAILED, Phase.STARTED})
"""Until then a fault was at work, the last of them counts: what it hit may end after its healing, and is away again."""
OVER: Final = frozenset({Phase.RECOVERED, Phase.FAILED, Phase.NOT_RECOVERED})


@dataclass(slots=True)
class Course:
    """What happened so far, and what is known by it."""

    began_ms: int = 0
    """When the nemesis began, from which its events count."""
    events: list[Event] = field(default_factory=list)
    samples: Samples = field(default_factory=Samples)
    acts: int = 0
    unanswered: int = 0
    """Changes at the vendors that had no answer; they may have been made."""
    refused: list[str] = field(default_factory=list)
    """Changes that a simulator would not make."""
    found: Evidence | None = None
    verdicts: list[Verdict] = field(default_factory=list)


def struck(events: Sequence[Event]) -> list[Struck]:
    """Each fault once, when it was done, and the last that was seen of it."""
    found: dict[int, Struck] = {}
    for event in events:
        if event.stroke is not None:
            new = Struck(event.stroke, event.at, None, event.phase.value)
            known = found.get(event.stroke.number, new)
            lasted = round(event.at - known.at, 2) if event.phase in HEALED else known.lasted
            if event.phase is Phase.STARTED and known.outcome in OVER:  # what became of it is known by then
                found[event.stroke.number] = replace(known, lasted=lasted)
                continue
            found[event.stroke.number] = replace(
                known,
                lasted=lasted,
                outcome=event.phase.value,
                recovery_seconds=event.seconds,
                waited_seconds=event.waited,
            )
    return list(found.values())


def recoveries(events: Sequence[Event]) -> list[Recovery]:
    """How each fault ended of which that was seen: a proof that ends early sees none of its last."""
    return [
        Recovery(
            one.stroke.kind,
            one.stroke.target,
            one.recovery_seconds if one.outcome == Phase.RECOVERED else None,
            one.waited_seconds,
        )
        for one in struck(events)
        if one.outcome in OVER
    ]


def deaths(events: Sequence[Event]) -> list[Violation]:
    """Each time that a process ended though no fault had to do with it."""
    return [
        Violation(one.process, f"was found dead {one.at:.1f} s after the beginning")
        for one in events
        if one.phase is Phase.DIED and not one.excuse
    ]


def asked_to_end(events: Sequence[Event]) -> bool:
    """Whether a fault began that asks a process to end."""
    return any(one.phase is Phase.BEGUN and one.stroke and ASKING.search(one.stroke.kind) for one in events)


def harmed(course: Course) -> list[Window]:
    """When a door, or what stands before it, was harmed in whatever way: a try may have no answer then."""
    return _windows(course, lambda stroke: stroke.target.startswith(DOORS))


def astray(course: Course) -> list[Window]:
    """When the clock of a door was wrong: it cannot know then which signatures are stale."""
    return _windows(course, lambda stroke: stroke.target.startswith(DOORS) and stroke.kind.startswith("clock"))


def frozen(course: Course) -> list[Window]:
    """When a door, or what stands before it, was frozen: it can answer nothing then."""
    return _windows(course, lambda stroke: stroke.target.startswith(DOORS) and "freeze" in stroke.kind)


def dead(course: Course) -> list[Window]:
    """When a door was killed, and until it was there again."""
    return _windows(course, lambda stroke: stroke.target.startswith(DOORS) and "kill" in stroke.kind)


def without_servers(course: Course) -> list[Window]:
    """When both servers were harmed at once: a door may refuse only after its 5 s, and the edge asks another one."""
    postgres = _windows(course, lambda stroke: stroke.target == POSTGRES)
    kafka = _windows(course, lambda stroke: stroke.target == KAFKA)
    both = (
        Window(max(one.start_ms, other.start_ms), min(one.end_ms, other.end_ms)) for one in postgres for other in kafka
    )
    return [window for window in both if window.start_ms < window.end_ms]


def _windows(course: Course, wanted: Callable[[Stroke], bool]) -> list[Window]:
    begun = {event.stroke.number: event for event in course.events if event.stroke and event.phase is Phase.BEGUN}
    windows = []
    for event in course.events:
        stroke = event.stroke
        if stroke is not None and event.phase in HEALED and wanted(stroke):
            start = course.began_ms + int(begun[stroke.number].at * 1000)
            end = course.began_ms + int(event.at * 1000) + (UNNOTICED_MS if FORGOTTEN in stroke.kind else 0)
            windows.append(Window(start - AFTERWARDS_MS, end + AFTERWARDS_MS))
    return windows
