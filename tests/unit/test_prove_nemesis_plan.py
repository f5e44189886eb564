"""Which faults a seed draws: always the same, enough of them, of many kinds, and never more than a rig can tell."""

from itertools import combinations, pairwise

import pytest

from paintbox.errors import OperatorError
from paintbox.prove import faults
from paintbox.prove.faults.kind import KAFKA, POSTGRES
from paintbox.prove.nemesis_plan import BOTH_SECONDS, GAP, Stroke, hit, schedule

KINDS = {kind.name: kind for kind in faults.KINDS}
SEEDS = range(40)


def planned(seed: int, minutes: float = 3) -> list[Stroke]:
    return schedule(seed, faults.KINDS, replicas=2, minutes=minutes)


def overlap(one: Stroke, other: Stroke) -> float:
    return min(one.at + one.seconds, other.at + other.seconds) - max(one.at, other.at)


def test_a_seed_always_draws_the_same_and_another_seed_something_else() -> None:
    assert planned(7) == planned(7)
    assert planned(7) != planned(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_three_minutes_are_at_least_20_faults_of_at_least_8_kinds(seed: int) -> None:
    strokes = planned(seed)

    assert len(strokes) >= 20
    assert len({stroke.kind for stroke in strokes}) >= 8


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fault_comes_every_three_to_eight_seconds_or_later_where_nothing_is_free(seed: int) -> None:
    times = [stroke.at for stroke in planned(seed)]

    assert all(after - before >= GAP[0] - 0.1 for before, after in pairwise(times))
    assert times[-1] < 180


def test_hardly_a_gap_is_longer_than_eight_seconds_because_something_else_is_dealt_instead() -> None:
    gaps = [after.at - before.at for seed in range(100) for before, after in pairwise(planned(seed))]

    assert sum(gap > GAP[1] + 0.1 for gap in gaps) < len(gaps) / 200
    assert max(gaps) < 2 * GAP[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_hit_while_it_is_hit_already(seed: int) -> None:
    for one, other in combinations(planned(seed), 2):
        both = set(hit(KINDS[one.kind], one.target, 2)) & set(hit(KINDS[other.kind], other.target, 2))
        assert not both or other.at >= one.at + one.seconds


@pytest.mark.parametrize("seed", SEEDS)
def test_both_servers_are_never_away_for_longer_than_a_consumers_session_allows(seed: int) -> None:
    strokes = planned(seed)

    pairs = [pair for pair in combinations(strokes, 2) if {stroke.target for stroke in pair} == {POSTGRES, KAFKA}]
    assert pairs
    assert all(overlap(*pair) <= BOTH_SECONDS for pair in pairs)


def test_every_kind_comes_before_any_comes_again_in_the_long_run() -> None:
    assert {stroke.kind for stroke in planned(1, minutes=10)} == KINDS.keys()


def test_one_named_kind_is_all_that_is_drawn() -> None:
    strokes = schedule(1, faults.named(["kill"]), replicas=2, minutes=1)

    assert {stroke.kind for stroke in strokes} == {"kill"}
    assert len({stroke.target for stroke in strokes}) > 2


def test_a_misspelt_kind_is_named_with_all_that_there_are() -> None:
    with pytest.raises(OperatorError, match=r"^no such fault: kil\. There are: .*\bkill\b"):
        faults.named(["kil"])
