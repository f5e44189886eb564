"""customer-sync's own handler in this process, on databases of the bench: as `customer_sync.app` builds it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from customer_sync import store
from customer_sync.handlers import projection
from customer_sync.models.configuration import SalesforceConfig
from customer_sync.resources import Resources
from synckit import postgres
from synckit.integrations.configs import Configuration
from synckit.integrations.services import SALESFORCE
from synckit.mirror.projector import Projector
from synckit.outbox.relay import Relay

PROCESS = "paintbox-bench"


@asynccontextmanager
async def resources_on(customers_dsn: str, integrations_dsn: str, servers: str) -> AsyncIterator[Resources]:
    """What the handler works with. The relay does not run: nothing is published."""
    async with (
        postgres.create_pool(customers_dsn, process=PROCESS) as customers,
        postgres.create_pool(integrations_dsn, process=PROCESS) as integrations,
    ):
        config = Configuration(integrations, SALESFORCE, SalesforceConfig)
        relay = Relay(store.OUTBOX, dsn=customers_dsn, servers=servers, process=PROCESS)
        projector = Projector(customers, store.MIRROR, projection.steps(config), relay.wake)
        yield Resources(customers, integrations, config, relay, projector)
