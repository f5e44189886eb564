"""What other services say: relationships of their rows with customers, and their projects as they stand."""

from functools import partial
from time import time
from typing import Final

from customer_sync import store
from customer_sync.resources import Resources
from customer_sync.store import FEDERATION_KEYS
from synckit import federation, parking, postgres
from synckit.consumer import Batch
from synckit.contracts.compacted import compact, decode, with_uuid
from synckit.contracts.values import FederationKey, ProjectChanged
from synckit.observability.metrics import WEBHOOK_TO_KEY_SECONDS

CONSUMER: Final = "customer-sync"
SERVICE: Final = "customers"
OWNERS: Final = frozenset({"projects", "estimates"})
"""Who owns relationships with customers: what a metric may be told by."""


async def on_federation_keys(batch: Batch, resources: Resources) -> None:
    """Keep our side of every relationship that another service owns."""
    decoded = batch.decode(partial(decode, FederationKey))
    ours = batch.refine(decoded, lambda one: one if federation.is_about(one.key, SERVICE) else None)
    said = compact(one for one in ours.values() if one is not None)
    if said.erased or said.standing:
        async with (
            postgres.transaction(resources.customers, "customer_sync.counterparts") as connection,
            parking.in_order(connection, resources.integrations, CONSUMER, batch),
        ):
            await federation.erase_counterparts(connection, FEDERATION_KEYS, said.erased)
            await federation.apply_counterparts(connection, FEDERATION_KEYS, [one.value for one in said.standing])
    now = time()
    for one in said.standing:
        owner = one.value.local_service if one.value.local_service in OWNERS else "other"
        WEBHOOK_TO_KEY_SECONDS.labels(owner).observe(max(now - one.headers.received_at / 1000, 0))
    await parking.settle(resources.integrations, CONSUMER, batch)


async def on_project_changes(batch: Batch, resources: Resources) -> None:
    """Keep what `customer_summary` needs to know of projects."""
    decoded = batch.decode(partial(decode, ProjectChanged))
    said = compact(batch.refine(decoded, with_uuid).values())
    if said.erased or said.standing:
        async with (
            postgres.transaction(resources.customers, "customer_sync.project_facts") as connection,
            parking.in_order(connection, resources.integrations, CONSUMER, batch),
        ):
            await store.erase_project_facts(connection, said.erased)
            await store.apply_project_facts(connection, [one.value for one in said.standing])
    await parking.settle(resources.integrations, CONSUMER, batch)
