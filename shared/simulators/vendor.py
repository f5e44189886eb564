"""What the shared part of a simulator asks of its vendor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from simulators.deliveries import Delivery, Message
from simulators.faults import Faults
from simulators.records import Fields, Record
from simulators.storage import Connection
from simulators.subscriptions import Subscription

TIMEOUT_SECONDS: Final = 10.0
"""How long an answer is waited for, where the vendor does not say."""
MOST_DOUBLINGS: Final = 64
"""Any interval is at its longest by then, and no float has overflowed."""


class InvalidInputError(Exception):
    """A steering request asks for what cannot be. The text says what is wrong, and holds no value of the request."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to one record."""

    action: str
    """create, update, delete, or the name of one of the vendor's actions or attachments."""
    before: Record | None
    after: Record
    attached: Fields | None = None
    """The label or the tag that it got."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How long a vendor keeps trying. Intervals double from a first one, which is a setting."""

    most_attempts: int | None = None
    kept_seconds: float | None = None
    """How old a delivery may become."""
    longest_seconds: float = 7200.0
    """The longest interval."""

    def next_due(self, first_seconds: float, attempts: int, created: float, now: float) -> float | None:
        """When to try again after so many attempts; None: never."""
        if self.most_attempts is not None and attempts >= self.most_attempts:
            return None
        doublings = min(attempts - 1, MOST_DOUBLINGS)
        due = now + min(first_seconds * 2**doublings, self.longest_seconds)
        return None if self.is_expired(created, due) else due

    def is_expired(self, created: float, now: float) -> bool:
        """Whether a delivery has become too old to be sent."""
        return self.kept_seconds is not None and now - created > self.kept_seconds


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to a subscriber."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sending:
    """What a request is made of, beside its deliveries."""

    subscription: Subscription
    now: float
    """Seconds since 1970, real time."""
    faults: Faults
    latest: Callable[[], Mapping[str, Record]]
    """Reads the records that the deliveries are about, as they are now, by id."""


@dataclass(frozen=True, slots=True)
class Form:
    """One of the ways in which a vendor tells of changes."""

    name: str
    compose: Callable[[Sending, Sequence[Delivery]], Outgoing]
    is_success: Callable[[int, bytes], bool]
    """By status and body of the answer."""
    retry: Retry
    size: int = 1
    """How many deliveries one request carries at most."""
    timeout_seconds: float = TIMEOUT_SECONDS
    most_errors: int | None = None
    """One error more disables the subscription; a success forgets them."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done to a record by name: `POST …/{id}/{name}`."""

    objects: frozenset[str] | None
    """Of which kinds of record; None: of all."""
    apply: Callable[[Record, int], Record]
    """The record at this moment (ms) afterwards; the very same where there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """Labels or tags: what can be put on records of one kind, `POST …/{id}/{name}`, each once."""

    object: str
    list: Callable[[Connection, Record], list[Fields]]
    attach: Callable[[Connection, Record, Fields, int], tuple[Fields, bool]]
    """Puts one on the record at this moment (ms); what it is, and whether it is new there. InvalidInputError."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor, as far as its records and its pushing go. Moments are milliseconds since 1970, the simulator's clock.

    Functions that check what was given raise InvalidInputError.
    """

    name: str
    schema: str
    """SQL that makes what this vendor keeps beside the shared tables."""
    id_field: str
    forms: Sequence[Form]
    actions: Mapping[str, Action]
    """By name."""
    attachments: Mapping[str, Attachments]
    """By name."""
    is_known: Callable[[str], bool]
    """Whether there are records of this kind."""
    parse_id: Callable[[JsonValue], str]
    """The id that was given, in the form in which it is kept."""
    make_id: Callable[[str, int], str]
    """The id of the nth record of a kind."""
    create: Callable[[str, str, Fields, int], Record]
    """A record of this kind, with this id and these fields, at this moment."""
    change: Callable[[Record, Fields, int], Record]
    """The record with these fields changed at this moment."""
    replace: Callable[[Record, Fields, int], Record]
    """The record with these fields, and all others emptied, at this moment."""
    delete: Callable[[Record, int], Record]
    """The record deleted at this moment; the very same where it is already."""
    show: Callable[[Connection, Sequence[Record]], list[Fields]]
    """Records as the vendor's REST gives them."""
    announce: Callable[[Connection, Sequence[Change], Sequence[Subscription], int], list[Message]]
    """What the subscriptions are told of these changes, which were made in one transaction at this moment."""
    subscribe: Callable[[Connection, Fields, int], Subscription]
    """The subscription with this content, stored at this moment or found."""
    describe: Callable[[Subscription], Fields]
    """A subscription as an answer shows it."""
