"""How it was operated: queues, answers, recovery, resources, deadlocks (I8, I9, I10)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from paintbox.prove.ledger import Attempt, Delivery
from paintbox.prove.verdicts import Verdict, Violation, skipped, verdict

RECOVERY_SECONDS: Final = 60.0
DISTURBED_SECONDS: Final = 180.0
"""Within which a fault is recovered from whatever else was done meanwhile."""
LONGEST_ANSWER_SECONDS: Final = 5.0
PASSED_ON_SECONDS: Final = 10.0
"""The edge asks another door until 4.6 s are over (deploy/edge/nginx.conf), and that one has 1 s and 4.3 s."""
P99_SECONDS: Final = 3.0
UNAVAILABLE: Final = 503
GRACE_SECONDS: Final = 20.0
"""Within which a process ends that is asked to, whatever hangs (docs/decisions/0026-how-a-process-ends.md)."""
LARGEST_MIB: Final = 400
MOST_FILES: Final = 400
MOST_SESSIONS: Final = 80
"""The pools of two copies of everything hold 76."""
GAP_SECONDS: Final = 10.0
"""Between two looks, beyond which nobody knows what was meanwhile: PostgreSQL was away."""
LINGER_SECONDS: Final = 40.0
"""For so long there may be more: those whose client is gone without a word end within 25 s (`synckit.line`), and there
are new ones by then."""
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at a process: what it used, when (ms since 1970)."""

    at_ms: int
    process: str
    resident_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Sessions:
    """A look at PostgreSQL: how many sessions it had, by their name and state; when (ms since 1970)."""

    at_ms: int
    by_kind: Mapping[str, int]

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.by_kind.values())

    def told(self) -> str:
        """When it was, and the most numerous first."""
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        kinds = sorted(self.by_kind.items(), key=lambda item: (-item[1], item[0]))
        return f"{at:%H:%M:%S}Z: " + ", ".join(f"{count} {kind}" for kind, count in kinds)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, in ms since 1970."""

    start_ms: int
    end_ms: int

    def meets(self, attempt: Attempt) -> bool:
        """Whether a try was under way in it, be it for a moment."""
        return self.start_ms <= attempt.at_ms + attempt.seconds * 1000 and attempt.at_ms <= self.end_ms


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a fault ended: after how many seconds everything was ready and nothing waited; None: not in time."""

    fault: str
    target: str
    seconds: float | None
    """Without the time in which a server, or what it hit, was harmed again."""
    waited: float | None = None
    """With it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A process that was asked to end: how long it took, and with what it exited."""

    process: str
    seconds: float
    code: int | None = 0
    """None where it had to be killed, or where nobody saw it."""

    @property
    def wrong(self) -> str | None:
        """What is wrong with it: all but 0 within the grace period."""
        if self.code is None:
            return f"did not end by itself in {self.seconds:.1f} s after SIGTERM"
        if self.code == 0 and self.seconds <= GRACE_SECONDS:
            return None
        return f"exited with {self.code}, {self.seconds:.1f} s after SIGTERM"


def queues_are_empty(waiting: Mapping[str, int]) -> Verdict:
    """At rest no outbox, no note, no spool holds anything, and nothing was refused."""
    left = [Violation(name, f"holds {count:,} rows at rest") for name, count in waiting.items() if count]
    return verdict("I3", "outboxes, notes and spool are empty at rest", len(waiting), left)


def everything_came_to_rest(lacks: Sequence[str], seconds: float, limit: float) -> Verdict:
    """After the last fault the backlog was worked off within the limit."""
    left = [Violation("quiet", lack) for lack in lacks]
    return verdict("I9", f"all came to rest within {limit:.0f} s of the last fault", 1, left, f"after {seconds:.1f} s")


def every_fault_was_recovered_from(recoveries: Sequence[Recovery]) -> Verdict:
    """Ready again and nothing waiting: within a minute of healing, or three where it was disturbed meanwhile."""
    late = [Violation(f"{one.fault} of {one.target}", _late(one)) for one in recoveries if _is_late(one)]
    known = [one.seconds for one in recoveries if one.seconds is not None]
    note = f"at most {max(known):.1f} s" if known else ""
    return verdict("I9", f"recovered within {RECOVERY_SECONDS:.0f} s of each fault", len(recoveries), late, note)


def _is_late(one: Recovery) -> bool:
    return one.seconds is None or one.seconds > RECOVERY_SECONDS or (one.waited or 0.0) > DISTURBED_SECONDS


def _late(one: Recovery) -> str:
    if one.seconds is None:
        return "did not recover"
    waited = one.seconds if one.waited is None else one.waited
    return f"took {one.seconds:.1f} s to recover, {waited:.1f} s with what else was done meanwhile"


def nobody_died(processes: int, deaths: Sequence[Violation]) -> Verdict:
    """No process ended that nobody had harmed; nothing but the nemesis would have started it again."""
    return verdict("I9", "no process ended that nobody harmed", processes, deaths)


def nobody_met_a_bug(told: Mapping[str, Mapping[str, int]]) -> Verdict:
    """No process says of itself what only a bug makes it say: by its log, how often it says which text."""
    found = [
        Violation(log, f'says "{text}" {count:,} times') for log, texts in told.items() for text, count in texts.items()
    ]
    return verdict("I9", "no log tells of a bug", len(told), found)


