"""How much is sent at once: what a portion holds, and how it follows the link."""

import pytest

from synckit.portions import Portion


def a_portion() -> Portion:
    return Portion(100, 10_000, 8.0)


@pytest.mark.parametrize(
    ("sizes", "fitting"),
    [
        ([], 0),
        ([1] * 7, 7),
        ([1] * 101, 100),
        ([4_000] * 5, 3),
        ([10_000, 1], 1),
        ([1_000_000, 1], 1),
        ([0] * 3, 3),
    ],
)
def test_rows_are_taken_until_the_rows_or_the_bytes_are_full_and_one_always(sizes: list[int], fitting: int) -> None:
    assert a_portion().fits(sizes) == fitting


def test_what_fails_is_halved_from_what_was_really_sent_down_to_one_row() -> None:
    portion = a_portion()
    seen = []

    for count in (40, 20, 10, 5, 2, 1, 1):
        portion.failed([10] * count)
        seen.append((portion.rows, portion.bytes))

    assert seen == [(20, 200), (10, 100), (5, 50), (2, 25), (1, 10), (1, 5), (1, 5)]
    assert portion.fits([1_000] * 3) == 1


def test_a_whole_portion_that_was_quick_is_followed_by_twice_as_much_up_to_the_most() -> None:
    portion = a_portion()
    portion.failed([100] * 20)

    for _ in range(10):
        portion.succeeded([1] * portion.rows, 2.0)

    assert (portion.rows, portion.bytes) == (100, 10_000)


@pytest.mark.parametrize(("count", "seconds"), [(10, 2.1), (9, 0.1)], ids=["slow", "less than a portion"])
def test_what_was_slow_or_small_says_nothing_of_twice_as_much(count: int, seconds: float) -> None:
    portion = a_portion()
    portion.failed([100] * 20)

    portion.succeeded([1] * count, seconds)

    assert (portion.rows, portion.bytes) == (10, 1_000)
