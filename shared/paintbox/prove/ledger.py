"""The ledger: every delivery that the simulators made, how each try of it was answered, and which events those are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from paintbox.prove import events
from paintbox.world import steering
from paintbox.world.edits import Vendor
from paintbox.world.steering import VENDORS, Simulators
from synckit import times

PAGE: Final = 200
"""Bodies are listed too, and an envelope of a hundred notifications has 100 KB."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a delivery: when, for how long, and what came back."""

    at_ms: int
    seconds: float
    status: int | None
    """None where no answer came."""
    error: str | None
    """None where the answer counted as a success."""
    retry_after: str | None = None
    """What the answer said of when to try again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery, as its simulator tells of it."""

    vendor: Vendor
    seq: int
    form: str
    event: str
    records: tuple[str, ...]
    copy_of: int | None
    state: str
    attempts: tuple[Attempt, ...]
    sha256: str | None
    body: bytes
    """Of the last try; `sha256` is its own."""
    earlier: tuple[bytes, ...] = ()
    """What earlier tries sent, where that was another body."""

    @property
    def name(self) -> str:
        """How it is called in what is shown: vendor and number."""
        return f"{self.vendor} delivery {self.seq}"


@dataclass(frozen=True, slots=True)
class Answered:
    """An event that was answered 2xx, and the first delivery that told of it."""

    event_id: UUID
    object: str
    record: str
    delivery: str
    at_ms: int


async def read(simulators: Simulators) -> list[Delivery]:
    """Every delivery that either simulator ever made."""
    found: list[Delivery] = []
    for vendor in VENDORS:
        following: int | None = 0
        while following is not None:
            params = {"after": following, "limit": PAGE, "body": "true"}
            page = await steering.ask(simulators, vendor, "GET", "deliveries", params=params)
            found += [_delivery(vendor, told) for told in page["deliveries"]]
            following = page["next"]
    return found


def _delivery(vendor: Vendor, told: Mapping[str, Any]) -> Delivery:
    return Delivery(
        vendor=vendor,
        seq=told["seq"],
        form=told["form"],
        event=told["event"],
        records=tuple(told["records"]),
        copy_of=told["copy_of"],
        state=told["state"],
        attempts=tuple(_attempt(one) for one in told["attempts"]),
        sha256=told["sha256"],
        body=(told["body"] or "").encode(),
        earlier=tuple(one.encode() for one in told["earlier_bodies"]),
    )


def _attempt(told: Mapping[str, Any]) -> Attempt:
    return Attempt(times.parse(told["at"]), told["seconds"], told["status"], told["error"], told["retry_after"])


def answered(deliveries: Iterable[Delivery]) -> dict[UUID, Answered]:
    """Every event that was answered with what counts as a success: the promise is about these."""
    found: dict[UUID, Answered] = {}
    read_already: set[str | None] = set()
    for delivery in deliveries:
        if delivery.state != "delivered" or delivery.sha256 in read_already:
            continue
        read_already.add(delivery.sha256)
        for told in events.told_by(delivery.form, delivery.body):
            at_ms = delivery.attempts[-1].at_ms
            found.setdefault(told.event_id, Answered(told.event_id, told.object, told.record, delivery.name, at_ms))
    return found


def sent(deliveries: Iterable[Delivery]) -> dict[UUID, set[str | None]]:
    """Every event that any try told of, whatever became of it, with the digests of what its payload must be.

    What was not answered may have been taken in all the same. One event may have several payloads: what an Apex callout
    tells as the former state of a record was the state of another before.
    """
    found: dict[UUID, set[str | None]] = defaultdict(set)
    bodies = {(one.form, body) for one in deliveries if one.attempts for body in (one.body, *one.earlier)}
    for form, body in bodies:
        for told in events.told_by(form, body):
            found[told.event_id].add(told.payload)
    return found


def untold(deliveries: Iterable[Delivery]) -> Sequence[Delivery]:
    """Deliveries that their vendor gave up, or never sent: of these records the truth cannot be known to us."""
    return [one for one in deliveries if one.state in {"failed", "dropped"}]
