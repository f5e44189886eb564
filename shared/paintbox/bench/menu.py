"""The workloads by their letters: which functions of the sizes measure them, as asked for and grown."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from paintbox.bench.outcomes import Outcome
from paintbox.bench.rig import Rig
from paintbox.bench.rounds import Say
from paintbox.bench.sizes import Sizes
from paintbox.bench.workloads import (
    customers,
    doors,
    large_customers,
    large_doors,
    latency,
    one_account,
    outbox,
    processes,
)
from paintbox.errors import OperatorError

Measure = Callable[[Rig, Sizes, Say], Awaitable[Outcome]]


async def _doors(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    return await doors.measure(stack, sizes, say)


async def _customers(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    return await customers.measure(stack, sizes, say)


async def _outbox(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    return await outbox.measure(stack, sizes.outbox_rows, sizes.rounds, say)


async def _latency(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    return await latency.measure(stack, sizes.rate_seconds, sizes.rates, sizes.rounds, say)


async def _processes(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    return await processes.measure(stack, sizes, say)


async def _large_doors(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    return await large_doors.measure(stack, sizes.door_seconds, sizes.large_rounds, say)


async def _large_customers(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    return await large_customers.measure(stack, sizes, say)


async def _one_account(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    return await one_account.measure(stack, sizes.account_contacts, sizes.large_rounds, say)


async def _large_outbox(stack: Rig, sizes: Sizes, say: Say) -> Outcome:
    outcome = await outbox.measure(stack, sizes.large_rows, sizes.large_rounds, say)
    return replace(outcome, notes=outbox.LARGE_NOTES)


WORKLOADS: Final[Mapping[str, Measure]] = {"A": _doors, "B": _customers, "D": _outbox, "E": _latency, "F": _processes}
GROWN: Final[Mapping[str, Measure]] = {
    "A+": _large_doors,
    "B+": _large_customers,
    "B++": _one_account,
    "D+": _large_outbox,
}

NOTES: Final[Mapping[str, tuple[str, ...]]] = {
    "A": doors.NOTES,
    "A+": large_doors.NOTES,
    "B": customers.NOTES,
    "B+": large_customers.NOTES,
    "B++": one_account.NOTES,
    "D": outbox.NOTES,
    "D+": outbox.LARGE_NOTES,
    "E": latency.NOTES,
    "F": processes.NOTES,
}
"""How each workload measures, in words, whatever its figures are: what has other notes was measured otherwise."""


def named(letters: Sequence[str], *, grown: bool) -> dict[str, Measure]:
    """The workloads asked for, in their order; all where none is. Raises OperatorError for one that there is not."""
    menu = GROWN if grown else WORKLOADS
    known = dict.fromkeys(name[0] for name in menu)
    asked = [letter.upper() for letter in letters] or list(known)
    strangers = sorted(set(asked) - known.keys())
    if strangers:
        raise OperatorError(f"There is no workload {', '.join(strangers)} here: there are {', '.join(known)}.")
    return {name: measure for name, measure in menu.items() if name[0] in asked}
