"""Rows are deleted once readers see their records: Kafka answers a commit before that, and may drop it afterwards."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic as KafkaTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NodeNotReadyError
from aiokafka.producer.message_accumulator import RecordMetadata
from aiokafka.producer.sender import Sender

from paintbox.brokers import administration, create_topics
from paintbox.databases import Connection, Database
from support.kafka import NewTopic
from support.postgres import NewDatabase
from support.relays import running
from support.topics import read_all
from support.waiting import until
from synckit import kafka
from synckit.errors import TransientError
from synckit.outbox import markers, store
from synckit.outbox.relay import Relay
from synckit.outbox.store import Event, Outbox

Start = Callable[[str], Awaitable[Relay]]

OUTBOX = Outbox(name="markers", events="customers.outbox_events", refused="customers.outbox_refused")
ROWS = 24
TOPIC = "a.topic.v1"


@pytest.fixture
async def dsn(new_database: NewDatabase) -> str:
    return await new_database(Database.CUSTOMERS)


@pytest.fixture
async def start(dsn: str) -> AsyncIterator[Start]:
    """Starts a relay, which the end of the test stops."""
    async with AsyncExitStack() as stack:

        async def start_relay(servers: str) -> Relay:
            one = Relay(OUTBOX, dsn=dsn, servers=servers, process="test")
            await stack.enter_async_context(running(one))
            return one

        yield start_relay


async def write(session: Connection, topic: str, version: int) -> None:
    value = json.dumps({"version": version}).encode()
    events = [Event(topic=topic, key=f"key-{number}", headers={}, value=value) for number in range(ROWS)]
    await store.insert(session, OUTBOX, events)


async def rows_left(session: Connection) -> int:
    count: int = await session.fetchval("SELECT count(*) FROM customers.outbox_events")
    return count


async def is_empty(session: Connection) -> bool:
    return await rows_left(session) == 0


async def open_transaction(servers: str, topic: str) -> AIOKafkaProducer:
    """One that readers do not get beyond until it ends."""
    producer = kafka.create_transactional_producer(servers, process="test", transactional_id=f"other-of-{topic}")
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"unfinished", partition=0)
    return producer


@pytest.mark.parametrize("others_seconds", [0.0, 2.0])
async def test_what_another_producer_has_open_holds_its_readers_up_and_not_the_relay(
    start: Start,
    session: Connection,
    new_topic: NewTopic,
    kafka_servers: str,
    monkeypatch: pytest.MonkeyPatch,
    others_seconds: float,
) -> None:
    monkeypatch.setattr(markers, "OTHERS_SECONDS", others_seconds)
    topic = await new_topic(partitions=2)
    other = await open_transaction(kafka_servers, topic)
    await write(session, topic, 1)

    one = await start(kafka_servers)
    await until(lambda: is_empty(session))
    trouble = await one.check()
    await other.abort_transaction()
    await other.stop()

    assert trouble is None
    assert len(await read_all(kafka_servers, topic)) == ROWS


async def test_f31_what_kafka_called_committed_and_never_closed_is_sent_again_and_closed(
    start: Start, session: Connection, broker: str, forgotten: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a broker is killed once it has answered a commit, and leads no partition when it looks what is left."""
    monkeypatch.setattr(markers, "UNCLOSED_SECONDS", 3.0)
    async with administration(broker) as admin:
        await create_topics(admin, [KafkaTopic(TOPIC, 3, 1)])
        unasked = {"transaction.partition.verification.enable": "false"}  # else it asks the coordinator
        await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", unasked)])
    await write(session, TOPIC, 1)

    one = await start(broker)
    shown = await until(one.check, 60)
    kept = await rows_left(session)
    await until(lambda: is_empty(session), 60)
    records = await read_all(broker, TOPIC)

    assert len(forgotten) == 1
    assert (shown, kept) == ("UnclosedError", ROWS)
    assert {record.key for record in records} == {f"key-{number}".encode() for number in range(ROWS)}


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The first transaction of this process, of which Kafka's coordinator does not hear; here once it was sent."""
    sent: list[object] = []
    add, end = Sender._do_add_partitions_to_txn, Sender._do_txn_commit

    async def add_unless_first(sender: Any, partitions: Iterable[TopicPartition]) -> None:
        if sent:
            await add(sender, partitions)
            return
        for one in list(partitions):
            sender._txn_manager.partition_added(one)

    async def end_unless_first(sender: Any, result: object) -> None:
        if sent:
            await end(sender, result)
            return
        await sender._message_accumulator.flush_for_commit()
        sent.append(result)
        sender._txn_manager.complete_transaction()

    monkeypatch.setattr(Sender, "_do_add_partitions_to_txn", add_unless_first)
    monkeypatch.setattr(Sender, "_do_txn_commit", end_unless_first)
    return sent


def metadata(partition: int, offset: int) -> RecordMetadata:
    return RecordMetadata("topic", partition, TopicPartition("topic", partition), offset, 0, 0, 0)


def test_the_last_batch_of_each_partition_is_waited_for() -> None:
    sent = [metadata(0, 5), metadata(1, 3), metadata(0, 9)]

    assert markers.last_of(sent) == {TopicPartition("topic", 0): 9, TopicPartition("topic", 1): 3}


def test_where_kafka_does_not_say_where_a_batch_lies_it_is_sent_again() -> None:
    with pytest.raises(TransientError):
        markers.last_of([metadata(0, 5), metadata(1, -1)])


class Client:
    """Answers each question as told, in turn."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.updates = list(answers), 0
        self.cluster = self

    def leader_for_partition(self, _: TopicPartition) -> int | None:
        return self.answers.pop(0) if not isinstance(self.answers[0], (Exception, tuple)) else 1

    def force_metadata_update(self) -> None:
        self.updates += 1

    async def send(self, leader: int, _: object) -> Any:
        assert leader == 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        code, offset = answer
        return SimpleNamespace(topics=[("topic", [(0, code, -1, offset)])])


async def test_whoever_leads_is_looked_for_and_asked_until_readers_get_beyond() -> None:
    not_leader = 6
    client = Client(None, -1, NodeNotReadyError(), (not_leader, -1), (0, 7), (0, 8))

    await markers.until_visible(client, 1, {TopicPartition("topic", 0): 7})

    assert client.answers == []
    assert client.updates == 4


async def test_where_nobody_leads_nothing_is_called_unclosed_however_long_that_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(markers, "OTHERS_SECONDS", 0.0)
    monkeypatch.setattr(markers, "UNCLOSED_SECONDS", 0.0)
    client = Client(*[None] * 12, (0, 8))

    await markers.until_visible(client, 1, {TopicPartition("topic", 0): 7})

    assert client.updates == 12
