"""`paintbox topics apply` on a real cluster, with topics of each test's own."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from paintbox import topics
from paintbox.brokers import FoundTopic, administration, find_topics
from paintbox.errors import OperatorError
from paintbox.topics import Kind, Replication
from support.kafka import NewTopic
from support.topics import configure
from synckit.contracts.topics import CUSTOMERS_CHANGES, MAX_MESSAGE_BYTES, SYNC_REQUESTS, Topic

ONE = Replication(factor=1, min_insync=1)


def a_delete_topic(name: str = "") -> Topic:
    return replace(SYNC_REQUESTS, name=name or f"test.{uuid4().hex}")


def a_compacted_topic(name: str = "") -> Topic:
    return replace(CUSTOMERS_CHANGES, name=name or f"test.{uuid4().hex}")


async def find(servers: str, name: str) -> FoundTopic | None:
    async with administration(servers) as admin:
        return (await find_topics(admin, [name])).get(name)


async def test_topics_are_made_as_defined_and_a_second_time_changes_nothing(kafka_servers: str) -> None:
    wanted = [a_delete_topic(), a_compacted_topic()]

    first = await topics.apply(kafka_servers, ONE, topics=wanted)
    second = await topics.apply(kafka_servers, ONE, topics=wanted)

    assert [change.kind for change in first] == [Kind.CREATE, Kind.CREATE]
    assert second == []
    for topic in wanted:
        found = await find(kafka_servers, topic.name)
        assert found is not None
        assert found.partitions == topic.partitions
        assert topics.config(topic, ONE).items() <= found.config.items()


async def test_a_dry_run_makes_nothing(kafka_servers: str) -> None:
    topic = a_delete_topic()

    changes = await topics.apply(kafka_servers, ONE, dry_run=True, topics=[topic])

    assert [change.kind for change in changes] == [Kind.CREATE]
    assert await find(kafka_servers, topic.name) is None


async def test_two_at_once_both_succeed(kafka_servers: str) -> None:
    wanted = [a_delete_topic() for _ in range(5)]

    await asyncio.gather(*(topics.apply(kafka_servers, ONE, topics=wanted) for _ in range(2)))

    assert await topics.apply(kafka_servers, ONE, topics=wanted) == []


async def test_a_delete_topic_grows_and_a_compacted_one_never_does(kafka_servers: str, new_topic: NewTopic) -> None:
    small = [a_delete_topic(await new_topic(2)), a_compacted_topic(await new_topic(2, cleanup_policy="compact"))]

    await topics.apply(kafka_servers, ONE, topics=small)
    left = await topics.apply(kafka_servers, ONE, topics=small)

    grown, kept = [await find(kafka_servers, topic.name) for topic in small]
    assert grown is not None
    assert kept is not None
    assert (grown.partitions, kept.partitions) == (6, 2)
    assert [(change.topic, change.kind) for change in left] == [(small[1].name, Kind.DRIFT)]


async def test_settings_are_put_right_and_what_else_was_set_on_the_topic_stays(kafka_servers: str) -> None:
    topic = a_delete_topic()
    await topics.apply(kafka_servers, ONE, topics=[topic])
    await configure(kafka_servers, topic.name, {"retention.ms": "1000", "segment.ms": "123456"})

    [change] = await topics.apply(kafka_servers, ONE, topics=[topic])

    corrected = await find(kafka_servers, topic.name)
    assert corrected is not None
    assert (change.kind, change.found) == (Kind.CONFIGURE, "1000")
    assert corrected.config["retention.ms"] == topic.config["retention.ms"]
    assert corrected.own_config["segment.ms"] == "123456"


async def test_a_compacted_topic_of_an_earlier_release_keeps_its_erasures_for_longer(
    kafka_servers: str, new_topic: NewTopic
) -> None:
    topic = a_compacted_topic(
        await new_topic(12, cleanup_policy="compact", max_message_bytes=str(MAX_MESSAGE_BYTES), min_insync_replicas="1")
    )

    changes = await topics.apply(kafka_servers, ONE, topics=[topic])

    corrected = await find(kafka_servers, topic.name)
    assert corrected is not None
    assert [(change.kind, change.setting, change.found) for change in changes] == [
        (Kind.CONFIGURE, "delete.retention.ms", "86400000")
    ]
    assert corrected.config["delete.retention.ms"] == "1209600000"


async def test_a_compacted_topic_that_somebody_let_delete_is_compacted_again(kafka_servers: str) -> None:
    topic = a_compacted_topic()
    await topics.apply(kafka_servers, ONE, topics=[topic])
    await configure(kafka_servers, topic.name, {"cleanup.policy": "delete"})

    [change] = await topics.apply(kafka_servers, ONE, topics=[topic])

    corrected = await find(kafka_servers, topic.name)
    assert corrected is not None
    assert (change.kind, corrected.config["cleanup.policy"]) == (Kind.CONFIGURE, "compact")


@pytest.mark.parametrize(
    ("replication", "sentence"),
    [
        (Replication(factor=3, min_insync=2), "has 1 broker: start more of them"),
        (Replication(factor=1, min_insync=2), "no record could ever be written"),
    ],
)
async def test_more_copies_than_brokers_are_refused(
    kafka_servers: str, replication: Replication, sentence: str
) -> None:
    topic = a_delete_topic()

    with pytest.raises(OperatorError, match=sentence):
        await topics.apply(kafka_servers, replication, topics=[topic])

    assert await find(kafka_servers, topic.name) is None


async def test_a_cluster_that_is_away_is_a_sentence() -> None:
    with pytest.raises(OperatorError, match=r"Kafka does not answer at 127\.0\.0\.1:1 .*: `make up` starts the local"):
        await topics.apply("127.0.0.1:1", ONE)
