"""What was set aside, as a person reads it. Whatever came from outside is written out, so that it moves no cursor."""

from collections.abc import Iterator, Sequence

from paintbox.parked.listing import Alarm, SetAside
from paintbox.parked.progress import Progress
from paintbox.parked.record import Whole, printable, readable


def listed(found: Sequence[SetAside]) -> Iterator[str]:
    """A line with the id and the reason each, and below it, indented, what else is known."""
    for one in found:
        about = (
            f"{one.kind}, {one.state}, {one.consumer}, attempt {one.attempt}, since {one.since:%Y-%m-%d %H:%M:%S}",
            _origin(one),
            f"key {one.key}" if one.key else "",
            one.detail,
        )
        yield f"{one.id}  {printable(one.reason)}"
        yield from (f"    {_on_one_line(fact)}" for fact in about if fact)


def _on_one_line(text: str) -> str:
    return printable(text).replace("\n", "\\n")


def _origin(one: SetAside) -> str:
    return one.topic if one.partition is None else f"{one.topic}/{one.partition}@{one.offset}"


def _reason(one: SetAside) -> str:
    return f"{one.reason}: {one.detail}" if one.detail else one.reason


def alarm(one: Alarm, options: str = "") -> str:
    """An alarm that is in force, and what ends it: with the options that this command had, to find its stack."""
    return (
        f"alarm: {one.consumer} stopped reading {one.topic} at {one.raised_at:%Y-%m-%d %H:%M:%S}: {one.parked} of "
        f"{one.records} records were parked within a minute. When the release is mended: "
        f"paintbox parked resume --consumer {one.consumer} --topic {one.topic}{options}"
    )


def whole(one: Whole) -> str:
    """A record with its headers and its value."""
    about = one.about
    facts = {
        "id": about.id,
        "kind": about.kind,
        "state": about.state,
        "consumer": about.consumer,
        "from": _origin(about),
        "key": about.key,
        "reason": _reason(about),
        "attempt": str(about.attempt),
        "since": about.since.isoformat(),
        "redriven": one.redriven_at and one.redriven_at.isoformat(),
        "dropped": one.dropped_at and one.dropped_at.isoformat(),
    }
    lines = [f"{name:<10}{_on_one_line(value)}" for name, value in facts.items() if value]
    lines += [
        "headers",
        *(f"  {_on_one_line(name)}: {_on_one_line(str(value))}" for name, value in one.headers.items()),
    ]
    return "\n".join([*lines, "value", readable(one.value)])


def outcome(progress: Progress) -> Iterator[str]:
    """What became of a redrive, and what to look at where it is not over."""
    yield f"{progress.done} done, {progress.failed} failed again, {sum(progress.waiting.values())} still waiting"
    if progress.dropped:
        yield f"{progress.dropped} were dropped meanwhile"
    for consumer, many in progress.waiting.items():
        if consumer in progress.absent:
            yield f"{many} wait for {consumer}, which has no session in the database: does it run? (`paintbox status`)"
        else:
            yield f"{many} wait for {consumer}, which runs: what it waits for is in its /readyz and its log"
    if progress.failed:
        yield "why they failed: `paintbox parked list`"
