"""The demo's comparison finds whatever is not as it should be."""

from typing import Any

import pytest

from paintbox.demo import events
from paintbox.demo.events import Due
from paintbox.world.comparison import SHOWN, WHOLE_ROW, Difference, compare
from paintbox.world.steering import Delivery

ROW = {"name": "Fence", "city": "Lincoln"}


def a_delivery(**changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "seq": 1,
        "subscription": "1",
        "event": "project.updated",
        "form": "webhook",
        "records": ("5",),
        "copy_of": None,
        "is_answered": True,
        "attempts": 1,
    }
    return Delivery(**values | changes)


def test_equal_rows_are_equal_whatever_else_they_hold() -> None:
    tally = compare("projects", {"1": ROW}, {"1": {**ROW, "priority": "NORMAL"}})

    assert (tally.expected, tally.equal, tally.different, tally.missing) == (1, 1, 0, 0)
    assert tally.is_equal


def test_a_column_that_differs_is_named_with_both_values() -> None:
    tally = compare("projects", {"1": ROW, "2": ROW}, {"1": ROW, "2": {**ROW, "city": None}})

    assert (tally.expected, tally.equal, tally.different, tally.missing) == (2, 1, 1, 0)
    assert tally.differences == (Difference("projects", "2", "city", "Lincoln", None),)
    assert not tally.is_equal


def test_a_row_that_is_not_there_is_missing() -> None:
    tally = compare("projects", {"1": ROW, "2": ROW}, {"2": ROW})

    assert (tally.equal, tally.missing) == (1, 1)
    assert [(one.record, one.column) for one in tally.differences] == [("1", WHOLE_ROW)]
    assert not tally.is_equal


def test_a_row_that_should_not_be_there_is_a_difference() -> None:
    tally = compare("projects", {"1": ROW}, {"1": ROW, "2": ROW})

    assert (tally.equal, tally.different) == (1, 1)
    assert [(one.record, one.column) for one in tally.differences] == [("2", WHOLE_ROW)]
    assert not tally.is_equal


def test_of_many_differences_the_first_are_kept() -> None:
    rows = {str(number): ROW for number in range(100)}

    tally = compare("projects", rows, {})

    assert tally.missing == 100
    assert len(tally.differences) == SHOWN


def test_a_copy_with_the_same_bytes_is_the_same_event() -> None:
    due = events.expected([a_delivery(), a_delivery(seq=2, copy_of=1)])

    assert due == {("5", "webhook"): Due(1, 1)}


def test_a_copy_of_an_outbound_message_may_carry_newer_data_and_be_another_event() -> None:
    due = events.expected([a_delivery(form="outbound_message"), a_delivery(form="outbound_message", seq=2, copy_of=1)])

    assert due == {("5", "outbound_message"): Due(1, 2)}


def test_a_change_event_about_many_records_is_an_event_of_each() -> None:
    due = events.expected([a_delivery(form="cometd", records=("5", "6"))])

    assert due == {("5", "change_event"): Due(1, 1), ("6", "change_event"): Due(1, 1)}


def test_two_subscriptions_tell_of_the_same_change_event_but_each_of_webhooks_of_its_own() -> None:
    told = [
        a_delivery(seq=seq, form=form, subscription=subscription)
        for seq, (form, subscription) in enumerate(
            [("cometd", "1"), ("event_relay", "2"), ("webhook", "3"), ("webhook", "4")], 1
        )
    ]

    assert events.expected(told) == {("5", "change_event"): Due(1, 1), ("5", "webhook"): Due(2, 2)}


def test_what_was_not_answered_is_not_expected() -> None:
    assert events.expected([a_delivery(is_answered=False)]) == {}


@pytest.mark.parametrize(
    ("found", "equal", "different", "missing"), [(0, 1, 0, 2), (1, 2, 0, 1), (2, 3, 0, 0), (3, 3, 0, 0), (4, 3, 1, 0)]
)
def test_events_are_missing_below_what_was_answered_and_too_many_above(
    found: int, equal: int, different: int, missing: int
) -> None:
    due = {("5", "webhook"): Due(1, 1), ("6", "outbound_message"): Due(2, 3)}

    tally = events.tally(due, {("5", "webhook"): 1, ("6", "outbound_message"): found})

    assert (tally.expected, tally.equal, tally.different, tally.missing) == (3, equal, different, missing)
    assert tally.is_equal == (not different and not missing) == (not tally.differences)
