"""Kafka's own time of a record decides nothing: the event's does."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from paintbox.databases import Database
from support.facts import NOON_MS
from support.kafka import NewTopic
from support.notifications import companycam_record, notification
from support.people import project
from support.postgres import NewDatabase
from support.services import PhotoSync, one_row, photo_sync_on
from support.topics import read_all
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM

YEAR_2200 = 7_258_118_400_000
STORED = "SELECT base_version, first_seen_at, last_seen_at FROM projects.companycam_records"


@pytest.fixture
async def sync(new_database: NewDatabase) -> AsyncIterator[PhotoSync]:
    projects, integrations = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    async with photo_sync_on(projects, integrations) as service:
        yield service


@pytest.mark.parametrize("stamp", [0, -1, YEAR_2200], ids=["b79 zero", "b79 none", "b79 year 2200"])
async def test_a_record_counts_from_its_own_time_whatever_its_sender_stamped(
    sync: PhotoSync, new_topic: NewTopic, kafka_servers: str, stamp: int
) -> None:
    record = companycam_record(project())
    topic = await new_topic(message_timestamp_type=WEBHOOKS_COMPANYCAM.config["message.timestamp.type"])
    async with AIOKafkaProducer(bootstrap_servers=kafka_servers, acks="all") as producer:
        await producer.send_and_wait(topic, record.value, record.key, headers=record.headers, timestamp_ms=stamp)

    (found,) = await read_all(kafka_servers, topic)
    await sync.webhooks([found])

    assert found.timestamp not in {0, -1, YEAR_2200}
    stored = await one_row(sync.resources.projects, STORED)
    received = datetime.fromtimestamp(NOON_MS / 1000, UTC)
    assert stored["base_version"] == notification(record).version
    assert (stored["first_seen_at"], stored["last_seen_at"]) == (received, received)
