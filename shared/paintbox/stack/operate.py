"""What `paintbox up`, `down` and `clean` do, told line by line: one of them at a time in a stack's directory."""

import asyncio
import contextlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from paintbox.output import PartLines
from paintbox.stack import down, places, stacks
from paintbox.stack.down import Stopped
from paintbox.stack.parts import Part
from paintbox.stack.places import Places
from paintbox.stack.programs import Outcome, PartError
from paintbox.stack.up import Result, bring_up, check_space, runs_whole

LONGEST_LINE: Final = 400
NOTHING_CHANGED: Final = frozenset({Outcome.RUNS, Outcome.UNCHANGED})


def up(where: Places, parts: Sequence[Part], environment: Mapping[str, str], lines: PartLines) -> list[Result]:
    """Brings every part up; what became of each. What runs as it should is left alone, what crashed starts again.

    Raises OperatorError where nothing could be tried: the directory is not ours, or the disk is full.
    """
    places.make(where)
    with _locked(where, lines):
        down.stop_strays(where, lambda stopped: _show_stopped(lines, stopped))
        if not runs_whole(where, parts):
            check_space(where.directory)
        stack = stacks.open_stack(where, environment, lines.say)
        results = asyncio.run(bring_up(stack, parts, lambda part, result: _watch(lines, part, result)))
        if all(result.is_up for result in results):
            stacks.keep(stack)
    if all(result.outcome in NOTHING_CHANGED for result in results):
        lines.say("everything was up already, and nothing was changed")
    elif all(result.is_up for result in results):
        lines.say(f"up. For a shell: set -a; . {shlex.quote(str(where.environment))}; set +a")
    return results


def stop(where: Places, parts: Sequence[Part], lines: PartLines) -> list[Stopped]:
    """Stops what runs, newest first; what that was. The data stays."""
    if not where.directory.exists():
        stopped = down.stop_strays(where, lambda one: _show_stopped(lines, one))
    else:
        places.check_owner(where)
        with _locked(where, lines):
            stopped = down.stop_all(where, [part.name for part in parts], lambda one: _show_stopped(lines, one))
    if not any(not one.had_crashed for one in stopped):
        lines.say("nothing runs")
    return stopped


def clean(where: Places, parts: Sequence[Part], lines: PartLines) -> list[Stopped]:
    """Stops what runs and removes all that the stack made; what was stopped. What others put there stays."""
    stopped = stop(where, parts, lines)
    if where.kept.exists():
        with _locked(where, lines):
            left = down.remove_all(where)
        lines.say(
            f"removed {where.directory}" + (f", but for what is not the stack's: {', '.join(left)}" if left else "")
        )
    return stopped


@contextlib.contextmanager
def _locked(where: Places, lines: PartLines) -> Iterator[None]:
    def say_so() -> None:
        lines.say(f"another command is at work on {where.directory}: waiting until it is done")

    with places.locked(where, say_so):
        yield


def _watch(lines: PartLines, part: str, result: Result | None) -> None:
    if result is None:
        lines.begin(part)
    elif result.outcome is not None:
        lines.end(part, result.outcome.value, result.seconds, "dim" if result.outcome in NOTHING_CHANGED else "green")
    elif result.error is None:
        lines.end(part, f"needs {result.waits_for}", result.seconds, "yellow")
    else:
        lines.end(part, "failed", result.seconds, "red")
        _show_error(lines, result.error)


def _show_error(lines: PartLines, error: PartError) -> None:
    lines.say(f"  {error}", "red")
    if error.log is not None:
        for line in error.last:
            lines.say(f"  | {line[:LONGEST_LINE]}{'…' if len(line) > LONGEST_LINE else ''}")
        lines.say(f"  its log: {error.log}")


def _show_stopped(lines: PartLines, stopped: Stopped) -> None:
    if stopped.had_crashed:
        lines.end(stopped.part, "had crashed", stopped.seconds, "yellow")
    elif stopped.killed:
        lines.end(stopped.part, f"killed (pid {stopped.pid}): it did not end by itself", stopped.seconds, "red")
    else:
        lines.end(stopped.part, "stopped", stopped.seconds)
