"""One record that was set aside, whole: what `list` never shows."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from paintbox.databases import connected
from paintbox.errors import OperatorError
from paintbox.parked.listing import PROCESS, Filter, SetAside, find_set_aside


@dataclass(frozen=True, slots=True)
class Whole:
    """A record, its headers and its bytes."""

    about: SetAside
    headers: dict[str, Any]
    value: bytes | None
    redriven_at: datetime | None
    dropped_at: datetime | None


async def get_whole(dsn: str, wanted: str) -> Whole:
    """The record or delivery with this id. Raises OperatorError where there is none."""
    async with connected(dsn, process=PROCESS) as connection:
        found = await find_set_aside(connection, Filter(ids=(wanted,), with_decided=True))
        if not found:
            raise OperatorError(
                f"nothing with the id {wanted} was set aside: `paintbox parked list --all` shows what was."
            )
        about = found[0]
        row = await (
            connection.fetchrow(
                "SELECT headers, value, redriven_at, dropped_at FROM integrations.parked_records WHERE id = $1",
                int(about.id),
            )
            if about.kind == "parked"
            else connection.fetchrow(
                """
                SELECT event.headers, event.raw AS value, NULL::timestamptz AS redriven_at, decision.dropped_at
                  FROM integrations.webhook_events AS event
                  LEFT JOIN integrations.quarantine_decisions AS decision ON decision.event_id = event.id
                 WHERE event.id = $1::uuid AND event.received_at = $2
                """,
                about.id,
                about.since,
            )
        )
    if row is None:
        raise OperatorError(f"{wanted} has gone in this very moment.")
    return Whole(about, orjson.loads(row["headers"] or "{}"), row["value"], row["redriven_at"], row["dropped_at"])


def readable(value: bytes | None) -> str:
    """The bytes as a person reads them: JSON indented, else text, else base64. Nothing in it moves a cursor."""
    if value is None:
        return "null"
    try:
        return printable(orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode())
    except orjson.JSONDecodeError:
        pass
    try:
        return printable(value.decode())
    except UnicodeDecodeError:
        return f"base64: {b64encode(value).decode()}"


def printable(text: str) -> str:
    """The text, with every control character but the line end written out."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)