def whoever_was_asked_ended(endings: Sequence[Ending], *, asked: bool) -> Verdict:
    """Each process that got SIGTERM exited with 0 within its grace period, whatever was harmed meanwhile.

    `asked`: whether a fault asked anybody to.
    """
    claim = f"whoever was asked to end exited with 0 within {GRACE_SECONDS:.0f} s"
    if not endings and not asked:
        return skipped("I9", claim, "nobody was asked to")
    found = [Violation(one.process, wrong) for one in endings if (wrong := one.wrong)]
    note = f"at most {max(one.seconds for one in endings):.1f} s" if endings else ""
    return verdict("I9", claim, len(endings), found, note)


def answers_were_in_time(
    deliveries: Sequence[Delivery],
    frozen: Sequence[Window],
    dead: Sequence[Window],
    without_servers: Sequence[Window] = (),
) -> Verdict:
    """Whatever was answered was answered within 5 s, 99 % of it within 3 s, or with 503; no try hung for longer.

    While a door was frozen nothing of it could answer; a try that it had when it was killed has no answer either. While
    both servers are harmed a door refuses as late as it may, and the edge asks another: for 10 s at most, outside the
    99 %.
    """
    tries = [(one, attempt) for one in deliveries for attempt in one.attempts if not _is_in(frozen, attempt)]
    answers = [(one, attempt) for one, attempt in tries if attempt.status is not None]
    hung = [(one, attempt) for one, attempt in tries if attempt.status is None and not _is_in(dead, attempt)]
    given = [attempt for _, attempt in answers if attempt.status != UNAVAILABLE]
    usual = sorted(attempt.seconds for attempt in given if not _is_in(without_servers, attempt))
    p99 = usual[int(len(usual) * 0.99)] if usual else 0.0

    def violations() -> Iterator[Violation]:
        if p99 > P99_SECONDS:
            yield Violation("99th percentile", f"is {p99:.2f} s")
        for delivery, attempt in (*answers, *hung):
            if attempt.seconds > (PASSED_ON_SECONDS if _is_in(without_servers, attempt) else LONGEST_ANSWER_SECONDS):
                how = "had no answer" if attempt.status is None else f"was answered {attempt.status}"
                yield Violation(delivery.name, f"{how} after {attempt.seconds:.2f} s")

    slowest = max((attempt.seconds for attempt in given), default=0.0)
    note = f"99 % within {p99:.3f} s, the slowest {slowest:.3f} s" if given else ""
    return verdict("I10", "answered in time", len(answers), violations(), note)


def _is_in(windows: Sequence[Window], attempt: Attempt) -> bool:
    return any(one.meets(attempt) for one in windows)


def everything_was_told(deliveries: Sequence[Delivery]) -> Verdict:
    """No vendor gave a delivery up: else what they hold could not be known to us."""
    lost = [Violation(one.name, f"ended {one.state}") for one in deliveries if one.state != "delivered"]
    return verdict("I9", "every delivery ended with a success", len(deliveries), lost)


def there_were_no_deadlocks(deadlocks: Mapping[str, int | None]) -> Verdict:
    """PostgreSQL ended no transaction because of a deadlock; by where it was counted, None where nobody could."""
    found = [Violation(where, f"{count} deadlocks") for where, count in deadlocks.items() if count]
    unread = [where for where, count in deadlocks.items() if count is None]
    note = f"could not be read: {', '.join(unread)}" if unread else ""
    return verdict("F25", "no deadlocks", 0 if unread else len(deadlocks), found, note)


def processes_were_bounded(processes: Collection[str], samples: Sequence[Sample]) -> Verdict:
    """No process grew beyond its bounds. Nothing is known where one of these was never looked at."""

    def violations() -> Iterator[Violation]:
        for one in samples:
            if one.resident_bytes > LARGEST_MIB * MIB:
                yield Violation(one.process, f"had {one.resident_bytes / MIB:.0f} MiB")
            if one.files > MOST_FILES:
                yield Violation(one.process, f"had {one.files} files open")

    largest = max((one.resident_bytes for one in samples), default=0) / MIB
    files = max((one.files for one in samples), default=0)
    unseen = sorted(set(processes) - {one.process for one in samples})
    note = f"never seen: {', '.join(unseen)}" if unseen else f"at most {largest:.0f} MiB, {files} files"
    return verdict("I8", "memory and files are bounded", 0 if unseen else len(samples), violations(), note)


def sessions_were_bounded(sessions: Sequence[Sessions]) -> Verdict:
    """There were never too many database sessions, but for a while. The looks are in the order of time."""
    found = [Violation("PostgreSQL", f"had {look.count} sessions at {look.told()}") for look in _lingering(sessions)]
    note = f"at most {max(look.count for look in sessions)}" if sessions else ""
    return verdict("I8", "database sessions are bounded", len(sessions), found, note)


def _lingering(sessions: Sequence[Sessions]) -> Iterator[Sessions]:
    """The first look of each stretch at which there had been too many for too long."""
    since: int | None = None
    told, before = False, 0
    for look in sessions:
        is_gap, before = look.at_ms - before > GAP_SECONDS * 1000, look.at_ms
        if look.count <= MOST_SESSIONS or is_gap:
            since, told = None, False
        if look.count > MOST_SESSIONS:
            since = look.at_ms if since is None else since
            if not told and look.at_ms - since > LINGER_SECONDS * 1000:
                told = True
                yield look
