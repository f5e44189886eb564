"""What a consumer reads is not there any more, or somewhere else: deleted before it came, or behind other addresses."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin import NewTopic as KafkaTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError
from prometheus_client import REGISTRY

from paintbox.brokers import administration, create_topics
from paintbox.prove.proxy import Proxy
from paintbox.stack import ports
from support import kafka as brokers
from support.alarms import NoAlarms
from support.consumers import Running, Sink
from support.kafka import KafkaServer, NewTopic
from support.topics import committed, produce
from support.waiting import until, until_true
from synckit.consumer import Batch, Consumer, ConsumerGroup, continuity, fetching, unread
from synckit.consumer.leaving import GRACE_SECONDS, leave
from synckit.contracts.topics import Cleanup, Topic


@asynccontextmanager
async def running(servers: str, topic: str, sink: Sink, group: str) -> AsyncIterator[Running]:
    alarms = NoAlarms()
    consumer = Consumer(Topic(topic, "", "", Cleanup.DELETE, 1), sink, alarms)
    one = Running(group, consumer, ConsumerGroup(group, servers, [consumer], alarms))
    try:
        yield one
    finally:
        await one.stop()


async def until_committed(servers: str, group: str, topic: str, offset: int) -> None:
    async def is_committed() -> bool:
        return (await committed(servers, group)).get((topic, 0)) == offset

    await until(is_committed)


async def test_records_that_were_deleted_before_they_were_read_are_told(
    new_topic: NewTopic, kafka_servers: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic, group, sink = await new_topic(), f"group-{uuid4().hex}", Sink()
    await produce(kafka_servers, topic, [b"0", b"1"])
    async with running(kafka_servers, topic, sink, group):
        await until_committed(kafka_servers, group, topic, 2)
    await produce(kafka_servers, topic, [b"2", b"3", b"4", b"5"])
    async with administration(kafka_servers) as admin:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(5)})

    async with running(kafka_servers, topic, sink, group):
        await until_committed(kafka_servers, group, topic, 6)

    assert sink.applied == [b"0", b"1", b"5"]
    assert REGISTRY.get_sample_value("paintbox_consumer_deleted_unread_total", {"topic": topic}) == 3
    told = [one for one in caplog.records if one.levelname == "ERROR" and one.name.startswith("synckit")]
    assert [(one.message, one.offset, one.offsets) for one in told] == [  # type: ignore[attr-defined]
        ("Records were deleted before this consumer read them", 2, 3)
    ]


async def make_anew(servers: str, topic: str, many: int) -> list[bytes]:
    """The values of the records that the new topic has."""
    values = [f"new {number}".encode() for number in range(many)]
    async with administration(servers) as admin:
        await admin.delete_topics([topic])
        await until(lambda: is_made(admin, topic))
    await produce(servers, topic, values)
    return values


async def is_made(admin: AIOKafkaAdminClient, topic: str) -> bool:
    """Kafka says that a topic exists for as long as it deletes it."""
    ((_, code, _),) = (await admin.create_topics([KafkaTopic(topic, 1, 1)])).topic_errors
    assert code in {0, TopicAlreadyExistsError.errno}
    return bool(code == 0)


class Slow(Sink):
    """It takes its time over the first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def __call__(self, batch: Batch) -> None:
        await super().__call__(batch)
        await self.go_on.wait()


async def test_f44_a_topic_that_is_made_anew_while_a_batch_is_in_hand_is_read_from_its_beginning(
    new_topic: NewTopic, kafka_servers: str
) -> None:
    """The client reads on from where it was, and Kafka takes the offsets of the batch in hand for the new topic."""
    topic, group, sink = await new_topic(), f"group-{uuid4().hex}", Slow()
    await produce(kafka_servers, topic, [b"0", b"1", b"2"])
    async with running(kafka_servers, topic, sink, group):
        await until_true(lambda: sink.calls > 0)
        new = await make_anew(kafka_servers, topic, 10)
        sink.go_on.set()

        await until_committed(kafka_servers, group, topic, 10)

    assert set(sink.applied[3:]) == set(new)


@pytest.mark.parametrize("is_marked", [True, False], ids=["by a copy that read the one before", "by somebody else"])
async def test_f44_offsets_that_were_committed_for_the_topic_before_are_not_believed(
    new_topic: NewTopic, kafka_servers: str, is_marked: bool
) -> None:
    """As where a copy was frozen, or waited, over the making, committed what it had, and died."""
    topic, group, sink = await new_topic(), f"group-{uuid4().hex}", Sink()
    at = TopicPartition(topic, 0)
    await produce(kafka_servers, topic, [b"0", b"1", b"2"])
    async with running(kafka_servers, topic, sink, group):
        await until_committed(kafka_servers, group, topic, 3)
    async with administration(kafka_servers) as admin:
        mark = (await admin.list_consumer_group_offsets(group))[at].metadata
    new = await make_anew(kafka_servers, topic, 10)
    late = AIOKafkaConsumer(bootstrap_servers=kafka_servers, group_id=group)
    late.assign([at])
    async with late:
        await late.commit({at: (3, mark if is_marked else "")})

    async with running(kafka_servers, topic, sink, group):
        await until_committed(kafka_servers, group, topic, 10)

    assert mark
    assert sink.applied[3:] == (new if is_marked else new[3:])


