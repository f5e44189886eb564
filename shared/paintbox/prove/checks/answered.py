"""What the vendors were answered: nothing that they deliver here deserves a refusal (I10)."""

from collections.abc import Iterator, Sequence
from typing import Final

from paintbox.prove.checks.operated import UNAVAILABLE, Window
from paintbox.prove.ledger import Attempt, Delivery
from paintbox.prove.verdicts import Verdict, Violation, verdict

STALE: Final = 401


def answers_were_right(
    deliveries: Sequence[Delivery],
    harmed: Sequence[Window],
    without_servers: Sequence[Window] = (),
    astray: Sequence[Window] = (),
) -> Verdict:
    """Each try was answered with a success, or with 503 and when to come again; without an answer only while harmed.

    Every delivery is good, and nobody sends too fast: a 400, a 401, a 413, a 429 or a 500 is ours, and so is a 502 or a
    504, which the edge makes a 503. `harmed`: when a door or the edge was; `without_servers`: when both servers were.
    At other times there is Kafka or the spool to keep a delivery, and a 503 is one too many. `astray`: when the clock
    of a door was wrong, which takes signatures for stale then.
    """
    tries = [(one, attempt) for one in deliveries for attempt in one.attempts]

    def violations() -> Iterator[Violation]:
        for delivery, attempt in tries:
            is_stale = attempt.status == STALE and _meets(astray, attempt)
            if not is_stale and (wrong := _wrong(attempt, harmed, without_servers)) is not None:
                yield Violation(delivery.name, wrong)

    refused = sum(attempt.status == UNAVAILABLE for _, attempt in tries)
    silent = sum(attempt.status is None for _, attempt in tries)
    note = f"{refused:,} with 503, {silent:,} without an answer"
    return verdict("I10", "answered with a success, or with 503 and Retry-After", len(tries), violations(), note)


def _wrong(attempt: Attempt, harmed: Sequence[Window], without_servers: Sequence[Window]) -> str | None:
    if attempt.error is None:
        return None
    if attempt.status is None:
        return None if _meets(harmed, attempt) else f"had no answer ({attempt.error}) though no door or edge was harmed"
    if attempt.status != UNAVAILABLE:
        return f"was answered {attempt.status}"
    if not attempt.retry_after:
        return f"was answered {UNAVAILABLE} without Retry-After"
    is_excused = _meets(harmed, attempt) or _meets(without_servers, attempt)
    return None if is_excused else f"was answered {UNAVAILABLE} though it could be kept"


def _meets(windows: Sequence[Window], attempt: Attempt) -> bool:
    return any(window.meets(attempt) for window in windows)
