"""What `paintbox up`, `down` and `clean` do, told line by line: one of them at a time in a stack's directory."""

import asyncio
import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from paintbox.errors import OperatorError
from paintbox.output import PartLines
from paintbox.stack import down, kept, places, stacks
from paintbox.stack.down import Stopped
from paintbox.stack.layout import Layout
from paintbox.stack.parts import Part
from paintbox.stack.places import Places
from paintbox.stack.programs import Outcome, PartError
from paintbox.stack.up import Result, bring_up, check_space, runs_whole

LONGEST_LINE: Final = 400
NOTHING_CHANGED: Final = frozenset({Outcome.RUNS, Outcome.UNCHANGED})


def up(
    where: Places,
    parts_of: Callable[[Layout], Sequence[Part]],
    environment: Mapping[str, str],
    lines: PartLines,
    *,
    replicas: int | None = None,
) -> list[Result]:
    """Brings up the parts of the stack's layout, each service as often as said, else as before; what became of each.

    What runs as it should is left alone, what crashed starts again, replicas above the number are stopped.
    Raises OperatorError where nothing could be tried: the directory is not ours, or the disk is full.
    """
    places.make(where)
    with locked(where, lines):
        down.stop_strays(where, lambda stopped: show_stopped(lines, stopped))
        layout = _chosen(where, replicas)
        parts = parts_of(layout)
        if not runs_whole(where, parts):
            check_space(where.directory)
        down.stop_surplus(where, layout, lambda stopped: show_stopped(lines, stopped))
        stack = stacks.lasting(stacks.open_stack(where, environment, lines.say, layout))
        results = asyncio.run(bring_up(stack, parts, lambda part, result: show_result(lines, part, result)))
        if all(result.is_up for result in results):
            stacks.keep(stack)
    if all(result.outcome in NOTHING_CHANGED for result in results):
        lines.say("everything was up already, and nothing was changed")
    elif all(result.is_up for result in results):
        lines.say(f"up. For a shell: set -a; . {shlex.quote(str(where.environment))}; set +a")
    return results


def _chosen(where: Places, number: int | None) -> Layout:
    before = kept.read(where.kept).layout
    return before if number is None else replace(before, replicas=number)


def stop(where: Places, parts: Sequence[Part], lines: PartLines) -> list[Stopped]:
    """Stops what runs, newest first; what that was. The data stays."""
    if not any(path.exists() for path in (where.kept, where.lock, where.pids)):  # somebody's directory: leave no lock
        stopped = down.stop_strays(where, lambda one: show_stopped(lines, one))
    else:
        places.check_owner(where)
        with locked(where, lines):
            stopped = down.stop_all(where, [part.name for part in parts], lambda one: show_stopped(lines, one))
    _say_if_none(stopped, lines)
    return stopped


def _say_if_none(stopped: Sequence[Stopped], lines: PartLines) -> None:
    if not any(not one.had_crashed for one in stopped):
        lines.say("nothing runs")


def clean(where: Places, parts: Sequence[Part], lines: PartLines) -> list[Stopped]:
    """Stops what runs and removes all that the stack made; what was stopped. What others put there stays.

    Under one lock: what another command starts in between would lose its files.
    """
    if not (where.directory.exists() and places.are_ours(where)):
        return stop(where, parts, lines)
    places.check_owner(where)
    with locked(where, lines):
        stopped = down.stop_strays(where, lambda one: show_stopped(lines, one))
        stopped += down.stop_all(where, [part.name for part in parts], lambda one: show_stopped(lines, one))
        _say_if_none(stopped, lines)
        left = down.remove_all(where)
    lines.say(f"removed {where.directory}" + (f", but for what is not the stack's: {', '.join(left)}" if left else ""))
    return stopped


def demand_passing(where: Places) -> None:
    """Raises OperatorError where the directory has a stack that no command may remove unasked, as `up` makes it."""
    if where.kept.exists() and not kept.read(where.kept).is_passing:
        raise OperatorError(
            f"{where.directory} holds a stack that was not made to be removed: name another directory with "
            f"--directory, or remove it yourself: `paintbox clean --directory {where.directory}`."
        )


def remove_earlier(
    where: Places, lines: PartLines, stop: Callable[[Places, PartLines], None], *, unasked: bool
) -> None:
    """Stops and removes what an earlier run left in a directory of its own; one that is at work there is waited for.

    Raises OperatorError where it is removed unasked, and has become a stack that was not made for that meanwhile.
    """
    if not where.kept.exists():
        down.stop_strays(where, lambda stopped: show_stopped(lines, stopped))
        return
    places.check_owner(where)
    with locked(where, lines):
        if unasked:
            demand_passing(where)
        stop(where, lines)
        down.remove_all(where)


@contextlib.contextmanager
def locked(where: Places, lines: PartLines) -> Iterator[None]:
    """Holds the stack's lock for the block; says so where it must wait for it."""

    def say_so() -> None:
        lines.say(f"another command is at work on {where.directory}: waiting until it is done")

    with places.locked(where, say_so):
        yield


def show_result(lines: PartLines, part: str, result: Result | None) -> None:
    """A line for what became of a part, with its log's end where it failed. None: it is under way."""
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


def show_stopped(lines: PartLines, stopped: Stopped) -> None:
    """A line for a process that was stopped."""
    if stopped.had_crashed:
        lines.end(stopped.part, "had crashed", stopped.seconds, "yellow")
    elif stopped.killed:
        lines.end(stopped.part, f"killed (pid {stopped.pid}): it did not end by itself", stopped.seconds, "red")
    else:
        lines.end(stopped.part, "stopped", stopped.seconds)