@pytest.fixture
def own_broker() -> Iterator[KafkaServer]:
    with brokers.new_broker() as server:
        yield server


async def test_brokers_that_have_other_addresses_by_now_are_found_by_the_name_that_still_leads_to_them(
    own_broker: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "DEAF_SECONDS", 3.0)
    topic, group, sink = "moved", f"group-{uuid4().hex}", Sink()
    name = ports.choose(brokers.CHECKOUT, [])
    async with administration(own_broker.servers) as admin:
        await create_topics(admin, [KafkaTopic(topic, 1, 1)])
    await produce(own_broker.servers, topic, [b"0"])
    async with AsyncExitStack() as stack:
        async with leading_to(name, own_broker):
            one = await stack.enter_async_context(running(f"127.0.0.1:{name}", topic, sink, group))
            await until_committed(own_broker.servers, group, topic, 1)
        moved = await asyncio.to_thread(stack.enter_context, brokers.moved(own_broker))
        async with leading_to(name, moved):
            await produce(moved.servers, topic, [b"1"])
            await until_true(lambda: sink.applied == [b"0", b"1"], 60)
            await until(one.is_ready)

    assert moved.servers != own_broker.servers


@pytest.mark.parametrize("is_running", [True, False], ids=["while it runs", "while it is away"])
async def test_f41_what_comes_in_place_of_records_that_a_broker_lost_is_read(
    own_broker: KafkaServer, caplog: pytest.LogCaptureFixture, is_running: bool
) -> None:
    """Its host died before the last records were on its disk; they were read, and there are others by the next read."""
    topic, group, sink, servers = "cut", f"group-{uuid4().hex}", Sink(), own_broker.servers
    async with administration(servers) as admin:
        await create_topics(admin, [KafkaTopic(topic, 1, 1)])
    await produce(servers, topic, [str(number).encode() for number in range(10)])
    new = [f"new {number}".encode() for number in range(10)]
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(running(servers, topic, sink, group))
        await until_committed(servers, group, topic, 10)
        client = one.members._subscribers[0].consumer
        if is_running:
            client.pause(TopicPartition(topic, 0))  # it has enough to hand out
            await until_true(lambda: 10 in one.consumer._unread._continuity._done.values())
        else:
            await one.stop()
        crashed = brokers.crashed(own_broker, partial(brokers.cut, topic=topic, records=5))
        await asyncio.to_thread(stack.enter_context, crashed)
        await produce(servers, topic, new)
        if is_running:
            client.resume(TopicPartition(topic, 0))
        else:
            await stack.enter_async_context(running(servers, topic, sink, group))
        await until_true(lambda: set(new) <= set(sink.applied))
        await until_committed(servers, group, topic, 15)
        if is_running:
            await one.stop()

    told = [one.levelname for one in caplog.records if one.name in {continuity.__name__, unread.__name__}]
    assert told[:1] == ["WARNING"]


@asynccontextmanager
async def leading_to(port: int, server: KafkaServer) -> AsyncIterator[None]:
    """A port that always leads to the broker, as its name does, wherever it is."""
    proxy = Proxy(port, int(server.servers.rpartition(":")[2]))
    await proxy.open()
    try:
        yield
    finally:
        await proxy.close()


class Hanging(Sink):
    """Never ends what it is given first, but where it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = self.has_ended = False

    async def __call__(self, batch: Batch) -> None:
        if not self.has_begun:
            self.has_begun = True
            try:
                await asyncio.Event().wait()
            finally:
                self.has_ended = True
        assert self.has_ended, "two at once"
        await super().__call__(batch)


async def test_what_a_lost_client_had_in_hand_is_ended_before_it_is_read_again(
    new_topic: NewTopic, kafka_servers: str
) -> None:
    """As a statement or a commit that hangs: with two at once one would take the other's batch for done."""
    topic, group, sink = await new_topic(), f"group-{uuid4().hex}", Hanging()
    await produce(kafka_servers, topic, [b"0", b"1"])
    async with running(kafka_servers, topic, sink, group) as one:
        await until_true(lambda: sink.has_begun)
        one.consumer.lose(KafkaConnectionError())

        await until_true(lambda: sink.applied == [b"0", b"1"], GRACE_SECONDS - 5)
        await until_committed(kafka_servers, group, topic, 2)
        await until(one.is_ready)


async def test_who_was_broken_off_while_it_left_leaves_before_it_joins_again(
    new_topic: NewTopic, kafka_servers: str
) -> None:
    """FastStream says that it does not run any more long before its client is ended."""
    topic, group, sink = await new_topic(), f"group-{uuid4().hex}", Hanging()
    await produce(kafka_servers, topic, [b"0"])
    async with running(kafka_servers, topic, sink, group) as one:
        await until_true(lambda: sink.has_begun)
        (subscriber,) = one.members._subscribers
        first, broken_off = subscriber.consumer, asyncio.create_task(leave(subscriber))
        await until_true(lambda: not subscriber.running)
        broken_off.cancel()
        one.consumer.lose(KafkaConnectionError())

        await until_true(lambda: sink.applied == [b"0"], 60)

    assert first._closed
