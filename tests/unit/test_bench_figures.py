"""The statistics of `paintbox bench`."""

from dataclasses import replace

import pytest

from paintbox.bench import figures, outcomes, rounds
from paintbox.bench.outcomes import CPU, RATE, RSS, Run
from paintbox.errors import OperatorError


def test_a_spread_has_the_middle_and_both_ends() -> None:
    assert figures.spread([9.0, 1.0, 2.0]) == figures.Spread(median=2.0, low=1.0, high=9.0)
    assert figures.spread([1.0, 2.0]).median == 1.5


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_a_percentile_is_the_value_that_so_many_do_not_exceed(share: float, expected: float) -> None:
    assert figures.percentile([float(number) for number in range(1, 101)], share) == expected


def test_the_highest_percentile_of_a_single_value_is_that_value() -> None:
    assert figures.percentile([7.0], 0.99) == 7.0


def test_ratios_are_taken_round_by_round() -> None:
    assert figures.paired([10.0, 30.0], [5.0, 10.0]) == (2.0, 3.0)


def test_a_run_tells_its_rate_its_cpu_an_event_and_its_memory() -> None:
    run = Run(events=1_000, seconds=2.0, cpu_seconds=0.5, peak_rss=50_000_000, more={"p99 ms": 3.0})

    assert run.measures == {RATE: 500.0, CPU: 500.0, RSS: 50.0, "p99 ms": 3.0}


def test_what_was_not_measured_is_no_measure() -> None:
    assert Run(events=1, seconds=1.0).measures == {RATE: 1.0}


def test_figures_have_a_value_a_round() -> None:
    found = outcomes.figures_of({"ours": [Run(10, 1.0), Run(30, 1.0)], "plain": [Run(5, 1.0), Run(10, 1.0)]})

    assert outcomes.values_of(found, "ours", RATE) == (10.0, 30.0)
    assert outcomes.ratio(found, "ours", "plain").values == (2.0, 3.0)


def test_a_figure_that_was_not_measured_is_said_to_be_missing() -> None:
    with pytest.raises(OperatorError, match="was not measured"):
        outcomes.values_of((), "ours", RATE)


def test_a_goal_is_judged_by_the_median() -> None:
    assert outcomes.at_least("2 x", [1.0, 2.0, 9.0], 2.0).is_met
    assert not outcomes.at_least("2 x", [1.0, 1.9, 9.0], 2.0).is_met
    assert outcomes.below("50 ms", [49.0, 49.0, 90.0], 50.0).is_met
    assert not outcomes.below("50 ms", [50.0], 50.0).is_met


async def test_everybody_takes_a_turn_in_each_round_and_the_warm_up_does_not_count() -> None:
    turns: list[tuple[str, int]] = []

    def subject(name: str) -> rounds.Turn:
        async def turn(number: int) -> Run:
            turns.append((name, number))
            return Run(number, 1.0)

        return turn

    subjects = {name: subject(name) for name in ("a", "half of a", "b")}
    runs = await rounds.interleaved(subjects, 2, lambda _: None, {"a": "half of a"})

    ahead, back = ["a", "half of a", "b"], ["b", "a", "half of a"]
    assert turns == [*((one, 0) for one in ahead), *((one, 1) for one in back), *((one, 2) for one in ahead)]
    assert [run.events for run in runs["a"]] == [1, 2]


def test_figures_of_single_rounds_become_figures_of_all() -> None:
    first, second = outcomes.Figure("500/s", "p99 ms", (7.0,)), outcomes.Figure("100/s", "p99 ms", (1.0,))

    found = outcomes.by_round([first, second, replace(first, values=(5.0,))])

    assert found == (replace(first, values=(7.0, 5.0)), second)
