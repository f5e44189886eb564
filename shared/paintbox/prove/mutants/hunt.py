"""Catching mutants: each on a rig of its own, through its plan, to the checks that must then be violated."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from paintbox.errors import OperatorError
from paintbox.output import PartLines
from paintbox.prove import evidence, judge, quiet, sampling
from paintbox.prove.checks import operated
from paintbox.prove.handles import Variation
from paintbox.prove.mutants.acting import Acting
from paintbox.prove.mutants.plans import MUTANTS, Mutant
from paintbox.prove.rig import Rig
from paintbox.prove.verdicts import State, Verdict
from paintbox.world import steering

REST_SECONDS: Final = 20.0
"""A mutant may never come to rest: then what it left is judged."""
TURN: Final = 2
"""How many are caught a day, by turns."""


@dataclass(frozen=True, slots=True)
class Caught:
    """What became of a mutant: caught where the invariant was violated that its mistake violates."""

    name: str
    seconds: float
    """Of its plan and the checks; the start of its rig is not counted."""
    violated: Sequence[Verdict]
    problem: str | None = None
    """Why its plan did not come to its end."""
    is_caught: bool = False


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


async def catch(name: str, directory: Path | None, lines: PartLines, *, with_mistake: bool = True) -> Caught:
    """Runs the mutant's plan on a rig in which the mistake is made, and judges what it left.

    Without the mistake the same plan must violate nothing: else it would prove nothing about the checks.
    """
    mutant = MUTANTS[name]
    variations = {
        process: Variation(words=("-m", "paintbox.prove.mutants", name, module))
        for process, module in mutant.mistaken.items()
        if with_mistake
    }
    async with Rig.open(directory, replicas=mutant.replicas, variations=variations, lines=lines) as rig:
        began = time.monotonic()
        problem = await _expose(rig, mutant)
        await quiet.until_rest(rig.environment, REST_SECONDS, lambda _: None)
        violated = [one for one in await _judge(rig) if one.state is State.VIOLATED]
        caught = any(one.invariant in mutant.violates for one in violated)
        return Caught(name, time.monotonic() - began, violated, problem, caught)


async def _expose(rig: Rig, mutant: Mutant) -> str | None:
    try:
        async with steering.connected(rig.environment) as simulators:
            await steering.only_be_patient(simulators)
            await mutant.exposes(Acting(rig, simulators))
    except OperatorError as error:
        return str(error)
    return None


async def _judge(rig: Rig) -> list[Verdict]:
    found = await evidence.read(rig.environment)
    deadlocks = sampling.deadlocks_in([rig.stack.places.log("postgres")])
    return [*judge.verdicts(found), operated.there_were_no_deadlocks(deadlocks)]


def told(caught: Caught) -> Iterator[tuple[str, str]]:
    """What became of a mutant, in lines, each with how it is shown."""
    what = "caught" if caught.is_caught else "NOT caught"
    yield f"{caught.name}: {what} after {caught.seconds:.1f} s", "green" if caught.is_caught else "bold red"
    if caught.problem is not None:
        yield f"  its plan did not come to its end: {caught.problem}", "yellow"
    for verdict in caught.violated:
        first = verdict.violations[0]
        yield f"  {verdict.invariant} {verdict.claim}: {verdict.violated:,} of {verdict.checked:,}", ""
        yield f"    {first.subject} {first.what}", "dim"


def document(caught: Caught) -> dict[str, Any]:
    """As `--json` prints it."""
    return {
        "name": caught.name,
        "caught": caught.is_caught,
        "seconds": round(caught.seconds, 1),
        "problem": caught.problem,
        "violated": [
            {"invariant": one.invariant, "claim": one.claim, "violated": one.violated} for one in caught.violated
        ],
    }
