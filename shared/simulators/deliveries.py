"""What is owed to subscribers: every delivery, from the change that made it to the answer that ended it."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

import orjson

from simulators.faults import Fate
from simulators.storage import Connection, as_json

State = Literal["pending", "delivered", "failed", "dropped"]
STATES: Final[tuple[State, ...]] = ("pending", "delivered", "failed", "dropped")
"""Failed: given up after its last try, or because its subscription ended. Dropped: a fault, it was never sent."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one subscription is to be told, by one request or as a part of one."""

    subscription: str
    form: str
    event: str
    object: str
    records: tuple[str, ...]
    """Ids. Messages about one record are sent one at a time, in order."""
    content: bytes
    """The body; of forms that are made when they are sent, what identifies this message."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A delivery that waits for its turn."""

    seq: int
    subscription: str
    form: str
    records: tuple[str, ...]
    due: float
    """Seconds since 1970, real time."""
    held: bool = False
    """To be overtaken by the next delivery of its records."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try."""

    at: float
    seconds: float
    status: int | None
    """None where no answer came."""
    error: str | None
    """None where it counted as a success."""
    retry_after: str | None = None
    """What the answer said of when to try again, as it came. No vendor heeds it."""
    sha256: str = ""
    """Of the body that was sent; "" where an earlier release wrote this."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands."""

    seq: int
    message: Message
    copy_of: int | None
    created: float
    due: float
    state: State
    attempts: tuple[Attempt, ...]
    sha256: str | None
    """Of the body that was sent last."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries to list; None: whatever they have there."""

    state: State | None = None
    record: str | None = None
    subscriptions: Sequence[str] | None = None


def insert_deliveries(connection: Connection, fates: Iterable[tuple[Message, Fate]], now: float) -> list[Queued]:
    """Stores the messages, each with its fate; those that are to be sent, in order."""
    queued: list[Queued] = []
    for message, fate in fates:
        due = now + fate.late_seconds
        seq = _insert(connection, message, "dropped" if fate.dropped else "pending", now, due, held=fate.held)
        if fate.dropped:
            continue
        first = Queued(seq, message.subscription, message.form, message.records, due, fate.held)
        queued.append(first)
        if fate.duplicated:
            copy = _insert(connection, message, "pending", now, due, copy_of=seq)
            queued.append(replace(first, seq=copy, held=False))
    return queued


def _insert(connection: Connection, message: Message, state: State, now: float, due: float, **rest: int) -> int:
    row = {
        "subscription": message.subscription,
        "form": message.form,
        "event": message.event,
        "object": message.object,
        "records": as_json(message.records),
        "content": message.content,
        "copy_of": None,
        "held": 0,
        "created": now,
        "due": due,
        "state": state,
        "attempts": "[]",
    }
    inserted = connection.execute(
        """
        INSERT INTO deliveries
               (subscription, form, event, object, records, content, copy_of, held, created, due, state, attempts)
        VALUES (:subscription, :form, :event, :object, :records, :content, :copy_of, :held, :created, :due, :state,
                :attempts)
        """,
        row | rest,
    )
    return int(inserted.lastrowid or 0)


def list_queued(connection: Connection) -> list[Queued]:
    """All deliveries that wait, in order."""
    rows = connection.execute(
        """
        SELECT seq, subscription, form, records, due, held
          FROM deliveries
         WHERE state = 'pending'
         ORDER BY seq
        """
    )
    return [
        Queued(row["seq"], row["subscription"], row["form"], _ids(row["records"]), row["due"], held=bool(row["held"]))
        for row in rows
    ]


def find_pending(connection: Connection, seqs: Iterable[int]) -> list[Delivery]:
    """Those of these deliveries that still wait, in order."""
    rows = connection.execute(
        """
        SELECT seq, subscription, form, event, object, records, content, copy_of, created, due, state, attempts, sha256
          FROM deliveries
         WHERE seq IN (SELECT value FROM json_each(?)) AND state = 'pending'
         ORDER BY seq
        """,
        (as_json(list(seqs)),),
    )
    return [_delivery(row) for row in rows]


