"""A bench from its first server to its report: the workloads one after another, on one stack."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from paintbox.bench import machine, rig
from paintbox.bench.display import Display
from paintbox.bench.load import generation
from paintbox.bench.menu import Measure
from paintbox.bench.report import Report, Section
from paintbox.bench.rig import Rig
from paintbox.bench.sizes import Sizes
from paintbox.bench.workloads import doors, large_customers
from paintbox.stack.places import Places

SETTLE_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 2.0

Keep = Callable[[Report], None]
"""Given all that is measured so far, each time that a workload is done."""
Busy = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured, and how much of it."""

    workloads: Mapping[str, Measure]
    sizes: Sizes
    is_quick: bool
    is_grown: bool = False


def _busy() -> float:
    """How busy the machine is with other work: the share of all cores, while the stack is idle."""
    time.sleep(SETTLE_SECONDS)
    return psutil.cpu_percent(LOOK_SECONDS) / 100


def run(order: Order, directory: Path | None, console: Console, keep: Keep) -> Report:
    """Measures what was ordered. Raises OperatorError where a subject does not do what it is measured for."""
    space = rig.GROWN_SPACE if order.is_grown and not order.is_quick else rig.LEAST_SPACE
    with rig.claimed(directory, console, space) as where:
        return asyncio.run(_measured(order, where, console, keep))


async def _measured(order: Order, where: Places, console: Console, keep: Keep) -> Report:
    replicas = max(large_customers.PROCESSES) if order.is_grown else len(doors.COPIES)
    async with rig.opened(where, console, replicas) as stack:
        described = await machine.describe(where, stack.superuser_dsn, generation.describe())
        return await in_turn(order, stack, described, console, keep, commit=machine.commit(where.checkout))


async def in_turn(
    order: Order,
    stack: Rig,
    described: Mapping[str, str],
    console: Console,
    keep: Keep,
    busy: Busy = _busy,
    commit: str = "",
) -> Report:
    """One workload after the other. What is done is kept before the next one begins, whatever becomes of that."""
    report = Report(described, {})
    for letter, measure in order.workloads.items():
        others = await asyncio.to_thread(busy)
        began, today = time.monotonic(), datetime.now(UTC).date().isoformat()
        with Display(console, letter) as display:
            outcome = await measure(stack, order.sizes, display.say)
        section = Section(today, time.monotonic() - began, order.is_quick, others, described, outcome, commit)
        report = replace(report, sections={**report.sections, letter: section})
        keep(report)
    return report
