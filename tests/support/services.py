"""The services' handlers over real databases, without Kafka: batches go in, and the outbox shows what would go out."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import customer_sync.store
import photo_sync.app
from customer_sync.handlers import federation as customer_federation
from customer_sync.handlers import projection
from customer_sync.handlers import webhooks as customer_webhooks
from customer_sync.models.configuration import SalesforceConfig
from customer_sync.resources import Resources as CustomerResources
from photo_sync.handlers import customers as photo_customers
from photo_sync.handlers import webhooks as photo_webhooks
from photo_sync.models.configuration import CompanyCamConfig
from photo_sync.resources import Resources as PhotoResources
from photo_sync.store import rows as photo_rows
from support.notifications import KafkaRecord, companycam_record, salesforce_event_records, salesforce_messages
from synckit import postgres
from synckit.consumer import Batch
from synckit.contracts.headers import to_kafka
from synckit.integrations import services as vendors
from synckit.integrations.configs import Configuration
from synckit.mirror.projector import Projector
from synckit.outbox.relay import Relay
from synckit.outbox.store import Outbox
from synckit.postgres import Pool, Row


@dataclass(frozen=True, slots=True)
class CustomerSync:
    """customer_sync's handlers on its two databases."""

    resources: CustomerResources

    async def messages(self, *bodies: bytes) -> Batch:
        """Outbound Messages, as one batch."""
        return await self.webhooks(record for body in bodies for record in salesforce_messages(body))

    async def events(self, *bodies: bytes) -> Batch:
        """Bodies of Salesforce's JSON door, as one batch."""
        return await self.webhooks(record for body in bodies for record in salesforce_event_records(body))

    async def webhooks(self, records: Iterable[KafkaRecord]) -> Batch:
        """Records of the webhook topic, as one batch."""
        batch = Batch(numbered(records))
        await customer_webhooks.on_salesforce_webhooks(batch, self.resources)
        return batch

    async def federation(self, records: Iterable[KafkaRecord]) -> Batch:
        """Records of the topic of federation keys, as one batch."""
        batch = Batch(numbered(records))
        await customer_federation.on_federation_keys(batch, self.resources)
        return batch

    async def projects(self, records: Iterable[KafkaRecord]) -> Batch:
        """Records of the topic of projects, as one batch."""
        batch = Batch(numbered(records))
        await customer_federation.on_project_changes(batch, self.resources)
        return batch

    async def published(self) -> list[KafkaRecord]:
        """What the outbox holds, as the relay would publish it; it is empty afterwards."""
        return await published(self.resources.customers, customer_sync.store.OUTBOX)


@dataclass(frozen=True, slots=True)
class PhotoSync:
    """photo_sync's handlers on its two databases."""

    resources: PhotoResources

    async def events(self, *bodies: bytes) -> Batch:
        """Bodies of CompanyCam's door, as one batch."""
        return await self.webhooks(companycam_record(body) for body in bodies)

    async def webhooks(self, records: Iterable[KafkaRecord]) -> Batch:
        """Records of the webhook topic, as one batch."""
        batch = Batch(numbered(records))
        await photo_webhooks.on_companycam_webhooks(batch, self.resources)
        return batch

    async def customers(self, records: Iterable[KafkaRecord]) -> Batch:
        """Records of the topic of customers, as one batch."""
        batch = Batch(numbered(records))
        await photo_customers.on_customer_changes(batch, self.resources)
        return batch

    async def published(self) -> list[KafkaRecord]:
        """What the outbox holds, as the relay would publish it; it is empty afterwards."""
        return await published(self.resources.projects, photo_rows.OUTBOX)


def numbered(records: Iterable[KafkaRecord]) -> list[KafkaRecord]:
    """The records with rising offsets, as a partition holds them."""
    return [replace(record, offset=offset) for offset, record in enumerate(records)]


@asynccontextmanager
async def customer_sync_on(customers_dsn: str, integrations_dsn: str) -> AsyncIterator[CustomerSync]:
    """customer_sync's handlers; its relay does not run."""
    async with (
        postgres.create_pool(customers_dsn, process="test") as customers,
        postgres.create_pool(integrations_dsn, process="test") as integrations,
    ):
        config = Configuration(integrations, vendors.SALESFORCE, SalesforceConfig)
        relay = Relay(customer_sync.store.OUTBOX, dsn=customers_dsn, servers="", process="test")
        projector = Projector(customers, customer_sync.store.MIRROR, projection.steps(config), relay.wake)
        yield CustomerSync(CustomerResources(customers, integrations, config, relay, projector))


@asynccontextmanager
async def photo_sync_on(projects_dsn: str, integrations_dsn: str) -> AsyncIterator[PhotoSync]:
    """photo_sync's handlers; its relay does not run."""
    async with (
        postgres.create_pool(projects_dsn, process="test") as projects,
        postgres.create_pool(integrations_dsn, process="test") as integrations,
    ):
        config = Configuration(integrations, vendors.COMPANY_CAM, CompanyCamConfig)
        relay = Relay(photo_rows.OUTBOX, dsn=projects_dsn, servers="", process="test")
        projector = Projector(projects, photo_rows.MIRROR, photo_sync.app.steps(config), relay.wake)
        yield PhotoSync(PhotoResources(projects, integrations, config, relay, projector))


async def published(pool: Pool, outbox: Outbox) -> list[KafkaRecord]:
    """What an outbox holds, in its order; it is empty afterwards."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(f"SELECT topic, key, headers, value FROM {outbox.events} ORDER BY seq")
        await connection.execute(f"DELETE FROM {outbox.events}")
    return [_record(row) for row in rows]


def _record(row: Row) -> KafkaRecord:
    headers = to_kafka(json.loads(row["headers"]))
    return KafkaRecord(topic=row["topic"], key=row["key"].encode(), value=row["value"], headers=headers)


def of_topic(records: Iterable[KafkaRecord], topic: str) -> list[KafkaRecord]:
    """Those that go to a topic."""
    return [record for record in records if record.topic == topic]


def value_of(record: KafkaRecord) -> Any:
    """The JSON value of a record."""
    return None if record.value is None else json.loads(record.value)


async def all_rows(pool: Pool, query: str, *parameters: object) -> list[dict[str, Any]]:
    """The rows of a query, as dictionaries with plain UUIDs."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(query, *parameters)
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


async def one_row(pool: Pool, query: str, *parameters: object) -> dict[str, Any]:
    """The only row of a query."""
    (row,) = await all_rows(pool, query, *parameters)
    return row


def _plain(value: object) -> object:
    return UUID(str(value)) if isinstance(value, UUID) else value
