"""Who is told of changes, and how."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from pydantic import JsonValue

from simulators.storage import Connection, as_json

Options = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One receiver. Options are the vendor's, checked before they are stored; they hold secrets, so never log them."""

    id: str
    kind: str
    options: Options
    enabled: bool
    errors: int
    """Failed attempts since the last success."""
    created_at: int
    updated_at: int
    """Seconds since 1970, by the simulator's clock."""


def insert_subscription(connection: Connection, subscription: Subscription) -> None:
    """Stores a new subscription."""
    connection.execute(
        """
        INSERT INTO subscriptions (id, kind, options, enabled, errors, created_at, updated_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        (
            subscription.id,
            subscription.kind,
            as_json(subscription.options),
            subscription.enabled,
            subscription.errors,
            subscription.created_at,
            subscription.updated_at,
        ),
    )


def list_subscriptions(connection: Connection) -> list[Subscription]:
    """All of them, the oldest first."""
    rows = connection.execute(
        """
        SELECT id, kind, options, enabled, errors, created_at, updated_at
          FROM subscriptions
         ORDER BY rowid
        """
    )
    return [_subscription(row) for row in rows]


def find_subscription(connection: Connection, subscription_id: str) -> Subscription | None:
    """The subscription with this id."""
    row = connection.execute(
        """
        SELECT id, kind, options, enabled, errors, created_at, updated_at
          FROM subscriptions
         WHERE id = ?
        """,
        (subscription_id,),
    ).fetchone()
    return None if row is None else _subscription(row)


def update_subscription(connection: Connection, subscription: Subscription) -> None:
    """Stores what became of a subscription."""
    connection.execute(
        "UPDATE subscriptions SET options = ?, enabled = ?, errors = ?, updated_at = ? WHERE id = ?",
        (
            as_json(subscription.options),
            subscription.enabled,
            subscription.errors,
            subscription.updated_at,
            subscription.id,
        ),
    )


def delete_subscription(connection: Connection, subscription_id: str) -> bool:
    """Ends a subscription; false where there is none."""
    return bool(connection.execute("DELETE FROM subscriptions WHERE id = ?", (subscription_id,)).rowcount)


def mark_answered(connection: Connection, subscription_id: str) -> None:
    """Forgets the errors: each success does."""
    connection.execute("UPDATE subscriptions SET errors = 0 WHERE id = ? AND errors > 0", (subscription_id,))


def mark_failed(connection: Connection, subscription_id: str, most: int | None) -> bool:
    """Counts one more error; true where that disabled the subscription, being one more than `most`."""
    connection.execute("UPDATE subscriptions SET errors = errors + 1 WHERE id = ?", (subscription_id,))
    disabled = connection.execute(
        "UPDATE subscriptions SET enabled = 0 WHERE id = ? AND enabled AND errors > ?", (subscription_id, most)
    )
    return bool(disabled.rowcount)


def _subscription(row: sqlite3.Row) -> Subscription:
    return Subscription(
        id=row["id"],
        kind=row["kind"],
        options=orjson.loads(row["options"]),
        enabled=bool(row["enabled"]),
        errors=row["errors"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
