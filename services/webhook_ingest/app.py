"""Builds the doors: their producer, their routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from synckit import background, kafka, process, web
from synckit.contracts import topics
from webhook_ingest.doors import companycam, outbound_messages, salesforce_events
from webhook_ingest.publisher import Publisher
from webhook_ingest.settings import IngestSettings

NAME: Final = "webhook-ingest"
PUBLISHED: Final = (topics.WEBHOOKS_SALESFORCE, topics.WEBHOOKS_COMPANYCAM, topics.WEBHOOKS_QUARANTINED)


@asynccontextmanager
async def lifetime(settings: IngestSettings) -> AsyncIterator[web.Routes]:
    """From start to shutdown. The server has answered every request before this ends."""
    publisher = Publisher(settings.kafka_bootstrap_servers, NAME)
    async with background.background() as loops:
        loops.start({"producer": publisher.run})
        checks = {
            "kafka": kafka.check(settings, PUBLISHED),
            "producer": publisher.check,
            "loops": loops.check,
        }
        yield {
            **process.operations(checks),
            outbound_messages.PATH: {"POST": outbound_messages.handler(settings, publisher)},
            salesforce_events.DOOR.source: {"POST": salesforce_events.handler(settings, publisher)},
            companycam.DOOR.source: {"POST": companycam.handler(settings, publisher)},
        }
