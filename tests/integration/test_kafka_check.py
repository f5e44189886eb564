"""Readiness says what is wrong with Kafka, by name."""

from dataclasses import replace

from support.kafka import NewTopic
from synckit import kafka
from synckit.contracts.topics import WEBHOOKS_SALESFORCE, Topic
from synckit.settings import ProcessSettings


def settings(servers: str, copies: int = 1, in_sync: int = 1) -> ProcessSettings:
    return ProcessSettings(
        kafka_bootstrap_servers=servers, kafka_replication_factor=copies, kafka_min_insync_replicas=in_sync
    )


def named(name: str) -> Topic:
    return replace(WEBHOOKS_SALESFORCE, name=name)


async def test_topics_that_are_as_they_should_be(new_topic: NewTopic, kafka_servers: str) -> None:
    topics = [named(await new_topic()), named(await new_topic())]

    assert await kafka.check(settings(kafka_servers), topics)() is None


async def test_f44_a_missing_topic_is_named(new_topic: NewTopic, kafka_servers: str) -> None:
    answer = await kafka.check(settings(kafka_servers), [named(await new_topic()), named("nowhere")])()

    assert answer == "nowhere does not exist: `paintbox topics apply` makes it"


async def test_fewer_copies_than_demanded_are_not_enough(new_topic: NewTopic, kafka_servers: str) -> None:
    topic = named(await new_topic())

    assert (
        await kafka.check(settings(kafka_servers, copies=3), [topic])() == f"{topic.name} has 1 copies, 3 are demanded"
    )
    assert "counts a record with 1 copies, 2 are demanded" in str(
        await kafka.check(settings(kafka_servers, in_sync=2), [topic])()
    )


async def test_no_broker() -> None:
    assert await kafka.check(settings("127.0.0.1:1"), [])() == "no broker answers"
