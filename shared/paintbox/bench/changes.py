"""Salesforce's changes of B: an organization that is made once, then changed, a share of it late or told twice."""

import itertools
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final
from uuid import UUID

from paintbox.bench import arrivals, bodies
from paintbox.bench.multiplied import copied
from paintbox.world import people
from paintbox.world.people import Fields
from paintbox.world.runs import Run
from simulators.salesforce import change_events
from simulators.salesforce.change_events import Commit, Event
from webhook_ingest.models import Outgoing

STEP_MS: Final = 20
"""Between two changes: two of one record in one second would be in doubt, and ask for a read."""
DAYS_MS: Final = 2 * 24 * 60 * 60 * 1000
HOUR_MS: Final = 60 * 60 * 1000
CREATED: Final = 0.20
STALE: Final = 0.05
TWICE: Final = 0.05
"""The rest, 70 %, are updates."""
OF_ACCOUNTS: Final = 0.05
"""Of the updates; half of those change what rows of customers show, and so ten customers each."""
A_MESSAGE: Final = 0.5
"""Of the changes of contacts: whole, as an Outbound Message. The others are change events, which are sparse."""
CONTACTS_OF_ACCOUNT: Final = 10
CHUNK: Final = 100
MANY: Final = 5_000


@dataclass(slots=True)
class Organization:
    """What Salesforce holds, and how far its clock has come. The same seed makes the same changes."""

    run: Run
    now_ms: int
    """When the records are received; all changes are older."""
    dice: Random = field(default_factory=lambda: Random(bodies.SEED))  # noqa: S311 - to be repeatable, not secret
    accounts: list[Fields] = field(default_factory=list)
    contacts: list[Fields] = field(default_factory=list)
    founding_accounts: int = 0
    founding_contacts: int = 0
    """So many there were at first: those are updated, and have new contacts, whoever else has come since."""
    changes: int = 0
    copies: int = 1
    """How many records stand for each of them, itself included (see `multiplied`): changes are of any of these."""

    @property
    def moment(self) -> int:
        """Of the next change, in milliseconds since 1970."""
        self.changes += 1
        return self.now_ms - DAYS_MS + self.changes * STEP_MS

    def founded(self, contacts: int, accounts: int | None = None) -> Iterator[Outgoing]:
        """So many contacts, each created, and an account for every ten of them; or so many, which have them all."""
        self.founding_contacts, self.founding_accounts = contacts, accounts or contacts // CONTACTS_OF_ACCOUNT
        made = [self._create(account=True) for _ in range(self.founding_accounts)]
        made += [self._create(account=False) for _ in range(contacts)]
        if accounts:
            made = [_with(one, self._of_account(one, at)) for at, one in enumerate(made)]
        return published(made, self.now_ms)

    def _of_account(self, told: "Told", at: int) -> Fields:
        return {"AccountId": self.accounts[at % len(self.accounts)]["Id"]} if told.object == "Contact" else {}

    def changed(self, many: int) -> list[Outgoing]:
        """So many changes as B has them, in the order in which they are told."""
        kinds = self.dice.choices(
            ("create", "stale", "twice", "update"), (CREATED, STALE, TWICE, 1 - CREATED - STALE - TWICE), k=many
        )
        told = [self._told(kind) for kind in kinds if kind != "twice"]
        records = list(published(told, self.now_ms))
        again = self.dice.choices(range(len(records)), k=many - len(records))
        for at in sorted(again, reverse=True):
            records.insert(self.dice.randint(at + 1, len(records)), records[at])
        return records

    def _told(self, kind: str) -> "Told":
        if kind == "create":
            return self._create(account=self.dice.random() < 1 / (CONTACTS_OF_ACCOUNT + 1))
        return self._update(is_late=kind == "stale")

    def _create(self, *, account: bool) -> "Told":
        if account:
            made = people.an_account(self.run, len(self.accounts), self.dice)
            self.accounts.append(made)
        else:
            made = people.a_contact(self.run, len(self.contacts), self.accounts[: self.founding_accounts], self.dice)
            self.contacts.append(made)
        return Told("Account" if account else "Contact", "CREATE", made, made, self.moment)

    def _update(self, *, is_late: bool) -> "Told":
        of_account = self.dice.random() < OF_ACCOUNTS
        known = self.accounts if of_account else self.contacts
        at = self.dice.randrange(self.founding_accounts if of_account else self.founding_contacts)
        changed = self._account_change() if of_account else self._contact_change(at)
        name, whole = "Account" if of_account else "Contact", {**known[at], **changed}
        moment = self.moment - (DAYS_MS - HOUR_MS if is_late else 0)
        if copy := self.dice.randrange(self.copies):
            ids = {field: copied(str(whole[field]), copy) for field in ("Id", "AccountId") if whole.get(field)}
            return Told(name, "UPDATE", changed, {**whole, **ids}, moment)
        if not is_late:
            known[at] = whole
        return Told(name, "UPDATE", changed, whole, moment)

    def _contact_change(self, at: int) -> Fields:
        kind = self.dice.choices(("phone", "email", "moved", "title"), (4, 2, 3, 1))[0]
        number = f"503-555-{self.dice.randrange(10_000):04}"
        if kind == "phone":
            return {"Phone": number}
        if kind == "email":
            return {"Email": f"contact.{at}.{self.changes}@example.com"}
        return people.moved("Mailing", self.dice) if kind == "moved" else {"Title": f"Title {self.changes}"}

    def _account_change(self) -> Fields:
        if self.dice.random() < 1 / 2:
            return people.moved("Billing", self.dice)
        return {"Phone": f"503-555-{self.dice.randrange(10_000):04}"}


