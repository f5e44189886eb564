"""What a run of the demo keeps open: both simulators, three databases, and Kafka."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from paintbox.brokers import administration, find_topics, outsider
from paintbox.databases import Connection, Database
from paintbox.databases import connected as database_connected
from paintbox.environment import SERVERS, require
from paintbox.errors import OperatorError
from paintbox.stack.environments import URLS
from paintbox.world import steering
from paintbox.world.steering import Simulators
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE

PROCESS: Final = "paintbox demo"
PROCESSES: Final = ("webhook-ingest", "customer-sync", "photo-sync")


@dataclass(frozen=True, slots=True)
class Kafka:
    """The topics that webhooks go to."""

    servers: str
    consumer: AIOKafkaConsumer
    places: tuple[TopicPartition, ...]

    async def count_records(self) -> int:
        """How many records these topics have taken in since they were made."""
        try:
            ends = await self.consumer.end_offsets(self.places)
        except (KafkaError, TimeoutError) as error:
            raise OperatorError(
                f"Kafka does not answer at {self.servers} ({type(error).__name__}): `paintbox status` shows why."
            ) from error
        return sum(ends.values())


@dataclass(frozen=True, slots=True)
class Sessions:
    """All of it."""

    simulators: Simulators
    customers: Connection
    projects: Connection
    integrations: Connection
    kafka: Kafka
    doors: str
    """The URL of webhook ingest."""
    customer_sync: str
    """The URL of customer sync."""
    photo_sync: str
    """The URL of photo sync."""


@asynccontextmanager
async def opened(environment: Mapping[str, str]) -> AsyncIterator[Sessions]:
    """Opens what the environment names, for the block. Raises OperatorError where something is not set or away."""
    databases = [database.dsn_name for database in (Database.CUSTOMERS, Database.PROJECTS, Database.INTEGRATIONS)]
    customers, projects, integrations = require(environment, *databases)
    servers, *urls = require(environment, SERVERS, *(URLS[name] for name in PROCESSES))
    async with (
        steering.connected(environment) as simulators,
        database_connected(customers, process=PROCESS) as in_customers,
        database_connected(projects, process=PROCESS) as in_projects,
        database_connected(integrations, process=PROCESS) as in_integrations,
        _kafka(servers) as kafka,
    ):
        yield Sessions(simulators, in_customers, in_projects, in_integrations, kafka, *urls)


@asynccontextmanager
async def _kafka(servers: str) -> AsyncIterator[Kafka]:
    names = (WEBHOOKS_SALESFORCE.name, WEBHOOKS_COMPANYCAM.name)
    async with administration(servers) as admin:
        topics = await find_topics(admin, names)
        places = [TopicPartition(name, partition) for name in topics for partition in range(topics[name].partitions)]
    async with outsider(servers) as consumer:
        yield Kafka(servers, consumer, tuple(places))
