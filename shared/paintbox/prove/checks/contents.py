"""What was logged and kept says what came (I1, I2, I3): the log, the sync logs and the cache, field by field."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from paintbox.prove.contents import OURS, SERVICES, Cached, Told
from paintbox.prove.dump import Published
from paintbox.prove.ledger import Answered
from paintbox.prove.tables import CustomerLog, Mirrored, SyncLog
from paintbox.prove.verdicts import Verdict, Violation, verdict
from synckit.identity import customer_id, photo_id, project_id, row_id
from synckit.times import milliseconds

NOBODY: Final = UUID(int=0)
ROWS: Final = {"Contact": customer_id, "project": project_id, "photo": photo_id}
"""Of what a row is made, and which."""


def what_came_was_sent(sent: Mapping[UUID, Collection[str | None]], came: Sequence[Told]) -> Verdict:
    """Each record of the webhook topics is an event of which a vendor told, under its id, with its payload.

    So no delivery becomes a second event, under an id that nobody sent. `sent`: by event the payloads that it may have.
    """

    def violations() -> Iterator[Violation]:
        for one in came:
            if one.id not in sent:
                yield Violation(str(one.id), "is an event that no vendor sent")
            elif one.said["payload"] not in sent[one.id]:
                yield Violation(str(one.id), "carries another payload than its vendor sent")

    return verdict("I1", "what came was sent", len(came), violations())


def the_log_says_what_came(sent: Iterable[Told], rows: Sequence[Told]) -> Verdict:
    """Each row of the webhook log is one of the records that carried its event, received when one of them was.

    An event that came several times has several, each with its own request. What was not understood keeps its bytes.
    """
    by_event = _by_event(sent)

    def violations() -> Iterator[Violation]:
        for row in rows:
            came = by_event.get(row.id, ())
            if wrong := min((_differing(row, one) for one in came), key=len, default=None):
                yield Violation(str(row.id), f"is logged with another {', '.join(wrong)} than it came with")
            elif came and row.received_at not in {one.received_at for one in came}:
                yield Violation(str(row.id), "is logged at a moment at which it did not come")

    return verdict("I1", "the log says what came", len(rows), violations())


def _differing(row: Told, came: Told) -> list[str]:
    wrong = [name for name, value in row.said.items() if value != came.said[name]]
    if row.raw is not None and row.raw != came.raw:
        wrong.append("raw")
    elif row.raw is not None and "payload" in wrong:
        wrong.remove("payload")
    return wrong


def sync_logs_name_their_records(
    answered: Mapping[UUID, Answered], sent: Iterable[Told], logs: Sequence[SyncLog]
) -> Verdict:
    """The sync log of an event names the record of which the vendor told, our row of it, and the delivery."""
    by_event = _by_event(sent)

    def violations() -> Iterator[Violation]:
        for log in logs:
            told, came = answered.get(log.id), by_event.get(log.id, ())
            wrong = [] if told is None or log.status != "COMPLETED" else _misnamed(log, told)
            if came and str(log.correlation_id) not in {one.said["correlation_id"] for one in came}:
                wrong.append("correlation_id")
            if came and log.service not in {one.said["service"] for one in came}:
                wrong.append("service")
            if came and milliseconds(log.started_at) not in {one.received_at for one in came}:
                wrong.append("started_at")
            if wrong:
                yield Violation(str(log.id), f"has a sync log with another {', '.join(wrong)}")

    return verdict("I2", "sync logs name the records of their events", len(logs), violations())


def _misnamed(log: SyncLog, told: Answered) -> list[str]:
    make = ROWS.get(told.object)
    ours = None if make is None else str(make(told.record))
    found = {
        "entity_type": log.entity_type == told.object,
        "external_id": log.external_id == told.record,
        "entity_id": log.entity_id == (ours if (log.outcome or "").startswith("merged") else None),
    }
    return [name for name, is_so in found.items() if not is_so]


def every_version_has_the_log_of_its_event(
    customers: Sequence[Published], sent: Sequence[Told], logs: Sequence[CustomerLog]
) -> Verdict:
    """Each version of a customer was logged by an event of the delivery that led to it, as done, when that first came.

    Not each has a log of its own: one event that changes a customer twice, as after a crash, is logged once.
    """
    by_correlation: dict[str | None, set[UUID]] = defaultdict(set)
    for one in sent:
        by_correlation[one.said["correlation_id"]].add(one.id)
    known = {log.id: log for log in logs}
    of_version = {(str(log.customer_id), log.version): log for log in logs}
    versions = {(one.key, one.version): one for one in customers if one.value is not None}

    def violations() -> Iterator[Violation]:
        for (key, version), record in versions.items():
            events = by_correlation.get(str(record.correlation_id)) or {record.correlation_id or NOBODY}
            possible = {row_id("customer_sync_logs", str(event), key): event for event in events}
            own = of_version.get((key, version))
            if not possible.keys() & known.keys():
                yield Violation(_named(events, key), f"version {version} of customer {key} has no customer sync log")
            elif own is not None and own.id not in possible:
                yield Violation(key, f"version {version} is logged by an event that did not make it")
        for log in logs:
            if (log.status == "COMPLETED") != (log.customer_id is not None):
                yield Violation(str(log.customer_id or log.id), f"has a customer sync log that is {log.status}")

    return verdict("I2", "every version of a customer has a customer sync log", len(versions), violations())


def _named(events: Collection[UUID], key: str) -> str:
    """The event, where the delivery brought one alone; else the customer, of whom a story is told as well."""
    return str(next(iter(events))) if len(events) == 1 else key


def the_cache_is_the_mirror(
    mirrors: Mapping[str, Mapping[tuple[str, str], Mirrored]], cached: Mapping[tuple[str, str, str], Cached]
) -> Verdict:
    """The shared cache has every mirrored record as it stands, but for our own fields, and no other."""
    mirrored = {
        (SERVICES[vendor], *key): record for vendor, records in mirrors.items() for key, record in records.items()
    }

    def violations() -> Iterator[Violation]:
        for key, record in mirrored.items():
            if key not in cached:
                yield Violation(key[2], f"is mirrored ({key[1]}), and not in the cache")
            elif wrong := _outdated(record, cached[key]):
                yield Violation(key[2], f"is cached with another {', '.join(wrong)} than it is mirrored with")
        for key in cached.keys() - mirrored.keys():
            yield Violation(key[2], f"is cached ({key[1]}), and not mirrored")

    return verdict("I3", "the shared cache is the mirror", len(mirrored), violations())


def _outdated(record: Mirrored, kept: Cached) -> list[str]:
    fields = {name: value for name, value in record.fields.items() if not name.startswith(OURS)}
    wrong = sorted(
        name
        for name in fields.keys() | kept.data.keys()
        if name not in fields or name not in kept.data or fields[name] != kept.data[name]
    )
    if kept.version != record.newest:
        wrong.append("source_version")
    return wrong or ([] if kept.is_hashed else ["data_hash"])


def _by_event(sent: Iterable[Told]) -> dict[UUID, list[Told]]:
    found: dict[UUID, list[Told]] = defaultdict(list)
    for one in sent:
        found[one.id].append(one)
    return found
