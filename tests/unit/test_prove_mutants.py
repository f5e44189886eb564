"""Mutants: each has a plan, each mistake finds what it replaces, none is made in production."""

import subprocess
import sys
from datetime import date, timedelta
from types import ModuleType

import pytest

from paintbox.errors import OperatorError
from paintbox.prove.mutants import hunt
from paintbox.prove.mutants.mistakes import MISTAKES
from paintbox.prove.mutants.patching import MissingError, replace
from paintbox.prove.mutants.plans import MUTANTS

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


def test_an_unknown_mutant_is_named_with_those_that_there_are() -> None:
    with pytest.raises(OperatorError, match=r"no such mutant: typo\. There are: auto-commit"):
        hunt.named(["typo", "dual-write"])
