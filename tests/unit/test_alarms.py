"""When so much is parked that it is a bad release, and not bad data."""

import pytest

from synckit.consumer.alarms import Count, Window


@pytest.mark.parametrize(
    ("records", "parked", "is_alarming"),
    [(100, 100, False), (101, 101, True), (2_020, 101, False), (2_019, 101, True), (0, 0, False)],
)
def test_more_than_a_hundred_and_more_than_a_twentieth(records: int, parked: int, is_alarming: bool) -> None:
    assert Count(records, parked).is_alarming(parked) is is_alarming


def test_what_all_copies_parked_counts_and_the_share_of_one() -> None:
    assert Count(50, 50).is_alarming(101)
    assert not Count(50, 50).is_alarming(100)
    assert not Count(1_000, 50).is_alarming(101)


def test_what_is_read_again_is_no_more_than_it_was() -> None:
    assert not Count(120, 120).is_alarming(60)


def test_where_nobody_can_count_them_our_own_count_has_to_do() -> None:
    assert Count(101, 101).is_alarming(None)
    assert not Count(100, 100).is_alarming(None)


def test_a_minute_is_counted_and_not_more() -> None:
    window = Window()

    window.add(0.0, Count(10, 10))
    together = window.add(60.0, Count(5, 1))
    alone = window.add(60.1, Count(5, 1))

    assert together == Count(15, 11)
    assert alone == Count(10, 2)


def test_a_window_that_was_cleared_counts_afresh() -> None:
    window = Window()
    window.add(0.0, Count(200, 150))

    window.clear()

    assert window.add(1.0, Count(1, 1)) == Count(1, 1)
