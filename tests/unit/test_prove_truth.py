"""Mirrors and rows are what the vendors hold: each check finds what is not so, and names fields, never values."""

from typing import Any

import pytest

from paintbox.prove.checks import truth
from paintbox.prove.tables import Mirrored
from paintbox.prove.verdicts import State, Verdict
from support.proof import a_mirrored, subjects

PROJECT = truth.KINDS[2]
SECRET = "ann@example.com"


def held(**changes: Any) -> dict[str, Any]:
    return {"id": "7", "name": "Fence", "created_at": 1795348800, "status": "active", **changes}


def checked(record: dict[str, Any], mirrored: Mirrored, *words: str) -> Verdict:
    return truth.the_mirror_is_the_truth(PROJECT, [record], {("project", "7"): mirrored}, {"7": words})


def test_a_mirrored_record_holds_whatever_form_its_times_have() -> None:
    assert checked(held(), a_mirrored(status="active")).state is State.HELD


@pytest.mark.parametrize(
    ("mirrored", "named"),
    [
        (a_mirrored(status="active", name="Wall"), "name"),
        (a_mirrored(), "status"),
        (a_mirrored(status="active", notepad="left over"), "notepad"),
        (a_mirrored(status="active", created_at="2026-11-22T12:00:01.000Z"), "created_at"),
        (a_mirrored(True, status="active"), "deletion"),
        (a_mirrored(status="active", **{"$label:1": "Warranty"}), "labels or tags"),
    ],
)
def test_whatever_differs_is_named(mirrored: Mirrored, named: str) -> None:
    verdict = checked(held(), mirrored)

    assert subjects(verdict) == ["7"]
    assert verdict.violations[0].what == f"differs in {named}"


def test_a_label_that_the_vendor_holds_must_be_mirrored() -> None:
    assert checked(held(), a_mirrored(status="active", **{"$label:1": "Warranty"}), "Warranty").state is State.HELD
    assert checked(held(), a_mirrored(status="active"), "Warranty").state is State.VIOLATED


def test_a_record_that_is_not_mirrored_and_one_that_only_is_are_found() -> None:
    missing = truth.the_mirror_is_the_truth(PROJECT, [held()], {}, {})
    stranger = truth.the_mirror_is_the_truth(PROJECT, [], {("project", "8"): a_mirrored()}, {})

    assert subjects(missing) == ["7"]
    assert subjects(stranger) == ["8"]


def test_a_deleted_record_is_mirrored_as_deleted() -> None:
    assert checked(held(status="deleted"), a_mirrored(True, status="deleted")).state is State.HELD


def test_rows_are_compared_column_by_column_and_values_are_not_shown() -> None:
    verdict = truth.the_rows_are_the_truth("customers", {"1": {"email": SECRET}}, {"1": {"email": None}})

    assert verdict.violations[0].what == "differs in email"
    assert SECRET not in repr(verdict)


def test_a_missing_row_and_a_surplus_one_are_found() -> None:
    verdict = truth.the_rows_are_the_truth("customers", {"1": {"a": 1}}, {"2": {"a": 1}})

    assert subjects(verdict) == ["1", "2"]


def test_what_was_deleted_before_it_had_a_row_needs_none() -> None:
    expected = {"1": {"is_deleted": True}, "2": {"is_deleted": True}, "3": {"is_deleted": False}, "4": {}}

    due = truth.due(expected, {"2": {}}, gone=["4"])

    assert list(due) == ["2", "3"]


def test_a_project_that_names_nobody_must_have_no_row() -> None:
    expected = truth.with_customer({"1": {"customer_id": None}, "2": {"customer_id": "somebody"}})

    assert list(expected) == ["2"]
    assert subjects(truth.the_rows_are_the_truth("projects", expected, {"1": {}, "2": expected["2"]})) == ["1"]


def test_rows_beside_those_that_are_known_are_found() -> None:
    told = truth.there_are_no_others({"customers": (3, 3), "photos": (3, 4)})

    assert [one.subject for one in told.violations] == ["photos"]
    assert truth.there_are_no_others({"customers": (0, 0)}).state is State.NOTHING_CHECKED
