"""The workloads of `paintbox bench`, one after another."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from paintbox.bench import course, publication, report
from paintbox.bench.course import Order
from paintbox.bench.menu import Measure
from paintbox.bench.outcomes import Outcome
from paintbox.bench.report import Report
from paintbox.bench.rig import Rig
from paintbox.bench.sizes import QUICK
from paintbox.errors import OperatorError
from support.bench import MACHINE, an_outcome


async def measured(keep: Callable[[Report], None], **workloads: Measure) -> Report:
    """On no stack: none of these needs one."""
    order, nowhere = Order(workloads, QUICK, is_quick=True), Console(file=io.StringIO())
    return await course.in_turn(order, cast("Rig", None), MACHINE, nowhere, keep, busy=lambda: 0.0)


async def works(*_: Any) -> Outcome:
    return an_outcome()


async def test_each_workload_is_kept_once_it_is_done() -> None:
    kept: list[list[str]] = []

    found = await measured(lambda each: kept.append(list(each.sections)), A=works, D=works)

    assert kept == [["A"], ["A", "D"]]
    assert list(found.sections) == ["A", "D"]


@pytest.mark.parametrize("raised", [OperatorError("Only 7 of 8 rows came."), asyncio.CancelledError()])
async def test_a_workload_that_fails_costs_nothing_of_what_was_measured_before_it(
    tmp_path: Path, raised: BaseException
) -> None:
    async def fails(*_: Any) -> Outcome:
        raise raised

    with pytest.raises(type(raised)):
        await measured(lambda each: publication.write(tmp_path, each), A=works, D=fails, E=works)

    assert list(report.read(tmp_path / publication.DOCUMENT).sections) == ["A"]
    assert "## D: rows" in (tmp_path / publication.PAGE).read_text()
