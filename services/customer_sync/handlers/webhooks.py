"""Webhooks of Salesforce. The order is rule 4's: merge, project, record; then the batch loop commits the offsets."""

from collections.abc import Mapping

from customer_sync import metrics
from customer_sync.models.events import Reading
from customer_sync.resources import Resources
from customer_sync.rules import announcements, doubts, reading
from customer_sync.store import MIRROR, OUTBOX
from synckit.consumer import Batch
from synckit.identity import customer_id
from synckit.integrations import webhooks
from synckit.integrations.events import Status
from synckit.integrations.webhooks import Conclusion, Received
from synckit.mirror import notes
from synckit.mirror import store as mirror
from synckit.mirror.store import Touched
from synckit.observability.metrics import DOUBTS
from synckit.outbox import store as outbox

CONSUMER = "customer-sync"


async def on_salesforce_webhooks(batch: Batch, resources: Resources) -> None:
    """Keep our copy of every customer in the batch as new as Salesforce's."""
    received = await webhooks.receive(resources.integrations, batch)
    readings = await _read(batch, received, resources)
    touched = await _merge(readings, resources)
    await resources.projector.work()
    conclusions = {at: _conclusion(said, touched) for at, said in readings.items()}
    records = [merged.record for merged in touched.merged.values()]
    await webhooks.conclude(resources.integrations, CONSUMER, batch, received, conclusions, records)


async def _read(batch: Batch, received: Received, resources: Resources) -> Mapping[int, Reading]:
    config = await resources.config.get()

    def read(at: int) -> Reading:
        notification = reading.decode(batch.records[at], received.heads[at], received.received_at(at))
        return reading.read(notification, config)

    readings = batch.refine({at: at for at in received.heads}, read)
    for said in readings.values():
        metrics.NOTIFICATIONS.labels(said.outcome).inc()
    return readings


async def _merge(readings: Mapping[int, Reading], resources: Resources) -> Touched:
    """Into the mirror, with a note of what changed and requests for what is in doubt; one transaction."""
    facts = [fact for said in readings.values() for fact in said.facts]
    async with resources.customers.acquire() as connection, connection.transaction():
        touched = await mirror.merge(connection, MIRROR, facts)
        made = await notes.insert(
            connection, MIRROR, notes.causes_of(facts, touched.changed, resources.projector.objects)
        )
        asked = doubts.asked_by(readings.values(), touched)
        await outbox.insert(connection, OUTBOX, [announcements.sync_requested(hint, cause) for hint, cause in asked])
    resources.projector.remember(made)
    resources.relay.wake()
    for hint, _ in asked:
        DOUBTS.labels(hint.reason).inc()
    return touched


def _conclusion(said: Reading, touched: Touched) -> Conclusion:
    """Merged is processed, also where nothing changed; a hint, or what nobody needs, is ignored."""
    merged = touched.merged.get((said.object, said.id)) if said.facts else None
    return Conclusion(
        status=Status.IGNORED if merged is None else Status.PROCESSED,
        entity_type=said.object,
        external_id=said.id,
        entity_id=customer_id(said.id) if said.object == "Contact" and merged is not None else None,
        metadata={
            "outcome": said.outcome,
            "changed": merged is not None and merged.changed,
            "doubts": sorted(merged.doubts) if merged is not None else [],
        },
    )
