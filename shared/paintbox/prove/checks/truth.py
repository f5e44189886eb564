"""The mirrors and the rows are the vendors' truth, field by field: what they hold now, against what we have."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from paintbox.prove.tables import Mirrored
from paintbox.prove.verdicts import Verdict, Violation, verdict
from paintbox.world.expected import Held, Row
from synckit import times

TIMES: Final = frozenset({"CreatedDate", "created_at", "captured_at"})
SILENT: Final = frozenset({"IsDeleted", "photo_count", "SystemModstamp", "LastModifiedDate", "updated_at"})
"""What changes at the vendor without a word: the number of photos, and stamps, by edits that change nothing and by
deletions. Deletion itself has a column of its own."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record: where the simulator keeps it, what the mirror calls it, and which field is its id."""

    vendor: str
    path: str
    object: str
    id: str


KINDS: Final = (
    Kind("salesforce", "Account", "Account", "Id"),
    Kind("salesforce", "Contact", "Contact", "Id"),
    Kind("companycam", "projects", "project", "id"),
    Kind("companycam", "photos", "photo", "id"),
)


def the_mirror_is_the_truth(
    kind: Kind,
    held: Sequence[Held],
    mirrored: Mapping[tuple[str, str], Mirrored],
    words: Mapping[str, Collection[str]],
) -> Verdict:
    """Every field of every record is mirrored as the vendor holds it. `words`: the labels or tags of each record."""

    def violations() -> Iterator[Violation]:
        for record in held:
            record_id = str(record[kind.id])
            stored = mirrored.get((kind.object, record_id))
            if stored is None:
                yield Violation(record_id, "is not in the mirror")
            elif wrong := sorted(_differing(record, stored, words.get(record_id, ()))):
                yield Violation(record_id, f"differs in {', '.join(wrong)}")
        known = {str(record[kind.id]) for record in held}
        strangers = (record_id for name, record_id in mirrored if name == kind.object and record_id not in known)
        yield from (Violation(one, "is mirrored, and the vendor has no such record") for one in strangers)

    return verdict("truth", f"the mirror is the vendor's truth: {kind.object}", len(held), violations())


def _differing(record: Held, stored: Mirrored, words: Collection[str]) -> Iterator[str]:
    for name in record.keys() | stored.fields.keys():
        is_ours = name.startswith("$") or name in SILENT
        if not is_ours and _normal(name, record.get(name)) != _normal(name, stored.fields.get(name)):
            yield name
    if stored.is_deleted != is_deleted(record):
        yield "deletion"
    added = [value for name, value in stored.fields.items() if name.startswith(("$label:", "$tag:"))]
    if sorted(added) != sorted(words):
        yield "labels or tags"


def _normal(name: str, value: Any) -> Any:
    if name in TIMES and value is not None:
        with suppress(ValueError):
            return times.parse(value)
    return value


def is_deleted(record: Held) -> bool:
    """Whether its vendor holds it for deleted."""
    return bool(record.get("IsDeleted")) or record.get("status") == "deleted"


def the_rows_are_the_truth(what: str, expected: Mapping[str, Row], found: Mapping[str, Row]) -> Verdict:
    """Every row has what the vendors' records make of it, column by column. Values are not shown: they are private."""

    def violations() -> Iterator[Violation]:
        for key, row in expected.items():
            if key not in found:
                yield Violation(key, "has no row")
            elif wrong := [column for column, value in row.items() if found[key][column] != value]:
                yield Violation(key, f"differs in {', '.join(wrong)}")
        yield from (Violation(key, "has a row that should not be") for key in found if key not in expected)

    return verdict("truth", f"rows are the vendors' truth: {what}", len(expected), violations())


def there_are_no_others(counted: Mapping[str, tuple[int, int]]) -> Verdict:
    """No table has rows beside those that were compared, of nobody or somebody's twice. By table: compared, in all."""
    others = [
        Violation(name, f"has {total:,} rows, {known:,} of them are known")
        for name, (known, total) in counted.items()
        if known != total
    ]
    return verdict("truth", "no table has rows that are nobody's", sum(total for _, total in counted.values()), others)


def every_change_was_made(made: int, refused: Sequence[str], lost: int) -> Verdict:
    """No simulator refused a change, so that all was done which is to be compared.

    Where answers were lost nobody knows: what hangs on a change that was never made is refused rightly.
    """
    found = [] if lost else [Violation("the traffic", f"was refused: {one}") for one in refused]
    note = f"{len(refused):,} refused, {lost:,} without an answer" if refused and lost else ""
    return verdict("truth", "every change was made", 0 if note else made + len(refused), found, note)


def due(expected: Mapping[str, Row], found: Mapping[str, Row], gone: Iterable[str] = ()) -> dict[str, Row]:
    """What there must be: a record that was deleted before it ever had a row gets none, and neither does what hung on
    it (`gone`)."""
    excused = {key for key, row in expected.items() if row.get("is_deleted")} | set(gone)
    return {key: row for key, row in expected.items() if key in found or key not in excused}


def with_customer(expected: Mapping[str, Row]) -> dict[str, Row]:
    """The projects that name somebody whom there is: the others are held, and must have no row."""
    return {key: row for key, row in expected.items() if row["customer_id"] is not None}
