"""How far a run has come, in words and on the screen."""

import io
from typing import Any

from rich.console import Console

from paintbox.demo.counts import Count, Counts, undelivered, unprojected
from paintbox.demo.display import Display


def a_count(**changes: Any) -> Counts:
    values: dict[str, Any] = {
        "sent": Count(10, 10),
        "answered": Count(10, 10),
        "in_kafka": Count(12, 12),
        "rows": Count(8, 8),
        "keys": Count(3, 3),
        "held_projects": 0,
        "held_photos": 0,
        "pending": {"salesforce": 0, "companycam": 0},
        "given_up": {"salesforce": 0, "companycam": 0},
    }
    return Counts(**values | changes)


def test_where_everything_arrived_nothing_lacks() -> None:
    assert [*undelivered(a_count()), *unprojected(a_count())] == []


def test_more_than_was_expected_lacks_nothing() -> None:
    assert [*undelivered(a_count(in_kafka=Count(15, 12)))] == []


def test_what_lacks_is_said_with_numbers_and_with_the_process_whose_log_says_why() -> None:
    counts = a_count(
        pending={"salesforce": 0, "companycam": 1200},
        in_kafka=Count(2, 12),
        rows=Count(5, 8),
        keys=Count(1, 3),
        held_projects=2,
        held_photos=1,
    )

    lacks = [*undelivered(counts), *unprojected(counts)]

    assert [(lack.part, lack.what) for lack in lacks] == [
        ("companycam", "the simulator companycam has 1,200 deliveries to make"),
        ("webhook-ingest", "10 of 12 records are not in Kafka"),
        ("photo-sync", "3 of 8 rows are missing (projects held: 2, photos held: 1)"),
        ("customer-sync", "2 of 3 federation keys are not applied"),
    ]


def test_a_terminal_shows_a_bar_for_each_count() -> None:
    output = io.StringIO()

    with Display(Console(file=output, width=120, force_terminal=True)) as display:
        display.show(a_count(rows=Count(1234, 4300)))

    assert "1,234 of 4,300" in output.getvalue()
    assert "keys applied" in output.getvalue()


def test_without_a_terminal_what_is_done_is_a_line_of_its_own() -> None:
    output = io.StringIO()

    with Display(Console(file=output, width=20)) as display:
        display.say("edits [and] labels, in a line that is longer than the screen")

    (line,) = output.getvalue().splitlines()
    assert line.endswith(" s  edits [and] labels, in a line that is longer than the screen")


def test_for_machines_nothing_is_shown() -> None:
    with Display(None) as display:
        display.say("edits")
        display.show(a_count())
