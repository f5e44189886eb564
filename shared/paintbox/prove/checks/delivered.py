"""Nothing answered is lost, nothing is done twice (I1, I2, I7): the vendors' ledger against the webhook log."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from paintbox.prove.ledger import Answered
from paintbox.prove.tables import CustomerLog, EventRow, Receipt, SyncLog
from paintbox.prove.verdicts import Verdict, Violation, verdict

FINAL: Final = frozenset({"PROCESSED", "IGNORED", "FAILED"})
LOGGED: Final = {"PROCESSED": "COMPLETED", "IGNORED": "COMPLETED", "FAILED": "FAILED"}
"""Of an event's status that of its sync log."""


def every_answer_is_logged_once(answered: Mapping[UUID, Answered], rows: Sequence[EventRow]) -> Verdict:
    """Each event that was answered 2xx has exactly one row in the webhook log."""
    counts = Counter(row.id for row in rows)

    def violations() -> Iterator[Violation]:
        for event_id, answer in answered.items():
            if not counts[event_id]:
                yield Violation(str(event_id), f"answered ({answer.delivery}), and in no row of webhook_events")
        for event_id, count in counts.items():
            if count > 1:
                yield Violation(str(event_id), f"stands in {count} rows of webhook_events")

    return verdict("I1", "every event that was answered 2xx has one row in the log", len(answered), violations())


def every_event_is_done_with(rows: Sequence[EventRow]) -> Verdict:
    """No event is left received: someone processed it, or said why not."""
    left = [Violation(str(row.id), f"is still {row.status}") for row in rows if row.status not in FINAL]
    return verdict("I1", "every logged event is done with", len(rows), left)


def receipts_agree(receipts: Sequence[Receipt], rows: Sequence[EventRow]) -> Verdict:
    """The deduplicating keys and the log tell of the same events, received at the same moment."""
    kept = {receipt.event_id: receipt.received_at for receipt in receipts}
    logged = {row.id: row.received_at for row in rows}

    def violations() -> Iterator[Violation]:
        for event_id, moment in logged.items():
            if event_id not in kept:
                yield Violation(str(event_id), "is logged without a deduplicating key")
            elif kept[event_id] != moment:
                yield Violation(str(event_id), "is logged at another moment than that of its first receipt")
        yield from (Violation(str(each), "has a key and no row in the log") for each in kept if each not in logged)
        repeated = (each for each, count in Counter(one.event_id for one in receipts).items() if count > 1)
        yield from (Violation(str(each), "has several deduplicating keys") for each in repeated)

    return verdict("I1", "keys of deduplication are those of the log", len(kept.keys() | logged.keys()), violations())


def one_effect_an_event(rows: Sequence[EventRow], logs: Sequence[SyncLog]) -> Verdict:
    """Each event that was processed or ignored has one sync log, which says so; none has several, or no event."""
    counts = Counter(log.id for log in logs)
    said = {log.id: log.status for log in logs}
    known = {row.id for row in rows}

    def violations() -> Iterator[Violation]:
        for row in rows:
            if row.status in {"PROCESSED", "IGNORED"} and not counts[row.id]:
                yield Violation(str(row.id), f"is {row.status} without a sync log")
            elif row.status in LOGGED and said.get(row.id, LOGGED[row.status]) != LOGGED[row.status]:
                yield Violation(str(row.id), f"is {row.status}, and its sync log says {said[row.id]}")
        for event_id, count in counts.items():
            if count > 1:
                yield Violation(str(event_id), f"has {count} sync logs")
            if event_id not in known:
                yield Violation(str(event_id), "has a sync log and is in no row of the log")

    return verdict("I2", "one sync log an event", len(rows), violations())


def one_effect_an_event_and_customer(logs: Sequence[CustomerLog]) -> Verdict:
    """No pair of event and customer was written twice, and no version of a customer by two events."""
    by_id = Counter(log.id for log in logs)
    by_version = Counter((log.customer_id, log.version) for log in logs if log.version is not None)

    def violations() -> Iterator[Violation]:
        for one, count in by_id.items():
            if count > 1:
                yield Violation(str(one), f"one event changed one customer {count} times")
        for (customer, version), count in by_version.items():
            if count > 1:
                yield Violation(str(customer), f"{count} events made version {version} of it")

    return verdict("I2", "one customer sync log an event and customer", len(logs), violations())


def received_equals_done(published: Collection[UUID], rows: Sequence[EventRow]) -> Verdict:
    """What the doors put into Kafka is what the log has: received = processed + ignored + failed, none pending."""
    logged = {row.id for row in rows}

    def violations() -> Iterator[Violation]:
        for each in set(published) - logged:
            yield Violation(str(each), "is in a webhook topic and not in the log")
        for each in logged - set(published):
            yield Violation(str(each), "is in the log and in no webhook topic")

    counts = Counter(row.status for row in rows)
    note = ", ".join(f"{status.lower()} {count:,}" for status, count in sorted(counts.items()))
    return verdict("I7", "received = processed + ignored + failed", len(set(published) | logged), violations(), note)


def nothing_is_set_aside(events: int, set_aside: Mapping[str, str]) -> Verdict:
    """Nothing of this traffic is bad, so nothing may be parked or quarantined."""
    found = [Violation(name, f"was set aside: {reason}") for name, reason in set_aside.items()]
    return verdict("I7", "nothing good is parked or quarantined", events, found)
