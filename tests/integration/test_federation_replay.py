"""The compacted topic, read from its beginning into an empty database, gives the rows that its reader had."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from paintbox.databases import Database
from support.kafka import NewTopic
from support.notifications import KafkaRecord
from support.people import NOW, customer, project
from support.postgres import NewDatabase
from support.services import CustomerSync, all_rows, customer_sync_on, of_topic, photo_sync_on
from support.topics import read_all
from synckit.contracts.topics import FEDERATION_KEYS

PROJECTS = [str(95_000_000 + number) for number in range(30)]
PEOPLE = [f"003{number:012d}AAA" for number in range(10)]
KEYS = """
    SELECT local_id, local_table, external_service, external_id, external_table, relationship_type, is_owner,
           created_at, source_version, deleted_at
      FROM customers.federation_keys ORDER BY local_id, external_id
"""


async def what_photo_sync_says(new_database: NewDatabase) -> list[KafkaRecord]:
    """The keys of projects that find customers, move to others, are deleted, and come back."""
    dsns = await new_database(Database.PROJECTS), await new_database(Database.INTEGRATIONS)
    chance = random.Random(7)
    said: list[KafkaRecord] = []
    async with photo_sync_on(*dsns) as sync:
        people = [customer(one, 1, None, email=f"{one}@example.com") for one in PEOPLE]
        await sync.customers(people)
        for second in range(6):
            events = [a_change(name, NOW + second * 10, chance) for name in PROJECTS]
            await sync.events(*events)
            said += of_topic(await sync.published(), FEDERATION_KEYS.name)
    return said


def a_change(name: str, second: int, chance: random.Random) -> bytes:
    if chance.random() < 0.2:
        return project("project.deleted", id=name, sent_at=second)
    relation = [{"type": "Salesforce", "relation_id": chance.choice(PEOPLE)}]
    contact = {"email": f"{chance.choice(PEOPLE)}@example.com"}
    integrations = relation if chance.random() < 0.5 else []
    return project("project.updated", id=name, updated_at=second, integrations=integrations, primary_contact=contact)


async def publish(servers: str, topic: str, records: Iterable[KafkaRecord]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        for record in records:
            await producer.send_and_wait(topic, record.value, record.key, headers=record.headers)


async def apply(sync: CustomerSync, records: Sequence[Any], size: int) -> list[dict[str, Any]]:
    for start in range(0, len(records), size):
        await sync.federation(
            KafkaRecord(topic=one.topic, key=one.key, value=one.value, headers=list(one.headers), offset=one.offset)
            for one in records[start : start + size]
        )
    return await all_rows(sync.resources.customers, KEYS)


async def test_a_replay_from_offset_0_gives_the_same_rows(
    new_database: NewDatabase, new_topic: NewTopic, kafka_servers: str
) -> None:
    said = await what_photo_sync_says(new_database)
    topic = await new_topic(partitions=12, cleanup_policy="compact")
    await publish(kafka_servers, topic, said)
    live, replayed, shuffled = [
        (await new_database(Database.CUSTOMERS), await new_database(Database.INTEGRATIONS)) for _ in range(3)
    ]

    async with customer_sync_on(*live) as sync:
        as_it_came = await apply(sync, said, 3)
    async with customer_sync_on(*replayed) as sync:
        from_the_start = await apply(sync, await read_all(kafka_servers, topic), 1_000)
    async with customer_sync_on(*shuffled) as sync:
        in_any_order = await apply(sync, random.Random(1).sample(said * 2, len(said) * 2), 7)

    assert len(as_it_came) >= len(PROJECTS)
    assert any(row["deleted_at"] for row in as_it_came)
    assert from_the_start == as_it_came
    assert in_any_order == as_it_came