@dataclass(frozen=True, slots=True)
class Told:
    """One change: what of the record changed, the record as it is then, and when."""

    object: str
    kind: str
    changed: Fields
    whole: Fields
    moment: int


def _with(told: Told, more: Fields) -> Told:
    return replace(told, changed={**told.changed, **more}, whole={**told.whole, **more})


def published(told: Sequence[Told], received_at: int) -> Iterator[Outgoing]:
    """What the doors make of the changes. Many are parsed by two processes, while nothing is measured."""
    chunks = [(start, told[start : start + CHUNK], received_at) for start in range(0, len(told), CHUNK)]
    if len(told) < MANY:
        yield from itertools.chain.from_iterable(map(_chunk, chunks))
        return
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from itertools.chain.from_iterable(pool.map(_chunk, chunks, chunksize=10))


def _chunk(chunk: tuple[int, Sequence[Told], int]) -> list[Outgoing]:
    """Of a hundred changes: one message, and one list of change events."""
    start, told, received_at = chunk
    dice = Random(start)  # noqa: S311 - to be repeatable, not secret
    as_messages = [one.object == "Contact" and dice.random() < A_MESSAGE for one in told]
    messages = [one for one, is_message in zip(told, as_messages, strict=True) if is_message]
    events = [_event(start + at, one) for at, one in enumerate(told) if not as_messages[at]]
    of_messages = iter(_of_messages(start, messages, received_at))
    of_events = iter(arrivals.of_events(events, received_at))
    return [next(of_messages if is_message else of_events) for is_message in as_messages]


def _of_messages(start: int, told: Sequence[Told], received_at: int) -> list[Outgoing]:
    if not told:
        return []
    notifications = [(f"04l5e0{one.moment % 10**9:09}AAA", bodies.stamped(one.whole, one.moment)) for one in told]
    found = arrivals.of_body(bodies.message(notifications), received_at)
    if len(found) != len(told):
        raise ValueError(f"{len(told)} notifications from {start} on became {len(found)} records")
    return found


def _event(number: int, told: Told) -> dict[str, Any]:
    stamped = {"LastModifiedDate": bodies.stamped({}, told.moment)["LastModifiedDate"]}
    event = Event(told.object, told.kind, (str(told.whole["Id"]),), {**told.changed, **stamped})
    fields = {name: value for name, value in event.fields.items() if name != "Id"}
    commit = Commit(UUID(int=told.moment), 1, told.moment, number, told.moment)
    payload = change_events.payload(Event(event.object, event.type, event.records, fields), commit)
    return {"channel": f"/data/{change_events.event_name(told.object)}", "data": {"payload": payload}}
