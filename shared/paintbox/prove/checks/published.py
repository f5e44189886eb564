"""Every committed version is published, and nothing goes backwards (I3, I4): the owners' rows against the topics."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from paintbox.prove.dump import Published
from paintbox.prove.tables import CustomerLog, Doubted, Entity
from paintbox.prove.verdicts import Verdict, Violation, skipped, verdict
from paintbox.world.expected import ten_digits

STEP: Final = "Step"
"""A first name, or a project's, that is this word and a number: who makes the traffic counts it up."""


def every_row_is_published(what: str, owned: Sequence[Entity], records: Sequence[Published]) -> Verdict:
    """The version that each row has now stands in its topic."""
    there = {(record.key, record.version) for record in records}
    missing = [
        Violation(entity.key, f"version {entity.version} of its row was never published")
        for entity in owned
        if (entity.key, entity.version) not in there
    ]
    return verdict("I3", f"every row's version is published: {what}", len(owned), missing)


def every_committed_version_is_published(logs: Sequence[CustomerLog], records: Sequence[Published]) -> Verdict:
    """Each version that an event ever made of a customer stands in the topic, not only the last."""
    there = {(record.key, record.version) for record in records}
    made = [(str(log.customer_id), log.version) for log in logs if log.customer_id and log.version is not None]
    missing = [
        Violation(customer, f"version {version} was committed and never published")
        for customer, version in made
        if (customer, version) not in there
    ]
    return verdict("I3", "every committed version is published: customers", len(made), missing)


def every_record_is_readable(records: Sequence[Published]) -> Verdict:
    """Each record of our topics is of the form that we write: what of it cannot be read is in no comparison."""
    unreadable = [
        Violation(str(one.event_id or one.key), f"has a record at {one.place} whose {one.unreadable[0]} cannot be read")
        for one in records
        if one.unreadable
    ]
    return verdict("I4", "every record can be read", len(records), unreadable)


def nothing_goes_backwards(records: Sequence[Published]) -> Verdict:
    """Per key the versions rise, in every compacted topic, as they stand one behind the other.

    A relay that died between publishing and deleting publishes its round once more: in the same order, to its end, and
    word for word. Nothing of the proof's traffic is ever erased.
    """
    histories: dict[tuple[str, str], _History] = {}
    found: list[Violation] = []
    repeated = 0
    for record in records:
        place = record.topic, record.key
        if record.unreadable:
            continue
        if record.value is None:
            found.append(Violation(record.key, f"{record.place} erases it"))
            continue
        history = histories.setdefault(place, _History(record.partition))
        repeated += record.version in history.said
        if wrong := history.add(record):
            found.append(Violation(record.key, wrong))
    for (topic, key), history in histories.items():
        if history.versions and history.at < len(history.versions) - 1:
            found.append(
                Violation(key, f"{topic} ends with version {history.versions[history.at]} of it, an older one")
            )
    note = f"{repeated:,} were published once more" if repeated else ""
    return verdict("I4", "per key the published versions rise", len(records), found, note)


@dataclass(slots=True)
class _History:
    """What was published under a key so far: its versions in their order, what each says, and which came last."""

    partition: int
    versions: list[int] = field(default_factory=list)
    said: dict[int, Mapping[str, Any] | None] = field(default_factory=dict)
    at: int = -1

    def add(self, record: Published) -> str | None:
        """Takes the next record in; what is wrong with it."""
        if record.partition != self.partition:
            return f"{record.place} is in another partition than {self.partition}"
        if self.said.setdefault(record.version, record.value) != record.value:
            return f"{record.place} says something else in version {record.version} than was published before"
        if record.version in self.versions:
            before, self.at = self.at, self.versions.index(record.version)
            return f"{record.place} leaves versions out of a repetition" if self.at > before + 1 else None
        if self.at < len(self.versions) - 1:
            return f"{record.place} has version {record.version} before a repetition came to its end"
        if self.versions and record.version < self.versions[-1]:
            return f"{record.place} has version {record.version} after {self.versions[-1]}"
        self.versions.append(record.version)
        self.at = len(self.versions) - 1
        return None


def what_counts_up_never_falls(records: Sequence[Published]) -> Verdict:
    """What the traffic counts up rises per key from version to version: no older fact is applied over a newer one.

    For a while only, that is: the last state is compared with the truth. A repetition counts as what it repeats.
    """
    steps: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for record in records:
        if (step := _step(record)) is not None:
            steps[record.topic, record.key].setdefault(record.version, step)

    def violations() -> Iterator[Violation]:
        for (_, key), by_version in steps.items():
            for (before, former), (version, step) in pairwise(sorted(by_version.items())):
                if step < former:
                    yield Violation(key, f"is at step {step} in version {version}, and at {former} in version {before}")

    checked = sum(len(by_version) for by_version in steps.values())
    return verdict("I4", "what counts up never falls", checked, violations())


