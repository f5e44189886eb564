"""The demo's percentiles of what was measured during a run."""

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from paintbox.demo import latency

NAME = "seconds"


def a_histogram(*measured: float) -> latency.Buckets:
    """As it is read from a process that measured this, half under one label and half under another."""
    registry = CollectorRegistry()
    histogram = Histogram(NAME, "help", ["of"], buckets=(1, 2, 4), registry=registry)
    for place, seconds in enumerate(measured):
        histogram.labels("even" if place % 2 else "odd").observe(seconds)
    return latency.parse(generate_latest(registry).decode(), NAME)


def test_a_histogram_is_read_with_all_its_labels_together() -> None:
    assert a_histogram(0.5, 0.5, 1.5, 3, 9) == {1: 2, 2: 3, 4: 4, float("inf"): 5}


def test_a_process_that_measured_nothing_yet_has_an_empty_histogram() -> None:
    assert latency.parse("# nothing\n", NAME) == {}


def test_a_percentile_lies_within_its_bucket_as_evenly_as_prometheus_takes_it() -> None:
    took = latency.to_key({}, a_histogram(*[0.5] * 50, *[1.5] * 50))

    assert took.count == 100
    assert took.p50 == pytest.approx(1.0)
    assert took.p99 == pytest.approx(1.98)


def test_only_what_was_measured_between_the_two_looks_counts() -> None:
    before = a_histogram(*[3] * 100)

    took = latency.to_key(before, a_histogram(*[3] * 100, *[0.5] * 4))

    assert took.count == 4
    assert took.p99 == pytest.approx(0.99)


def test_what_is_above_the_last_bound_is_that_long_at_least() -> None:
    assert latency.to_key({}, a_histogram(60)).p50 == 4


def test_of_a_process_that_began_anew_nothing_is_said() -> None:
    took = latency.to_key(a_histogram(*[3] * 100), a_histogram(0.5))

    assert (took.count, took.p50, took.p99) == (0, None, None)


def test_histograms_of_several_processes_count_as_one_also_where_one_of_them_is_empty() -> None:
    both = latency.together(a_histogram(0.5, 3), a_histogram(1.5), {})

    assert both == {1: 1, 2: 2, 4: 3, float("inf"): 3}


def test_rows_are_told_by_their_histogram_and_events_by_what_the_log_says() -> None:
    rows = latency.to_row({}, a_histogram(*[0.5] * 4))
    events = latency.to_merged({"events": 9, "p50": 0.1, "p99": 0.2})

    assert (rows.what, rows.count) == ("webhook to row", 4)
    assert rows.p50 == pytest.approx(0.5)
    assert (events.what, events.count, events.p50, events.p99) == ("webhook to merged or held", 9, 0.1, 0.2)
