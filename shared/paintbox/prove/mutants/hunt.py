"""Catching mutants: each on a rig of its own, through its plan, to the checks that must then be violated."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from aiokafka.errors import KafkaError

from paintbox.errors import OperatorError
from paintbox.output import PartLines
from paintbox.prove import evidence, judge, quiet, sampling
from paintbox.prove.checks import operated
from paintbox.prove.handles import Variation
from paintbox.prove.mutants.acting import Acting
from paintbox.prove.mutants.plans import MUTANTS, Mutant
from paintbox.prove.nemesis import FAILURES
from paintbox.prove.rig import Rig
from paintbox.prove.verdicts import State, Verdict
from paintbox.world import steering

REST_SECONDS: Final = 60.0
RESTLESS_SECONDS: Final = 20.0
"""How long a mutant is waited for that may never come to rest: then what it left is judged."""
NEVER_LATE: Final = frozenset({"I4", "F25"})
"""What cannot be violated by being late only."""
TURN: Final = 2
"""How many are caught a day, by turns."""


@dataclass(frozen=True, slots=True)
class Hunted:
    """What became of a plan: with its mistake it must be caught, as a control nothing may be violated."""

    name: str
    with_mistake: bool
    seconds: float
    """Of its plan and the checks; the start of its rig is not counted."""
    violated: Sequence[Verdict]
    problem: str | None = None
    """Why its plan did not come to its end."""
    lacks: Sequence[str] = ()
    """What had not come to rest."""

    @property
    def is_well(self) -> bool:
        """Whether it is as it must be."""
        if self.problem is not None:
            return False
        return bool(self.telling) if self.with_mistake else not (self.violated or self.lacks)

    @property
    def telling(self) -> list[Verdict]:
        """What was violated because of the mistake: what is only late, where all should have come to rest, is not."""
        mutant = MUTANTS[self.name]
        is_late = bool(self.lacks) and mutant.comes_to_rest
        told = mutant.violates & NEVER_LATE if is_late else mutant.violates
        return [one for one in self.violated if one.invariant in told]


def named(names: Sequence[str]) -> list[str]:
    """These mutants; all for none. Raises OperatorError for a name that is none."""
    unknown = sorted(set(names) - MUTANTS.keys())
    if unknown:
        raise OperatorError(f"no such mutant: {', '.join(unknown)}. There are: {', '.join(MUTANTS)}.")
    return list(names or MUTANTS)


def turn(today: date) -> list[str]:
    """The mutants of a day: two by turns, all within four days."""
    names = list(MUTANTS)
    first = today.toordinal() * TURN % len(names)
    return [names[(first + number) % len(names)] for number in range(TURN)]


def control_of_turn(today: date) -> str:
    """The one of a day's mutants whose plan is also run without its mistake: each once within eight days."""
    names = turn(today)
    return names[today.toordinal() * TURN // len(MUTANTS) % TURN]


async def hunt(name: str, directory: Path | None, lines: PartLines, *, with_mistake: bool = True) -> Hunted:
    """Runs the mutant's plan on a rig in which the mistake is made, and judges what it left.

    Without the mistake the same plan must violate nothing: else it would prove nothing about the checks.
    """
    mutant = MUTANTS[name]
    variations = {
        process: Variation(words=("-m", "paintbox.prove.mutants", name, module))
        for process, module in mutant.mistaken.items()
        if with_mistake
    }
    rests = mutant.comes_to_rest or not with_mistake
    async with Rig.open(directory, replicas=mutant.replicas, variations=variations, lines=lines) as rig:
        began = time.monotonic()
        problem = await _expose(rig, mutant, with_mistake=with_mistake)
        limit = REST_SECONDS if rests else RESTLESS_SECONDS
        rest = await quiet.until_rest(rig.environment, limit, lambda _: None)
        violated = [one for one in await _judge(rig) if one.state is State.VIOLATED]
        return Hunted(name, with_mistake, time.monotonic() - began, violated, problem, rest.lacks)


async def _expose(rig: Rig, mutant: Mutant, *, with_mistake: bool) -> str | None:
    try:
        async with steering.connected(rig.environment) as simulators:
            await steering.only_be_patient(simulators)
            await mutant.exposes(Acting(rig, simulators, with_mistake))
    except (*FAILURES, KafkaError) as error:
        return str(error) or type(error).__name__
    return None


async def _judge(rig: Rig) -> list[Verdict]:
    found = await evidence.read(rig.environment)
    deadlocks = sampling.deadlocks_in(rig.stack.places.logs.glob("postgres.log*"))
    return [*judge.verdicts(found), operated.there_were_no_deadlocks({"its log": deadlocks})]


def told(hunted: Hunted) -> Iterator[tuple[str, str]]:
    """What became of a plan, in lines, each with how it is shown."""
    what = {
        (True, True): "caught",
        (True, False): "NOT caught",
        (False, True): "without its mistake nothing is violated",
        (False, False): "NOT well without its mistake",
    }[hunted.with_mistake, hunted.is_well]
    yield f"{hunted.name}: {what} after {hunted.seconds:.1f} s", "green" if hunted.is_well else "bold red"
    if hunted.problem is not None:
        yield f"  its plan did not come to its end: {hunted.problem}", "yellow"
    if hunted.lacks:
        yield f"  it did not come to rest: {'; '.join(hunted.lacks)}", "dim" if hunted.is_well else "yellow"
    for verdict in hunted.violated:
        first = verdict.violations[0]
        yield f"  {verdict.invariant} {verdict.claim}: {verdict.violated:,} of {verdict.checked:,}", ""
        yield f"    {first.subject} {first.what}", "dim"


def document(hunted: Hunted) -> dict[str, Any]:
    """As `--json` prints it."""
    return {
        "name": hunted.name,
        "with_mistake": hunted.with_mistake,
        "ok": hunted.is_well,
        "seconds": round(hunted.seconds, 1),
        "problem": hunted.problem,
        "not_at_rest": list(hunted.lacks),
        "violated": [
            {"invariant": one.invariant, "claim": one.claim, "violated": one.violated} for one in hunted.violated
        ],
    }
