"""Builds photo_sync: what it opens, what it consumes, what it publishes, what it answers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from photo_sync.handlers import customers, held, photos, projects, webhooks
from photo_sync.models.configuration import CompanyCamConfig
from photo_sync.resources import Resources
from photo_sync.rules.reading import PHOTO, PROJECT
from photo_sync.settings import Settings
from photo_sync.store import rows
from synckit import background, kafka, postgres, process, references, sessions, web
from synckit.consumer import Alarms, Consumer
from synckit.contracts import topics
from synckit.drain import RELAY_SECONDS, Drain
from synckit.integrations.configs import Configuration
from synckit.integrations.services import COMPANY_CAM
from synckit.mirror.projector import Projector
from synckit.mirror.steps import Step
from synckit.outbox.relay import Relay
from synckit.subscriptions import Subscriptions

NAME: Final = "photo-sync"
SHARED: Final = postgres.POOL_SIZE + 2
"""Sessions of the shared database: one more for each consumer, whose redrive keeps it for as long as it waits."""
PUBLISHED: Final = (topics.FEDERATION_KEYS, topics.PROJECTS_CHANGES, topics.SYNC_REQUESTS)


@asynccontextmanager
async def lifetime(settings: Settings, drain: Drain) -> AsyncIterator[web.Routes]:
    """From start to shutdown: the pools, the consumers, the relay.

    Draining finishes the batches, then the round. The pools stay: requests in hand are answered meanwhile.
    """
    dsn, servers = settings.projects_dsn.get_secret_value(), settings.kafka_bootstrap_servers
    async with (
        postgres.create_pool(dsn, process=NAME, size=postgres.POOL_SIZE + 1) as pool,  # a fan-out may wait for a lock
        postgres.create_pool(settings.integrations_dsn.get_secret_value(), process=NAME, size=SHARED) as integrations,
        background.background() as loops,
    ):
        config = Configuration(integrations, COMPANY_CAM, CompanyCamConfig)
        relay = Relay(rows.OUTBOX, dsn=dsn, servers=servers, process=NAME)
        projector = Projector(pool, rows.MIRROR, steps(config), relay.wake)
        resources = Resources(pool, integrations, config, relay, projector)
        alarms = Alarms(integrations, NAME)
        reads = Subscriptions(NAME, servers, _consumers(resources, alarms), alarms, integrations)
        loops.start(
            {
                **reads.loops,
                "relay": relay.run,
                **projector.loops,
                "net": held.Net(resources).run,
                "config": config.run,
                "sessions": partial(sessions.watch, pool, integrations),
            }
        )
        checks = {
            "paintbox_projects": postgres.check(pool),
            "paintbox_integrations": postgres.check(integrations),
            "kafka": kafka.check(settings, [*reads.topics, *PUBLISHED]),
            "relay": relay.check,
            "loops": loops.check,
            "fan-outs": projector.fan_outs.check,
            **reads.checks,
        }
        tables = {"projects": rows.find_projects, "project_photos": rows.find_photos}
        async with drain.beside(reads.stop, partial(loops.end, "relay", relay.stop, RELAY_SECONDS), loops.cancel):
            yield {**process.operations(checks), **references.routes(pool, tables, settings.service_tokens)}


def _consumers(resources: Resources, alarms: Alarms) -> list[Consumer]:
    return [
        Consumer(topics.WEBHOOKS_COMPANYCAM, partial(webhooks.on_companycam_webhooks, resources=resources), alarms),
        Consumer(topics.CUSTOMERS_CHANGES, partial(customers.on_customer_changes, resources=resources), alarms),
    ]


def steps(config: Configuration[CompanyCamConfig]) -> Mapping[str, Step]:
    """How a change of a record, of a project's row, and of a customer reaches the rows that it makes."""
    project = partial(projects.project_slice, config)
    photo = partial(photos.photo_slice, config)
    return {
        PROJECT: Step(projects.projects, project, PROJECT),
        projects.CUSTOMER: Step(projects.projects_of_customers, project, PROJECT),
        PHOTO: Step(photos.photos, photo, PHOTO),
        projects.PHOTOS_OF: Step(photos.photos_of_projects, photo, PHOTO),
    }
