"""Partitions that take nothing: what the spool's sender holds back, and when it tries again."""

from typing import Any, Final

from webhook_ingest.lanes import LITTLE, Lanes

LATE: Final = TimeoutError()


def a_row(topic: str, key: str = "a", bytes_: int = 100) -> dict[str, Any]:
    return {"topic": topic, "key": key, "headers": "", "value": b"x" * bytes_}


GONE, THERE = a_row("gone"), a_row("there")


def test_at_first_everything_is_sent() -> None:
    lanes = Lanes()

    assert lanes.sendable([GONE, THERE]) == [GONE, THERE]
    assert lanes.are_all_open


def test_what_fails_while_other_lanes_take_what_is_theirs_is_held_back() -> None:
    lanes = Lanes()

    is_lanes_fault = lanes.judge([GONE, THERE, THERE], [LATE, None, None])

    assert is_lanes_fault
    assert lanes.sendable([GONE, THERE, GONE]) == [THERE]


def test_what_is_larger_than_all_that_got_through_may_have_been_too_much() -> None:
    lanes = Lanes()

    is_lanes_fault = lanes.judge([a_row("gone", bytes_=101), THERE], [LATE, None])

    assert not is_lanes_fault
    assert lanes.are_all_open


def test_a_lane_that_takes_a_part_is_slow_and_not_stuck() -> None:
    lanes = Lanes()

    is_lanes_fault = lanes.judge([GONE, THERE, THERE], [LATE, None, LATE])

    assert not is_lanes_fault
    assert lanes.are_all_open


def test_where_nothing_gets_through_less_is_tried_before_a_lane_is_held_back() -> None:
    lanes = Lanes()

    many = lanes.judge([GONE, GONE], [LATE, LATE])
    one = lanes.judge([GONE], [LATE])

    assert (many, one) == (False, True)
    assert lanes.sendable([GONE, THERE]) == [THERE]


def test_a_large_row_that_fails_alone_says_nothing_of_its_lane() -> None:
    lanes = Lanes()
    large = a_row("gone", bytes_=LITTLE + 1)

    assert not lanes.judge([large], [LATE])
    assert lanes.are_all_open


def test_what_was_stuck_is_tried_again_with_one_row_and_opens_once_that_one_is_taken() -> None:
    lanes = Lanes()
    lanes.judge([GONE, THERE], [LATE, None])
    lanes.start_again()

    tried = lanes.sendable([GONE, GONE, THERE])
    lanes.judge([GONE, THERE], [None, None])

    assert tried == [GONE, THERE]
    assert lanes.sendable([GONE, GONE]) == [GONE, GONE]
    assert lanes.are_all_open


def test_partitions_of_one_topic_are_lanes_of_their_own() -> None:
    lanes = Lanes()
    lanes.learn({"there": 6})
    first, second = a_row("there", "a"), a_row("there", "b")

    lanes.judge([first, second], [LATE, None])

    assert lanes.sendable([first, second]) == [second]
