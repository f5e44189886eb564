"""Mutants: each has a plan, each mistake finds what it replaces, none is made in production."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from paintbox.errors import OperatorError
from paintbox.prove.mutants import hunt
from paintbox.prove.mutants.acting import Acting
from paintbox.prove.mutants.hunt import Hunted
from paintbox.prove.mutants.mistakes import MISTAKES
from paintbox.prove.mutants.patching import MissingError, replace
from paintbox.prove.mutants.plans import MUTANTS, Mutant
from paintbox.prove.verdicts import Violation, verdict
from paintbox.world import steering
from paintbox.world.steering import Simulators
from support.rigs import a_rig

RUN = (sys.executable, "-P", "-m", "paintbox.prove.mutants")


def ran(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_each_mistake_has_a_plan_that_must_expose_it() -> None:
    assert MUTANTS.keys() == MISTAKES.keys()
    assert len(MUTANTS) == 8
    assert all(mutant.violates and mutant.mistaken for mutant in MUTANTS.values())


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_still_finds_what_it_replaces(name: str) -> None:
    done = ran(name, "this", PAINTBOX_ENVIRONMENT="local")

    assert done.returncode == 0, done.stderr


def test_a_name_that_is_gone_fails_loudly() -> None:
    module = ModuleType("product")

    with pytest.raises(MissingError, match="product has no function any more"):
        replace(module, "function", None)


def test_no_mistake_is_made_in_production() -> None:
    unsaid, said = ran("auto-commit", "this"), ran("auto-commit", "this", PAINTBOX_ENVIRONMENT="production")

    assert (unsaid.returncode, said.returncode) == (2, 2)
    assert "production" in unsaid.stderr


def test_an_unknown_mistake_is_refused() -> None:
    assert ran("typo", "this", PAINTBOX_ENVIRONMENT="local").returncode == 2


def test_by_turns_every_mutant_is_caught_within_four_days() -> None:
    days = [date(2026, 11, 22) + timedelta(days=number) for number in range(4)]

    assert {name for day in days for name in hunt.turn(day)} == MUTANTS.keys()


def test_by_turns_every_plan_is_run_without_its_mistake_within_eight_days() -> None:
    days = [date(2026, 11, 22) + timedelta(days=number) for number in range(8)]

    assert [hunt.control_of_turn(day) in hunt.turn(day) for day in days] == [True] * 8
    assert {hunt.control_of_turn(day) for day in days} == MUTANTS.keys()


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (OperatorError("it did not come"), "it did not come"),
        (KafkaConnectionError("no broker"), "KafkaConnectionError: no broker"),
        (TimeoutError(), "TimeoutError"),
    ],
)
async def test_a_plan_that_does_not_come_to_its_end_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, problem: str
) -> None:
    async def well(_: Simulators) -> None:
        return

    async def exposes(_: Acting) -> None:
        raise error

    monkeypatch.setattr(steering, "only_be_patient", well)
    mutant = Mutant({}, exposes, frozenset())

    assert await hunt._expose(a_rig(tmp_path), mutant, with_mistake=True) == problem


def hunted(name: str, *invariants: str, **changes: Any) -> Hunted:
    violated = [verdict(one, "claim", 1, [Violation("subject", "what")]) for one in invariants]
    values: dict[str, Any] = {"name": name, "with_mistake": True, "seconds": 1.0, "violated": violated}
    return Hunted(**values | changes)


def test_a_mutant_is_caught_by_what_its_mistake_violates_alone() -> None:
    assert hunted("dual-write", "I3").is_well
    assert not hunted("dual-write", "I1", "truth").is_well
    assert not hunted("dual-write").is_well


def test_a_mutant_whose_plan_did_not_come_to_its_end_is_not_caught() -> None:
    assert not hunted("dual-write", "I3", problem="customer-sync did not reach its failpoint within 40 s.").is_well


def test_what_is_only_late_is_no_catch_unless_the_mistake_is_to_leave_it_for_ever() -> None:
    lacks = ["customer-sync is 12 behind"]

    assert not hunted("auto-commit", "I1", lacks=lacks).is_well
    assert hunted("unfenced-relay", "I3", "I4", lacks=lacks).is_well
    assert hunted("remembered-position", "I3", lacks=["3 rows in customers.outbox_events"]).is_well


def test_without_the_mistake_nothing_may_be_violated_or_left() -> None:
    assert hunted("dual-write", with_mistake=False).is_well
    assert not hunted("dual-write", "I8", with_mistake=False).is_well
    assert not hunted("dual-write", with_mistake=False, lacks=["a lag"]).is_well
    assert not hunted("dual-write", with_mistake=False, problem="it did not end").is_well


def test_an_unknown_mutant_is_named_with_those_that_there_are() -> None:
    with pytest.raises(OperatorError, match=r"no such mutant: typo\. There are: auto-commit"):
        hunt.named(["typo", "dual-write"])
