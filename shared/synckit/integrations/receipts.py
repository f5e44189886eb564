"""When each event came first. Partitioned rows use that moment, so that a redelivery meets its own row."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from synckit import times
from synckit.contracts.headers import EventHeaders
from synckit.integrations.services import service_of
from synckit.postgres import Connection, as_json

Receipts = Mapping[UUID, int]
"""The first receipt of each event, in milliseconds since 1970."""


async def first_receipts(connection: Connection, events: Iterable[EventHeaders]) -> Receipts:
    """Note these events' receipts, and read when each came first.

    Two statements, each committed by itself: the second must see what another process noted at the same moment.
    """
    earliest: dict[UUID, EventHeaders] = {}
    for event in events:
        known = earliest.get(event.id)
        if known is None or event.received_at < known.received_at:
            earliest[event.id] = event
    if not earliest:
        return {}
    await connection.execute(
        """
        INSERT INTO integrations.webhook_event_keys (event_id, service, received_at)
        SELECT event_id, service, received_at
          FROM json_to_recordset($1::json)
            AS incoming (event_id uuid, service integrations.integration_service_enum, received_at timestamptz)
         ORDER BY event_id
        ON CONFLICT (event_id) DO NOTHING
        """,
        as_json(
            {"event_id": key, "service": service_of(event), "received_at": times.rfc3339(event.received_at)}
            for key, event in earliest.items()
        ),
    )
    rows = await connection.fetch(
        "SELECT event_id, received_at FROM integrations.webhook_event_keys WHERE event_id = ANY($1::uuid[])",
        list(earliest),
    )
    return {row["event_id"]: times.milliseconds(row["received_at"]) for row in rows}
