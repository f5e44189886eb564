"""Builds the doors: their producer, their spool, their routes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_network
from typing import Final

from synckit import background, kafka, postgres, process, sessions, web
from synckit.contracts import topics
from webhook_ingest import readiness
from webhook_ingest.addresses import AddressLimit
from webhook_ingest.admission import Admission
from webhook_ingest.custody import Custody
from webhook_ingest.doors import companycam, intake, outbound_messages, salesforce_events
from webhook_ingest.publisher import Publisher
from webhook_ingest.records import Door
from webhook_ingest.resources import Resources
from webhook_ingest.settings import IngestSettings

NAME: Final = "webhook-ingest"
SPOOL_SESSIONS: Final = 8
PUBLISHED: Final = (topics.WEBHOOKS_SALESFORCE, topics.WEBHOOKS_COMPANYCAM, topics.WEBHOOKS_QUARANTINED)


@asynccontextmanager
async def lifetime(settings: IngestSettings) -> AsyncIterator[web.Routes]:
    """From start to shutdown. Nothing ends before the last request is answered: each needs the producer or the pool."""
    publisher = Publisher(settings.kafka_bootstrap_servers, NAME, settings.spool_after_seconds)
    dsn = settings.integrations_dsn.get_secret_value()
    async with postgres.create_pool(dsn, process=NAME, size=SPOOL_SESSIONS) as pool, background.background() as loops:
        loops.start({"producer": publisher.run, "sessions": partial(sessions.watch, pool)})
        custody = Custody(publisher, pool)
        checks = {
            "storage": readiness.storage(kafka.check(settings, PUBLISHED), publisher.sends, custody.check),
            "producer": publisher.check,
            "loops": loops.check,
        }
        trusted = [ip_network(name) for name in settings.trusted_proxies]
        admission = Admission(trusted, AddressLimit(settings.address_requests_per_second))
        resources = Resources(settings, admission, custody)
        yield {**process.operations(checks), **routes(resources)}


def routes(resources: Resources) -> web.Routes:
    """The doors. What is no POST is counted there too, and so is a message without a token."""
    messages = _posted(outbound_messages.DOOR, resources, outbound_messages.handler(resources))
    source = outbound_messages.DOOR.source
    return {
        **dict.fromkeys((outbound_messages.PATH, source, f"{source}/"), messages),
        salesforce_events.DOOR.source: _posted(salesforce_events.DOOR, resources, salesforce_events.handler(resources)),
        companycam.DOOR.source: _posted(companycam.DOOR, resources, companycam.handler(resources)),
    }


def _posted(door: Door, resources: Resources, handler: web.Handler) -> Mapping[str, web.Handler]:
    refused = intake.counted(door, resources.admission, intake.refuse_method)
    return {"POST": handler, web.OTHER_METHODS: refused}
