"""Webhooks of Salesforce. The order is rule 4's: merge, project, record; then the batch loop commits the offsets."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from uuid import UUID

from customer_sync import metrics
from customer_sync.resources import Resources
from customer_sync.rules import announcements, reading
from customer_sync.rules.projection import problems_of
from customer_sync.store import MIRROR, OUTBOX
from synckit import inbound, parking, postgres
from synckit.consumer import Batch
from synckit.identity import customer_id
from synckit.inbound import Reading
from synckit.integrations import webhooks
from synckit.integrations.webhooks import Received
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
    touched = await _merge(batch, readings, resources)
    await resources.projector.work(batch.lease)
    problems = partial(problems_of, config=await resources.config.get())
    conclusions = {at: inbound.conclusion(said, touched, _customer(said), problems) for at, said in readings.items()}
    records = [merged.record for merged in touched.merged.values()]
    await webhooks.conclude(resources.integrations, CONSUMER, batch, received, conclusions, records)


async def _read(batch: Batch, received: Received, resources: Resources) -> Mapping[int, Reading]:
    config = await resources.config.get()

    def read(at: int) -> Reading:
        record = batch.records[at]
        return reading.read(inbound.decode(record, received.heads[at], received.received_at(at)), record.key, config)

    readings = batch.refine({at: at for at in received.heads}, read)
    for outcome, many in Counter(said.outcome for said in readings.values()).items():
        metrics.NOTIFICATIONS.labels(outcome).inc(many)
    return readings


async def _merge(batch: Batch, readings: Mapping[int, Reading], resources: Resources) -> Touched:
    """Into the mirror, with a note of what changed and requests for what is in doubt; one transaction."""
    facts = [fact for said in readings.values() for fact in said.facts]
    async with postgres.transaction(resources.customers, "customer_sync.merge") as connection:
        touched = await mirror.merge(connection, MIRROR, facts)
        made = await notes.insert(
            connection, MIRROR, notes.causes_of(facts, touched.changed, resources.projector.objects)
        )
        asked = inbound.asked_by(readings.values(), touched, reading.fragment)
        requests = [inbound.sync_requested("salesforce", announcements.SOURCE, *one) for one in asked]
        await outbox.insert(connection, OUTBOX, requests)
        await parking.confirm(resources.integrations, batch)
    resources.projector.remember(made, batch.lease)
    resources.relay.wake()
    for hint, _ in asked:
        DOUBTS.labels(hint.reason).inc()
    return touched


def _customer(said: Reading) -> UUID | None:
    return customer_id(said.id) if said.object == "Contact" else None
