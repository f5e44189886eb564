"""What was set aside, as tests make it, and `paintbox parked …` as tests type it."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

from typer.testing import CliRunner

from paintbox.__main__ import app
from paintbox.databases import Connection
from paintbox.errors import OperatorError
from paintbox.parked.listing import Filter, find_set_aside
from support.rows import insert


async def park(session: Connection, offset: int, **changes: object) -> None:
    """A parked record of customer-sync, with such changes."""
    values: dict[str, object] = {
        "consumer": "customer-sync",
        "topic": "paintbox.webhooks.salesforce.v1",
        "partition": 3,
        "offset": offset,
        "key": b"003",
        "headers": "{}",
        "value": b"canary",
        "reason_code": "key_mismatch",
        "reason": "the key is not the record's",
        "value_sha256": str(offset),
        "parked_at": datetime(2026, 1, 2, 10, offset, tzinfo=UTC),
    }
    await insert(session, "integrations.parked_records", **values | changes)


async def quarantine(session: Connection, **changes: object) -> UUID:
    """A delivery that was not understood; its id."""
    values: dict[str, object] = {
        "id": uuid4(),
        "service": "COMPANY_CAM",
        "event_type": "quarantined",
        "payload": "{}",
        "status": "FAILED",
        "error_message": "quarantined: not_json",
        "raw": b"canary",
        "received_at": datetime(2026, 1, 2, 9, tzinfo=UTC),
    }
    row = await insert(session, "integrations.webhook_events", **values | changes)
    return UUID(str(row["id"]))


async def paintbox(dsn: str, *arguments: str) -> tuple[int, str]:
    """The exit code of `paintbox parked …` and what it printed."""
    return await run(dsn, "parked", *arguments)


async def run(dsn: str, *arguments: str) -> tuple[int, str]:
    """The exit code of `paintbox …`, where the common database is this, and what it printed."""
    environment = {"PAINTBOX_INTEGRATIONS_DSN": dsn, "COLUMNS": "400"}
    result = await asyncio.to_thread(CliRunner(env=environment).invoke, app, list(arguments))
    if isinstance(result.exception, OperatorError):
        return 1, str(result.exception)
    return result.exit_code, result.output


async def states(session: Connection) -> list[str]:
    """Of everything that was ever set aside, the oldest first."""
    found = await find_set_aside(session, Filter(with_decided=True))
    return [one.state for one in sorted(found, key=lambda one: one.since)]
