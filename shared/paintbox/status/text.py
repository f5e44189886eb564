"""`paintbox status` as a person reads it."""

from collections.abc import Iterator
from datetime import UTC, datetime

from paintbox.parked.text import alarm
from paintbox.status.parts import PartStatus, State
from paintbox.status.report import Status
from paintbox.status.rows import MOST_UNFINISHED, Held, SetAside
from paintbox.topics import Kind, sentence

STYLES = {State.READY: "green", State.UNREADY: "yellow", State.CRASHED: "red", State.DOWN: "red"}

Line = tuple[str, str | None]
"""A line, and how it is shown on a terminal."""


def lines(status: Status, options: str = "") -> Iterator[Line]:
    """Everything found, a fact a line; of a stack that is down only that. `options` are for commands that find it."""
    if status.parts and all(part.state is State.DOWN for part in status.parts):
        yield f"the local stack is down: `{f'paintbox up{options}' if options else 'make up'}` starts it", None
        return
    yield from (_part(part) for part in status.parts)
    yield from ((f"problem: {problem}", "red") for problem in status.problems)
    if status.topics:
        yield "", None
        yield from _topics(status)
        yield from _drift(status)
    if status.databases:
        yield "", None
        yield from _waiting(status, options)


def _part(part: PartStatus) -> Line:
    text = f"{part.part:<18}{part.state.value:<11}"
    if part.pid and part.since:
        text += f"pid {part.pid}, up {_age((datetime.now(UTC) - part.since).total_seconds())}"
    if part.missing:
        text += f"{'; ' if part.pid else ''}{part.missing}"
    if part.log and part.state in {State.CRASHED, State.UNREADY}:
        text += f"; its log: {part.log}"
    return text.rstrip(), STYLES[part.state]


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _topics(status: Status) -> Iterator[Line]:
    for topic in status.topics:
        if not topic.exists:
            yield f"{topic.topic:<34}missing: `paintbox topics apply` makes it", "red"
            continue
        lag = ", ".join(f"{group} {behind} behind" for group, behind in topic.lag.items()) or "nobody reads it yet"
        style = "yellow" if any(topic.lag.values()) else None
        yield f"{topic.topic:<34}{topic.end:>9} offsets   {lag}", style
        for group, many in topic.deleted_unread.items():
            yield f"{topic.topic}: {many} offsets were deleted before {group} read them", "red"


def _drift(status: Status) -> Iterator[Line]:
    for change in status.drift:
        left = "differs" if change.kind is Kind.DRIFT else "differs: `paintbox topics apply` puts it right; "
        yield sentence(change, left), "yellow"


def _waiting(status: Status, options: str) -> Iterator[Line]:
    for database, found in status.databases.items():
        if found.outbox is not None:
            oldest = f", the oldest for {_age(found.outbox.oldest_seconds)}" if found.outbox.rows else ""
            yield f"outbox of {database}: {found.outbox.rows} rows{oldest}", "yellow" if found.outbox.rows else None
            if found.outbox.refused:
                yield f"outbox of {database}: {found.outbox.refused} rows were too large for Kafka", "red"
        for of_what, rows in (found.refused or {}).items():
            yield f"refused by {database}: {rows} rows of {of_what} records, tried again once a minute", "red"
    yield from (_held(found.held) for found in status.databases.values() if found.held is not None)
    for found in status.databases.values():
        if found.set_aside is not None:
            yield from _set_aside(found.set_aside, options)


def _held(held: Held) -> Line:
    return (
        f"held: {held.projects_without_customer} projects without a customer, "
        f"{held.projects_with_several_candidates} with several candidates, "
        f"{held.photos_without_project} photos without a project; contested: {held.contested_projects}",
        None,
    )


def _set_aside(found: SetAside, options: str) -> Iterator[Line]:
    of_whom = f" ({', '.join(f'{who} {many}' for who, many in found.parked.items())})" if found.parked else ""
    yield f"quarantined: {found.quarantined}; parked: {sum(found.parked.values())}{of_whom}", None
    if found.unfinished:
        many = f"{MOST_UNFINISHED:,} or more" if found.unfinished > MOST_UNFINISHED else found.unfinished
        yield f"received more than an hour ago, and nobody has worked on them: {many} webhooks", "yellow"
    yield from ((alarm(one, options), "red") for one in found.alarms)
