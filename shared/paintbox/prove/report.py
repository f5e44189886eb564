"""What a proof came to: all that `paintbox prove` says at its end."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from paintbox.prove.nemesis_plan import Stroke
from paintbox.prove.trace import Story
from paintbox.prove.verdicts import State, Verdict


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault, when it was done, and what became of it. When it was to be done is the plan's."""

    stroke: Stroke
    at: float
    """Seconds after the beginning at which it was begun."""
    lasted: float | None
    """Seconds until it was healed; None where that was not seen."""
    outcome: str
    recovery_seconds: float | None = None
    """From the begin of the healing until everything was ready and nothing of then waited, without the time in which
    other faults were at work; None: that was not seen."""
    waited_seconds: float | None = None
    """The same with that time."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The end of a run."""

    seed: int
    minutes: float
    seconds: float
    """All of it: the start, the traffic, the quiet, the checks."""
    through: str
    """What the vendors sent to: the edge, or the doors themselves."""
    counted: Mapping[str, int]
    struck: Sequence[Struck]
    died: Sequence[str]
    """Processes that ended though nobody harmed them."""
    skipped: Sequence[tuple[str, str]]
    """What this machine cannot inject, and why."""
    verdicts: Sequence[Verdict]
    stories: Sequence[Story]
    logs: str
    ended_early: str | None = None
    """Why it could not be run to its end; then the verdicts are of what was seen until then."""

    @property
    def is_proven(self) -> bool:
        """Whether no invariant was violated, and every one of them that can be was looked at."""
        return self.ended_early is None and all(
            verdict.state in {State.HELD, State.SKIPPED} for verdict in self.verdicts
        )

    @property
    def is_violated(self) -> bool:
        """Whether it is known that something is not as it must be; of what was not looked at nothing is known."""
        return any(verdict.state is State.VIOLATED for verdict in self.verdicts)


def as_document(proof: Proof) -> dict[str, Any]:
    """As `--json` prints it."""
    return {
        "ok": proof.is_proven,
        "seed": proof.seed,
        "minutes": proof.minutes,
        "seconds": round(proof.seconds, 1),
        "through": proof.through,
        "counted": dict(proof.counted),
        "invariants": [_verdict(verdict) for verdict in proof.verdicts],
        "faults": [
            {**asdict(one.stroke), "outcome": one.outcome, "recovery_seconds": one.recovery_seconds}
            | {"waited_seconds": one.waited_seconds, "begun_at": one.at, "lasted_seconds": one.lasted}
            for one in proof.struck
        ],
        "died": list(proof.died),
        "skipped": [{"fault": name, "reason": reason} for name, reason in proof.skipped],
        "stories": [story.as_document() for story in proof.stories],
        "logs": proof.logs,
        "ended_early": proof.ended_early,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    shown = ("invariant", "claim", "checked", "violated", "note")
    return {
        **{name: getattr(verdict, name) for name in shown},
        "state": verdict.state.value,
        "violations": [asdict(one) for one in verdict.violations],
    }
