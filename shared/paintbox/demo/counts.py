"""How far a run has come, in numbers, and what is missing, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from paintbox.world.edits import Vendor


@dataclass(frozen=True, slots=True)
class Count:
    """So many, of so many as are known to come."""

    done: int
    due: int

    @property
    def lacks(self) -> int:
        """How many are missing."""
        return max(self.due - self.done, 0)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one look found."""

    sent: Count
    """Deliveries that ended, of those that were made."""
    answered: Count
    """Deliveries that ended with a 2xx."""
    in_kafka: Count
    """Records of the webhook topics, of those that the deliveries tell of."""
    rows: Count
    """Customers, projects and photos."""
    keys: Count
    """Federation keys that customer-sync has applied."""
    held_projects: int
    """They wait in the mirror for their customers."""
    held_photos: int
    """They wait in the mirror for their projects."""
    pending: Mapping[Vendor, int]
    """Deliveries that each simulator has still to make."""
    given_up: Mapping[Vendor, int]
    """Deliveries that each simulator will not try again."""


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a run still waits for, and the process whose log says why it does not come."""

    part: str
    what: str


def undelivered(counts: Counts) -> Iterator[Lack]:
    """What the simulators have still to send, and what of it is not in Kafka yet."""
    for vendor, many in counts.pending.items():
        if many:
            yield Lack(vendor, f"the simulator {vendor} has {many:,} deliveries to make")
    if counts.in_kafka.lacks:
        yield Lack("webhook-ingest", f"{counts.in_kafka.lacks:,} of {counts.in_kafka.due:,} records are not in Kafka")


def unprojected(counts: Counts) -> Iterator[Lack]:
    """Which rows and applied keys there are not yet."""
    if counts.rows.lacks:
        held = f"(projects held: {counts.held_projects:,}, photos held: {counts.held_photos:,})"
        yield Lack("photo-sync", f"{counts.rows.lacks:,} of {counts.rows.due:,} rows are missing {held}")
    if counts.keys.lacks:
        yield Lack("customer-sync", f"{counts.keys.lacks:,} of {counts.keys.due:,} federation keys are not applied")
