"""What a proof has found is in its report, whatever fails after it; and its clocks are one."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import UUID

import pytest

from paintbox.errors import OperatorError
from paintbox.prove import course, evidence, judge, leaks, quiet, sampling, traffic
from paintbox.prove.course import Order
from paintbox.prove.display import Display
from paintbox.prove.quiet import Rest
from paintbox.prove.report import Proof
from paintbox.prove.verdicts import State, Verdict, Violation, verdict
from paintbox.world.steering import RefusedError
from support.rigs import a_rig, idle_handles

LOST = verdict("I1", "every event has a row", 10, [Violation(str(UUID(int=7)), "has none")])
NOTHING = SimpleNamespace(vendors=SimpleNamespace(deliveries=[]), changes=[])


class Broken(Display):
    """A display that meets a bug."""

    async def watch(self, *_: Any) -> NoReturn:
        """At once."""
        raise ZeroDivisionError


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that comes to its end without any server, with one violation, and cannot look for leaks then."""

    async def nothing(*_: Any) -> None:
        return

    async def at_rest(*_: Any) -> Rest:
        return Rest(1.0, ())

    async def read(*_: Any) -> Any:
        return NOTHING

    async def away(*_: Any) -> NoReturn:
        raise OperatorError("nobody answers")

    monkeypatch.setattr(traffic, "drive", nothing)
    monkeypatch.setattr(sampling, "sample", nothing)
    monkeypatch.setattr(quiet, "until_rest", at_rest)
    monkeypatch.setattr(evidence, "read", read)
    monkeypatch.setattr(judge, "verdicts", lambda _: [LOST])
    monkeypatch.setattr(leaks, "answers", away)


async def proven(folder: Path, display: Display | None = None) -> Proof:
    """Of the seed of which so short a proof does nothing to anybody."""
    rig = a_rig(folder, *idle_handles(folder))
    return await course.run(rig, Order(0, 0.1, ["restart"]), display or Display(None))


async def test_leaks_and_stories_that_cannot_be_looked_for_take_no_violation_away(tmp_path: Path) -> None:
    proof = await proven(tmp_path)

    (unread,) = [one for one in proof.verdicts if "could not be read: nobody answers" in one.note]
    assert proof.ended_early is None
    assert (proof.is_violated, LOST in proof.verdicts, unread.state) == (True, True, State.NOTHING_CHECKED)
    assert [story.subject for story in proof.stories] == [str(UUID(int=7))]
    assert proof.stories[0].topics_unread


async def test_a_bug_of_a_check_takes_nothing_of_what_the_checks_before_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_and_a_bug(_: Any) -> Iterator[Verdict]:
        yield LOST
        raise KeyError("row")

    monkeypatch.setattr(judge, "verdicts", one_and_a_bug)

    proof = await proven(tmp_path)

    assert str(proof.ended_early).startswith("KeyError: 'row' (test_prove_course.py:")
    assert (proof.is_violated, LOST in proof.verdicts) == (True, True)


async def test_metrics_are_read_once_what_the_bad_requests_left_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    async def answers(*_: Any) -> dict[str, bytes]:
        done.append("bad requests")
        return {}

    async def at_rest(*_: Any) -> Rest:
        done.append("rest")
        return Rest(1.0, ())

    async def metrics(*_: Any) -> dict[str, bytes]:
        done.append("metrics")
        return {}

    monkeypatch.setattr(leaks, "answers", answers)
    monkeypatch.setattr(leaks, "metrics", metrics)
    monkeypatch.setattr(quiet, "until_rest", at_rest)

    await proven(tmp_path)

    assert done == ["rest", "bad requests", "rest", "metrics"]


async def test_a_report_that_would_leak_says_so_and_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = traffic.plan(0, 0.1, 0)
    mail = next(one.text for one in planned.canaries if one.kind == "an e-mail address")

    def quoting(_: Any) -> Iterator[Verdict]:
        yield replace(LOST, note=f"of {mail}")
        raise KeyError(mail)

    monkeypatch.setattr(judge, "verdicts", quoting)
    monkeypatch.setattr(traffic, "plan", lambda *_: planned)

    proof = await proven(tmp_path)

    assert mail not in repr(proof)
    assert (proof.is_proven, proof.ended_early) == (False, course.LEFT_OUT)
    assert {one.invariant for one in proof.verdicts if one.state is State.VIOLATED} == {"I1", "I6"}


async def test_a_bug_of_what_is_shown_ends_nothing(tmp_path: Path) -> None:
    proof = await proven(tmp_path, Broken(None))

    assert proof.ended_early is None


async def test_a_bug_of_the_traffic_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def drive(*_: Any) -> NoReturn:
        raise KeyError("act")

    monkeypatch.setattr(traffic, "drive", drive)

    proof = await proven(tmp_path)

    assert str(proof.ended_early).startswith("KeyError: 'act' (test_prove_course.py:")


async def test_a_bug_of_the_sampler_is_told_after_all_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> NoReturn:
        raise ZeroDivisionError("sampled")

    monkeypatch.setattr(sampling, "sample", fail)

    proof = await proven(tmp_path)

    assert str(proof.ended_early).startswith("ZeroDivisionError: sampled")
    assert LOST in proof.verdicts


@pytest.mark.parametrize(
    ("failures", "state"),
    [
        ([None], State.HELD),
        ([None, OperatorError("no answer")], State.HELD),
        ([None, RefusedError("409")], State.VIOLATED),
        ([OperatorError("no answer"), RefusedError("404")], State.NOTHING_CHECKED),
        ([], State.NOTHING_CHECKED),
    ],
)
async def test_a_change_that_a_simulator_refuses_is_no_answer_that_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: Sequence[OperatorError | None], state: State
) -> None:
    async def drive(*given: Any) -> None:
        for failure in failures:
            given[-1](failure)

    monkeypatch.setattr(traffic, "drive", drive)

    proof = await proven(tmp_path)

    assert [one.state for one in proof.verdicts if one.claim == "every change was made"] == [state]


async def test_the_course_begins_with_the_nemesis_however_long_the_plan_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[int] = []

    def read(*given: Any) -> list[Verdict]:
        began.append(given[1].began_ms)
        return []

    planned = traffic.plan(0, 0.1, 0)

    def slow(*_: Any) -> traffic.Plan:
        time.sleep(0.3)
        began.append(time.time_ns() // 1_000_000)
        return planned

    monkeypatch.setattr(traffic, "plan", slow)
    monkeypatch.setattr(course, "_answered", read)

    await proven(tmp_path)

    planned_at, began_at = began
    assert began_at >= planned_at
