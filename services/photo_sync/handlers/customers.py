"""What the owner of customers says: who they are, so that projects find them."""

from functools import partial
from typing import Final

from photo_sync.handlers.projects import CUSTOMER
from photo_sync.resources import Resources
from photo_sync.rules.contacts import customer_ref
from photo_sync.store import matches
from photo_sync.store.rows import MIRROR
from synckit import parking, postgres
from synckit.consumer import Batch
from synckit.contracts.compacted import Standing, compact, decode, with_uuid
from synckit.contracts.values import CustomerChanged
from synckit.mirror import notes
from synckit.mirror.facts import Cause

CONSUMER: Final = "photo-sync"


async def on_customer_changes(batch: Batch, resources: Resources) -> None:
    """Keep what projects are matched by, committed before the projects that wait for it are looked for."""
    decoded = batch.decode(partial(decode, CustomerChanged))
    said = compact(batch.refine(decoded, with_uuid).values())
    async with (
        postgres.transaction(resources.projects, "photo_sync.customer_refs") as connection,
        parking.in_order(connection, resources.integrations, CONSUMER, batch),
    ):
        await matches.erase_customer_refs(connection, said.erased)
        refs = (customer_ref(one.value) for one in said.standing)
        changed = await matches.upsert_customer_refs(connection, refs)
        causes = {one.key: cause_of(one) for one in said.standing}
        made = await notes.insert(connection, MIRROR, {CUSTOMER: {str(key): causes[str(key)] for key in changed}})
    resources.projector.remember(made, batch.lease)
    await resources.projector.work(batch.lease)
    await parking.settle(resources.integrations, CONSUMER, batch)


def cause_of(one: Standing[CustomerChanged]) -> Cause:
    """The event behind what was said of a customer."""
    head = one.headers
    return Cause(
        event_id=head.id,
        correlation_id=head.correlation_id,
        traceparent=head.traceparent,
        received_at=head.received_at,
    )
