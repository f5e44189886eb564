"""What `paintbox parked` shows of records that came from outside, and what it takes for an age."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paintbox.parked import text
from paintbox.parked.ages import moment_of
from paintbox.parked.listing import SetAside
from paintbox.parked.progress import Progress
from paintbox.parked.record import Whole, printable, readable

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-01-01T10:00:00+02:00", datetime(2026, 1, 1, 8, 0, tzinfo=UTC)),
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59Z", datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
    ],
)
def test_ages_and_times(said: str, meant: datetime) -> None:
    assert moment_of(said, NOW) == meant


@pytest.mark.parametrize("said", ["", "h", "-5m", "5", "5 m", "yesterday", "9999999d", "2026-13-01"])
def test_b100_anything_else_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="neither an age"):
        moment_of(said, NOW)


@pytest.mark.parametrize("said", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_b100_a_time_that_is_none_in_utc_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="no year from 1 to 9999"):
        moment_of(said, NOW)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (b'{"a":[1,"\xc3\xa9"]}', '{\n  "a": [\n    1,\n    "é"\n  ]\n}'),
        (b"plain", "plain"),
        (b"\xff\xfe", "base64: //4="),
    ],
)
def test_a_value_is_shown_as_json_as_text_or_as_base64(value: bytes | None, shown: str) -> None:
    assert readable(value) == shown


def test_b25_nothing_that_came_from_outside_moves_the_cursor() -> None:
    assert printable("a\x1b[2Jb\rc\x9b\u202ed\ne") == "a\\x1b[2Jb\\rc\\x9b\\u202ed\ne"
    assert "\x1b" not in readable(b"\x1b[31m")
    assert "\x7f" not in readable(b'"\x7f"')


def set_aside(**changes: Any) -> SetAside:
    values: dict[str, Any] = {
        "id": "0e8e5b1c-6f3a-5d0e-9a63-0d2f3c1b7a55",
        "kind": "quarantined",
        "consumer": "webhook-log",
        "topic": "companycam",
        "partition": None,
        "offset": None,
        "key": "",
        "reason": "unknown_organization",
        "detail": "companycam.quarantined.v1",
        "attempt": 1,
        "since": NOW,
        "state": "open",
    }
    return SetAside(**values | changes)


def test_b25_a_key_and_a_header_cannot_forge_a_line_of_the_record() -> None:
    forged = Whole(set_aside(key="x\nreason    all is well"), {"h\nvalue": "y\nvalue"}, b"1", None, None)

    lines = text.whole(forged).splitlines()

    assert [line for line in lines if line.startswith("value")] == ["value"]
    assert len([line for line in lines if line.startswith("reason")]) == 1


def test_the_list_shows_id_and_reason_whole_in_80_columns_and_everything_else_below() -> None:
    parked = set_aside(id="7", kind="parked", topic="t", partition=3, offset=9, key="4711", detail="/id: is no id")

    lines = list(text.listed([set_aside(), parked]))

    assert lines == [
        "0e8e5b1c-6f3a-5d0e-9a63-0d2f3c1b7a55  unknown_organization",
        "    quarantined, open, webhook-log, attempt 1, since 2026-01-02 12:00:00",
        "    companycam",
        "    companycam.quarantined.v1",
        "7  unknown_organization",
        "    parked, open, webhook-log, attempt 1, since 2026-01-02 12:00:00",
        "    t/3@9",
        "    key 4711",
        "    /id: is no id",
    ]
    assert all(len(line) <= 80 for line in lines)


def test_b25_nothing_that_came_from_outside_makes_a_line_of_the_list() -> None:
    lines = list(text.listed([set_aside(key="a\nb\x1b[2J", detail="c\rd")]))

    assert len(lines) == 5
    assert "    key a\\nb\\x1b[2J" in lines
    assert "    c\\rd" in lines


def test_an_outcome_says_who_is_missing_and_who_is_slow() -> None:
    progress = Progress(
        done=1, failed=2, dropped=5, waiting={"customer-sync": 3, "photo-sync": 4}, absent=("photo-sync",)
    )

    said = list(text.outcome(progress))

    assert said[0] == "1 done, 2 failed again, 7 still waiting"
    assert said[1] == "5 were dropped meanwhile"
    assert "customer-sync, which runs" in said[2]
    assert "photo-sync, which has no session" in said[3]
    assert not progress.is_over
    assert not progress.is_good
    assert Progress(done=1).is_good
    assert not Progress(failed=1).is_good
    assert not Progress(dropped=1).is_good
