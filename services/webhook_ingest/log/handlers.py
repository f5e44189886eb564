"""What the webhook log does with each topic: a row an event, whichever of log and consumer is faster."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Final

from synckit import parking, postgres
from synckit.consumer import Batch
from synckit.contracts import values
from synckit.contracts.values import Quarantined
from synckit.errors import PoisonError
from synckit.integrations import events, webhooks
from synckit.integrations.events import Delivery, Status
from synckit.integrations.webhooks import Received
from synckit.postgres import Pool

CONSUMER: Final = "webhook-log"


async def on_webhooks(batch: Batch, pool: Pool) -> None:
    """Log every event of the batch as received."""
    received = await webhooks.receive(pool, batch)

    def delivery(at: int) -> Delivery:
        value, raw = webhooks.storable(batch.records[at].value)
        return Delivery(headers=received.heads[at], value=value, raw=raw, received_at=received.received_at(at))

    await _log(batch, pool, batch.refine({at: at for at in received.heads}, delivery))


async def on_quarantined(batch: Batch, pool: Pool) -> None:
    """Log every body that was not understood, as failed, with its bytes."""
    received = await webhooks.receive(pool, batch)

    def delivery(at: int) -> Delivery:
        return _quarantined(values.decode(Quarantined, batch.records[at].value), received, at)

    await _log(batch, pool, batch.refine({at: at for at in received.heads}, delivery))


def _quarantined(said: Quarantined, received: Received, at: int) -> Delivery:
    try:
        body = b64decode(said.body_base64, validate=True)
    except Base64Error:
        raise PoisonError("malformed_value", "/body_base64: is no base64") from None
    value, _ = webhooks.storable(body)
    return Delivery(
        headers=received.heads[at],
        value=value,
        received_at=received.received_at(at),
        status=Status.FAILED,
        error_message=": ".join(filter(None, ("quarantined", said.reason, said.pointer))),
        raw=body,
    )


async def _log(batch: Batch, pool: Pool, deliveries: Mapping[int, Delivery]) -> None:
    async with postgres.transaction(pool, "webhook_log.record") as connection:
        await events.record_deliveries(connection, deliveries.values())
        await parking.park(connection, CONSUMER, batch.parked)
        await parking.confirm(connection, batch)