def list_deliveries(connection: Connection, after: int, limit: int, wanted: Filter) -> list[Delivery]:
    """At most `limit` deliveries after this number."""
    rows = connection.execute(
        """
        SELECT seq, subscription, form, event, object, records, content, copy_of, created, due, state, attempts, sha256
          FROM deliveries
         WHERE seq > :after
           AND (:state IS NULL OR state = :state)
           AND (:record IS NULL OR EXISTS (SELECT 1 FROM json_each(deliveries.records) WHERE value = :record))
           AND (:those IS NULL OR subscription IN (SELECT value FROM json_each(:those)))
         ORDER BY seq
         LIMIT :limit
        """,
        {
            "after": after,
            "limit": limit,
            "state": wanted.state,
            "record": wanted.record,
            "those": _those(wanted.subscriptions),
        },
    )
    return [_delivery(row) for row in rows]


def count_deliveries(connection: Connection, subscriptions: Sequence[str] | None = None) -> dict[State, int]:
    """How many deliveries are in each state: of all subscriptions, unless said."""
    rows = connection.execute(
        """
        SELECT state, count(*) AS count
          FROM deliveries
         WHERE :those IS NULL OR subscription IN (SELECT value FROM json_each(:those))
         GROUP BY state
        """,
        {"those": _those(subscriptions)},
    )
    found = {row["state"]: row["count"] for row in rows}
    return {state: found.get(state, 0) for state in STATES}


def _those(subscriptions: Sequence[str] | None) -> str | None:
    return None if subscriptions is None else as_json(list(subscriptions))


def find_body(connection: Connection, delivery: Delivery) -> bytes | None:
    """The body that was sent last; None where none was sent yet."""
    return None if delivery.sha256 is None else _body(connection, delivery, delivery.sha256)


def list_earlier_bodies(connection: Connection, delivery: Delivery) -> list[bytes]:
    """What its tries sent before the body that was sent last, and that is another: each once, in order."""
    others = dict.fromkeys(one.sha256 for one in delivery.attempts if one.sha256 not in {"", delivery.sha256})
    return [_body(connection, delivery, sha256) for sha256 in others]


def _body(connection: Connection, delivery: Delivery, sha256: str) -> bytes:
    row = connection.execute("SELECT body FROM bodies WHERE sha256 = ?", (sha256,)).fetchone()
    return delivery.message.content if row is None else bytes(row["body"])


def insert_body(connection: Connection, body: bytes, sha256: str) -> None:
    """Keeps a body that is not the message's own content."""
    connection.execute("INSERT INTO bodies (sha256, body) VALUES (?, ?) ON CONFLICT DO NOTHING", (sha256, body))


def mark_attempted(connection: Connection, delivery: Delivery) -> None:
    """Stores what became of a delivery by its latest attempt."""
    connection.execute(
        """
        UPDATE deliveries
           SET state = ?, due = ?, held = 0, attempts = ?, sha256 = ?
         WHERE seq = ?
        """,
        (
            delivery.state,
            delivery.due,
            as_json([asdict(each) for each in delivery.attempts]),
            delivery.sha256,
            delivery.seq,
        ),
    )


def mark_given_up(connection: Connection, subscription_id: str) -> None:
    """Fails whatever waits for a subscription that ended."""
    connection.execute(
        "UPDATE deliveries SET state = 'failed' WHERE subscription = ? AND state = 'pending'", (subscription_id,)
    )


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(
        seq=row["seq"],
        message=Message(
            subscription=row["subscription"],
            form=row["form"],
            event=row["event"],
            object=row["object"],
            records=_ids(row["records"]),
            content=bytes(row["content"]),
        ),
        copy_of=row["copy_of"],
        created=row["created"],
        due=row["due"],
        state=row["state"],
        attempts=tuple(Attempt(**each) for each in orjson.loads(row["attempts"])),
        sha256=row["sha256"],
    )


def _ids(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text))
