"""Versions sort as facts do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synckit import times, versions

SECONDS = st.integers(0, 4_000_000_000)
BIGINT = 2**63 - 1


def test_a_version_is_the_second_and_what_was_observed_after_its_start() -> None:
    assert versions.version(1_700_000_000_123, 1_700_000_004_567) == 1_700_000_000 * 2**30 + 4_567


@given(SECONDS, SECONDS, st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_later_second_always_wins(one: int, other: int, seen_one: int, seen_other: int) -> None:
    if one < other:
        assert versions.version(one * 1000, seen_one) < versions.version(other * 1000, seen_other)


@given(SECONDS, st.integers(0, 2**50))
def test_every_version_is_a_bigint_that_gives_back_its_second(second: int, observed: int) -> None:
    version = versions.version(second * 1000, observed)

    assert 0 <= version <= BIGINT
    assert versions.second_of(version) == second


def test_observation_before_the_change_counts_as_at_its_start() -> None:
    assert versions.version(5_000, 1_000) == versions.version(5_000, 5_000)


def test_a_push_is_no_read_and_a_read_a_second_later_is() -> None:
    assert not versions.is_read(versions.pushed(5_999))
    assert versions.is_read(versions.version(5_000, 6_000))


def test_before_1970_is_the_earliest_and_not_unknown() -> None:
    assert versions.version(-1, 0) == versions.EARLIEST > versions.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "2013-05-20T20:49:32.000+0000",
        "2013-05-20T20:49:32.000Z",
        "2013-05-20T20:49:32Z",
        "2013-05-20T22:49:32+02:00",
        1_369_082_972,
        1_369_082_972_000,
    ],
)
def test_every_form_of_a_time_is_the_same_moment(text: object) -> None:
    assert times.parse(text) == 1_369_082_972_000


@pytest.mark.parametrize("text", ["2013-05-20T20:49:32", "2013-05-20", "yesterday", "", None, True, 1.5, 10**30, {}])
def test_what_is_no_moment_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        times.parse(text)


def test_a_leap_second_is_the_one_before_it() -> None:
    assert times.rfc3339(times.parse("2016-12-31T23:59:60Z")) == "2016-12-31T23:59:59.000Z"


@given(st.integers(-62_000_000_000_000, 253_000_000_000_000))
def test_rfc3339_goes_there_and_back(ms: int) -> None:
    text = times.rfc3339(ms)

    assert text.endswith("Z")
    assert times.parse(text) == ms
