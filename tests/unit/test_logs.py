"""A line of the log: one JSON object, which names kinds and places of errors and never repeats their texts."""

import json
import logging
from contextlib import suppress

from synckit.observability import logs

SAID = "Doe, 555-0100"
"""What an error's text may quote."""


def line_of(error: Exception) -> str:
    record = logging.LogRecord("a.logger", logging.ERROR, __file__, 1, "It failed", None, (type(error), error, None))
    return logs._Formatter("a-process").format(record)


def raised(error: Exception) -> Exception:
    """The same, with its places."""
    with suppress(Exception):
        raise error
    return error


def kinds(line: str) -> list[str]:
    return [one["kind"] for one in json.loads(line)["exception"]]


def test_an_error_is_its_kind_and_its_places_with_what_it_came_of() -> None:
    cause = raised(KeyError(SAID))
    error = ValueError(SAID)
    error.__cause__ = cause

    line = line_of(raised(error))

    assert kinds(line) == ["builtins.ValueError", "builtins.KeyError"]
    assert "test_logs.py" in json.loads(line)["exception"][0]["frames"][0]
    assert SAID not in line


def test_a_group_of_errors_names_each_of_them() -> None:
    group = ExceptionGroup(SAID, [raised(AttributeError(SAID)), raised(OSError(SAID))])

    line = line_of(raised(group))

    assert kinds(line) == ["builtins.ExceptionGroup", "builtins.AttributeError", "builtins.OSError"]
    assert SAID not in line


def test_a_line_has_its_sentence_where_it_comes_from_its_time_and_its_ids() -> None:
    record = logging.LogRecord("a.logger", logging.WARNING, __file__, 1, "It took %d s", (7,), None)
    record.created = 1_767_342_000.25
    vars(record).update({"event_ids": [1, 2], "color_message": "\x1b[31mno"})

    line = logs._Formatter("a-process").format(record)

    assert json.loads(line) == {
        "event": "It took 7 s",
        "level": "warning",
        "logger": "a.logger",
        "event_ids": [1, 2],
        "timestamp": "2026-01-02T08:20:00.250000Z",
        "process": "a-process",
    }
