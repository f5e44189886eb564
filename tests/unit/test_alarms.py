"""When so much is parked that it is a bad release, and not bad data."""

import pytest

from synckit.consumer.alarms import Count, Window


@pytest.mark.parametrize(
    ("records", "parked", "is_alarming"),
    [(100, 100, False), (101, 101, True), (2_020, 101, False), (2_019, 101, True), (0, 0, False)],
)
def test_more_than_a_hundred_and_more_than_a_twentieth(records: int, parked: int, is_alarming: bool) -> None:
    assert Count(records, parked).is_alarming is is_alarming


def test_a_share_may_be_too_large_of_little() -> None:
    assert Count(50, 3).is_large_share
    assert not Count(60, 3).is_large_share


def test_a_minute_is_counted_and_not_more() -> None:
    window = Window()

    window.add(0.0, Count(10, 10))
    together = window.add(60.0, Count(5, 1))
    alone = window.add(60.1, Count(5, 1))

    assert together == Count(15, 11)
    assert alone == Count(10, 2)
    assert window.total(200.0) == Count(0, 0)


def test_a_window_that_was_cleared_counts_afresh() -> None:
    window = Window()
    window.add(0.0, Count(200, 150))

    window.clear()

    assert window.add(1.0, Count(1, 1)) == Count(1, 1)
