"""Webhooks of CompanyCam. The order is rule 4's: merge, project, record; then the batch loop commits the offsets."""

from collections.abc import Mapping
from uuid import UUID

from photo_sync import metrics
from photo_sync.resources import Resources
from photo_sync.rules import announcements, contacts, reading
from photo_sync.rules.projection import problems_of
from photo_sync.rules.reading import PHOTO, PROJECT
from photo_sync.store import matches
from photo_sync.store.rows import MIRROR, OUTBOX
from synckit import identity, inbound, parking, postgres
from synckit.consumer import Batch
from synckit.inbound import Reading
from synckit.integrations import webhooks
from synckit.integrations.webhooks import Received
from synckit.mirror import notes
from synckit.mirror import store as mirror
from synckit.mirror.store import Touched
from synckit.observability.metrics import DOUBTS
from synckit.outbox import store as outbox

CONSUMER = "photo-sync"


async def on_companycam_webhooks(batch: Batch, resources: Resources) -> None:
    """Keep our copy of every project and photo in the batch as new as CompanyCam's."""
    received = await webhooks.receive(resources.integrations, batch)
    readings = _read(batch, received)
    touched = await _merge(batch, readings, resources)
    await resources.projector.work(batch.lease)
    conclusions = {at: inbound.conclusion(said, touched, _entity(said), problems_of) for at, said in readings.items()}
    records = [merged.record for merged in touched.merged.values()]
    await webhooks.conclude(resources.integrations, CONSUMER, batch, received, conclusions, records)


def _read(batch: Batch, received: Received) -> Mapping[int, Reading]:
    def read(at: int) -> Reading:
        return reading.read(inbound.decode(batch.records[at], received.heads[at], received.received_at(at)))

    readings = batch.refine({at: at for at in received.heads}, read)
    for said in readings.values():
        metrics.NOTIFICATIONS.labels(said.outcome).inc()
    return readings


async def _merge(batch: Batch, readings: Mapping[int, Reading], resources: Resources) -> Touched:
    """Into the mirror, with what projects are matched by, a note of what changed, and requests for what is in doubt."""
    facts = [fact for said in readings.values() for fact in said.facts]
    config = await resources.config.get()
    async with postgres.transaction(resources.projects, "photo_sync.merge") as connection:
        touched = await mirror.merge(connection, MIRROR, facts)
        projects = [touched.merged[key].record for key in touched.changed if key[0] == PROJECT]
        keys = [contacts.match_keys(project, config.relation_types) for project in projects]
        await matches.upsert_keys(connection, keys)
        causes = notes.causes_of(facts, touched.changed, resources.projector.objects)
        made = await notes.insert(connection, MIRROR, causes)
        asked = inbound.asked_by(readings.values(), touched)
        requests = [inbound.sync_requested("companycam", announcements.SOURCE, *one) for one in asked]
        await outbox.insert(connection, OUTBOX, requests)
        await parking.confirm(resources.integrations, batch)
    resources.projector.remember(made, batch.lease)
    resources.relay.wake()
    for hint, _ in asked:
        DOUBTS.labels(hint.reason).inc()
    return touched


def _entity(said: Reading) -> UUID | None:
    if said.object == PROJECT:
        return identity.project_id(said.id)
    return identity.photo_id(said.id) if said.object == PHOTO else None
