"""A proof's report as a person reads it on a terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from paintbox.prove.report import Proof, Struck
from paintbox.prove.trace import Story
from paintbox.prove.verdicts import State, Verdict

STYLES = {State.HELD: "green", State.VIOLATED: "bold red", State.NOTHING_CHECKED: "yellow", State.SKIPPED: "dim"}

Line = tuple[str, str]
"""A line, and its style."""


def show(console: Console, proof: Proof) -> None:
    """Prints the whole report; the verdict is its last line."""
    console.print(_faults(proof))
    console.print(_invariants(proof))
    for line, style in _lines(proof):
        console.print(Text(line, style=style), soft_wrap=True)


def _faults(proof: Proof) -> Table:
    table = Table("at", "fault", "lasted", "became", "recovered after", title="faults", title_justify="left")
    for one in proof.struck:
        table.add_row(*(Text(cell) for cell in fault_cells(one)))
    return table


def fault_cells(one: Struck) -> tuple[str, ...]:
    """A row of the table of faults: when it was begun, what, how long until it was healed, what became of it."""
    lasted = "" if one.lasted is None else f"{one.lasted:.1f} s"
    return f"{one.at:.1f} s", one.stroke.says, lasted, one.outcome, recovered(one)


def recovered(one: Struck) -> str:
    """How long it took, without and with the time in which other faults were at work."""
    if one.recovery_seconds is None:
        return ""
    whole = "" if one.waited_seconds is None else f" ({one.waited_seconds:.1f} s in all)"
    return f"{one.recovery_seconds:.1f} s{whole}"


def _invariants(proof: Proof) -> Table:
    table = Table(title="invariants", title_justify="left")
    table.add_column("")
    table.add_column("claim")
    table.add_column("checked", justify="right")
    table.add_column("violations", justify="right")
    table.add_column("state")
    table.add_column("")
    for one in proof.verdicts:
        cells = (one.invariant, one.claim, f"{one.checked:,}", f"{one.violated:,}", one.state.value, one.note)
        table.add_row(*(Text(cell) for cell in cells), style=STYLES[one.state])
    return table


def _lines(proof: Proof) -> Iterator[Line]:
    for name, reason in proof.skipped:
        yield f"skipped: {name} ({reason})", "yellow"
    for died in proof.died:
        yield f"died by itself: {died}", "bold red"
    for verdict in proof.verdicts:
        yield from _violations(verdict)
    for story in proof.stories:
        yield from _story(story)
    yield f"through {proof.through}; " + ", ".join(f"{count:,} {name}" for name, count in proof.counted.items()), ""
    yield f"logs: {proof.logs}", "dim"
    yield conclusion(proof), "bold green" if proof.is_proven else "bold red"


def _violations(verdict: Verdict) -> Iterator[Line]:
    if verdict.violated:
        yield f"{verdict.invariant} {verdict.claim}: {verdict.violated:,} violations", "bold red"
        for one in verdict.violations:
            yield f"  {one.subject} {one.what}", "red"


def _story(story: Story) -> Iterator[Line]:
    yield f"the story of {story.subject}:", "bold"
    for seen in story.seen:
        yield f"  {seen.at:<24} {seen.where:<28} {seen.what} (by {seen.by})", ""
    if story.topics_unread:
        yield f"  what the topics say is not told: {story.topics_unread}", "yellow"


def conclusion(proof: Proof) -> str:
    """The whole report in a sentence."""
    violated = sum(verdict.violated for verdict in proof.verdicts)
    unchecked = [verdict.claim for verdict in proof.verdicts if verdict.state is State.NOTHING_CHECKED]
    if proof.ended_early is not None:
        seen = f"{violated:,} violations until then" if violated else "no violation until then"
        return f"seed {proof.seed}: ended early after {proof.seconds:.0f} s, {seen}: {proof.ended_early}"
    if violated:
        return f"seed {proof.seed}: {violated:,} violations in {proof.seconds:.0f} s"
    if unchecked:
        return f"seed {proof.seed}: nothing was checked of: {'; '.join(unchecked)}"
    return f"seed {proof.seed}: 0 violations in {proof.seconds:.0f} s"
