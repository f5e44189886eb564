import pytest

from simulators.faults import Delay, Fate, Faults, fate
from simulators.vendor import Retry

HOUR = 3600.0


def fates(faults: Faults, count: int = 1000) -> list[Fate]:
    return [fate(faults, number) for number in range(1, count + 1)]


def test_the_same_seed_gives_the_same_faults() -> None:
    faults = Faults(duplicate=0.3, reorder=0.3, drop=0.3, delay=Delay(probability=0.3, seconds=2), seed=7)

    assert fates(faults) == fates(faults)
    assert fates(faults) != fates(faults.model_copy(update={"seed": 8}))


@pytest.mark.parametrize("probability", [0, 1])
def test_never_is_never_and_always_is_always(probability: int) -> None:
    faults = Faults(duplicate=probability, reorder=probability, drop=probability)

    assert {(each.duplicated, each.held, each.dropped) for each in fates(faults)} == {(bool(probability),) * 3}


def test_a_probability_is_how_often_it_happens() -> None:
    faults = Faults(duplicate=0.2, delay=Delay(probability=0.1, seconds=5), seed=1)

    happened = fates(faults, 10_000)

    assert sum(each.duplicated for each in happened) == pytest.approx(2000, rel=0.1)
    assert sum(each.late_seconds for each in happened) == pytest.approx(5000, rel=0.1)


def test_one_fault_does_not_move_the_dice_of_another() -> None:
    alone, together = Faults(drop=0.5, seed=3), Faults(drop=0.5, duplicate=0.5, seed=3)

    assert [each.dropped for each in fates(alone)] == [each.dropped for each in fates(together)]


def test_retries_double_up_to_the_longest_interval() -> None:
    retry = Retry(longest_seconds=10)

    due = [retry.next_due(1, attempts, created=0, now=100) for attempts in range(1, 7)]

    assert due == [101, 102, 104, 108, 110, 110]


def test_whoever_tries_for_weeks_keeps_to_the_longest_interval() -> None:
    retry = Retry(longest_seconds=10)

    assert retry.next_due(0.05, 1_000_000, created=0, now=100) == 110


def test_the_last_attempt_has_no_successor() -> None:
    retry = Retry(most_attempts=10)

    assert retry.next_due(1, 9, created=0, now=0) == 256
    assert retry.next_due(1, 10, created=0, now=0) is None


def test_a_day_of_outbound_messages_ends_with_two_hours_between_tries() -> None:
    retry, now, attempts = Retry(kept_seconds=24 * HOUR), 0.0, 1
    intervals = []

    while (due := retry.next_due(30, attempts, created=0, now=now)) is not None:
        intervals.append(due - now)
        now, attempts = due, attempts + 1

    assert intervals[:3] == [30, 60, 120]
    assert set(intervals[8:]) == {2 * HOUR}
    assert now <= 24 * HOUR