def _step(record: Published) -> int | None:
    value = record.value or {}
    word, _, number = str(value.get("first_name") or value.get("name") or "").partition(" ")
    return int(number) if word == STEP and number.isdecimal() else None


def compaction_leaves_the_rows(what: str, owned: Sequence[Entity], records: Sequence[Published]) -> Verdict:
    """The last record of each key says what the row says; and none is of a row that is not there."""
    left = compacted(records)
    rows = {entity.key: entity for entity in owned}

    def violations() -> Iterator[Violation]:
        for key, entity in rows.items():
            value = left.get(key)
            if value is None:
                yield Violation(key, "has a row, and compaction leaves nothing of it")
            elif differing := [name for name, is_so in _compared(entity, value) if not is_so]:
                yield Violation(key, f"compaction leaves another {', '.join(differing)} than its row has")
        yield from (Violation(key, "is left by compaction, and has no row") for key in left if key not in rows)

    return verdict("I3", f"the topic as compaction leaves it is the rows: {what}", len(rows | left), violations())


def compacted(records: Sequence[Published]) -> dict[str, Mapping[str, Any]]:
    """What compaction leaves: the last value of each key, where it is not erased."""
    last = {record.key: record.value for record in records if "value" not in record.unreadable}
    return {key: value for key, value in last.items() if value is not None}


def _compared(entity: Entity, value: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    yield "source_version", entity.version == value.get("source_version")
    for name, expected in entity.values.items():
        if name == "is_deleted":
            yield "deleted_at", expected == (value.get("deleted_at") is not None)
        else:
            yield name, expected == value.get(name)


def both_sides_agree(owned: Sequence[Entity], kept: Sequence[Entity], services: Collection[str]) -> Verdict:
    """Each federation key stands on its owner's side and on the other's, the same; `services` keep the other side."""
    mine, theirs = ({one.key: one for one in side} for side in (owned, kept))
    due = {key for key in mine if key.split("/")[3] in services}

    def violations() -> Iterator[Violation]:
        yield from (Violation(key, "was never applied on the other side") for key in due if key not in theirs)
        yield from (Violation(key, "stands on the other side, and not at its owner") for key in theirs.keys() - mine)
        for key in due & theirs.keys():
            if (mine[key].version, mine[key].values) != (theirs[key].version, theirs[key].values):
                yield Violation(key, f"is version {mine[key].version} here and {theirs[key].version} there")

    return verdict("I3", "federation keys are the same on both sides", len(due | theirs.keys()), violations())


def read_model_is_current(what: str, owned: Sequence[Entity], kept: Sequence[Entity]) -> Verdict:
    """Another service's read model has the version of every row, and says what the row says."""
    rows, others = ({one.key: one for one in side} for side in (owned, kept))

    def violations() -> Iterator[Violation]:
        for key, row in rows.items():
            other = others.get(key)
            if other is None or other.version != row.version:
                yield Violation(key, f"is version {row.version}, and {other and other.version} in the read model")
            elif wrong := sorted(name for name, value in other.values.items() if value != row.values[name]):
                yield Violation(key, f"has another {', '.join(wrong)} in the read model")
        yield from (Violation(key, "is in the read model alone") for key in others if key not in rows)

    return verdict("I3", f"read models are current: {what}", len(rows.keys() | others.keys()), violations())


def what_is_in_doubt_is_asked_for(doubted: Sequence[Doubted], requests: Sequence[Published]) -> Verdict:
    """After each event that is no fact, and for each doubt that a merge left, a read was asked for.

    Of a hint that is all that it does. Why a hint asks stands in its request alone, a doubt's name in both.
    """
    claim = "what is better read is asked for"
    asked = {
        (said.get("service"), said.get("entity_type"), record, reason)
        for said in (request.value or {} for request in requests)
        for record in said.get("ids") or ("",)
        for reason in ("", said.get("reason"))
    }

    def violations() -> Iterator[Violation]:
        for one in doubted:
            about = one.service, one.entity_type
            for reason in one.doubts or ("",):
                if not {(*about, one.external_id, reason), (*about, "", reason)} & asked:
                    yield Violation(str(one.id), f"asks for a read ({reason or 'a hint'}), and no request says so")

    if not doubted:
        return skipped("I3", claim, "nothing of this traffic asked for a read")
    return verdict("I3", claim, len(doubted), violations())


def as_matched_by(customer: Entity) -> Entity:
    """A customer as projects are matched with it: its names in normal form. Telephones are North American here."""
    said = customer.values
    values = {
        "salesforce_ids": said["salesforce_ids"],
        "email": said["email"] and said["email"].strip().lower(),
        "phone": said["phone"] and f"+1{ten_digits(said['phone'])}",
        "name": f"{said['first_name']} {said['last_name']}".strip(),
        "merged_into": said["merged_into"],
        "is_deleted": said["is_deleted"],
    }
    return Entity(customer.key, customer.version, values)
