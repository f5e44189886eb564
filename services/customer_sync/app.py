"""Builds customer_sync: what it opens, what it consumes, what it publishes, what it answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from customer_sync import store
from customer_sync.handlers import federation, projection, webhooks
from customer_sync.models.configuration import SalesforceConfig
from customer_sync.resources import Resources
from customer_sync.settings import Settings
from synckit import background, kafka, postgres, process, references, sessions, web
from synckit.consumer import Alarms, Consumer, Intake
from synckit.contracts import topics
from synckit.drain import RELAY_SECONDS, Drain
from synckit.integrations.configs import Configuration
from synckit.integrations.services import SALESFORCE
from synckit.mirror.projector import Projector
from synckit.outbox.relay import Relay
from synckit.subscriptions import Subscriptions

NAME: Final = "customer-sync"
MEMBERS: Final = 2
"""Consumers of Salesforce's webhooks: what one spends in Python, the other spends at the databases."""
LANES: Final = 2
"""Of each, batches side by side: what is taken together is written together, an account's rows once."""
SESSIONS: Final = MEMBERS * LANES + 3
"""One for each batch, one for what is projected beside them and waits for another lock, and two for whoever looks after
things where all batches wait for the same one."""
SHARED: Final = SESSIONS + 2
"""Sessions of the shared database: one more for each topic, whose redrive keeps it for as long as it waits."""
PUBLISHED: Final = (topics.CUSTOMERS_CHANGES, topics.SYNC_REQUESTS)


@asynccontextmanager
async def lifetime(settings: Settings, drain: Drain) -> AsyncIterator[web.Routes]:
    """From start to shutdown: the pools, the consumers, the relay.

    Draining finishes the batches, then the round. The pools stay: requests in hand are answered meanwhile.
    """
    dsn, servers = settings.customers_dsn.get_secret_value(), settings.kafka_bootstrap_servers
    async with (
        postgres.create_pool(dsn, process=NAME, size=SESSIONS) as customers,
        postgres.create_pool(settings.integrations_dsn.get_secret_value(), process=NAME, size=SHARED) as integrations,
        background.background() as loops,
    ):
        config = Configuration(integrations, SALESFORCE, SalesforceConfig)
        relay = Relay(store.OUTBOX, dsn=dsn, servers=servers, process=NAME)
        projector = Projector(customers, store.MIRROR, projection.steps(config), relay.wake)
        resources = Resources(customers, integrations, config, relay, projector)
        alarms = Alarms(integrations, NAME)
        reads = Subscriptions(NAME, servers, _consumers(resources, alarms), alarms, integrations)
        loops.start(
            {
                **reads.loops,
                "relay": relay.run,
                **projector.loops,
                "config": config.run,
                "sessions": partial(sessions.watch, customers, integrations),
            }
        )
        checks = {
            "paintbox_customers": postgres.check(customers),
            "paintbox_integrations": postgres.check(integrations),
            "kafka": kafka.check(settings, [*reads.topics, *PUBLISHED]),
            "relay": relay.check,
            "loops": loops.check,
            "fan-outs": projector.fan_outs.check,
            **reads.checks,
        }
        asked = references.routes(customers, {"customers": store.find_customers}, settings.service_tokens)
        async with drain.beside(reads.stop, partial(loops.end, "relay", relay.stop, RELAY_SECONDS), loops.cancel):
            yield {**process.operations(checks), **asked}


def _consumers(resources: Resources, alarms: Alarms) -> list[Consumer]:
    on_webhooks = partial(webhooks.on_salesforce_webhooks, resources=resources)
    return [
        *(
            Consumer(topics.WEBHOOKS_SALESFORCE, on_webhooks, alarms, Intake(lanes=LANES), member)
            for member in range(1, MEMBERS + 1)
        ),
        Consumer(topics.FEDERATION_KEYS, partial(federation.on_federation_keys, resources=resources), alarms),
        Consumer(topics.PROJECTS_CHANGES, partial(federation.on_project_changes, resources=resources), alarms),
    ]
