"""Kafka's administration: what topics a cluster has, and how they are made and changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from paintbox.errors import HOW_TO_REACH, OperatorError

REQUEST_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05
OFFSETS_TOPIC: Final = "__consumer_offsets"
"""Kafka keeps there what groups have committed, and makes it when the first of them asks for its coordinator."""
SET_ON_THE_TOPIC: Final = 1
"""Kafka's number for a setting that somebody gave this very topic, as opposed to a default."""


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as the cluster has it."""

    name: str
    partitions: int
    replication: int
    """The smallest number of copies that one of its partitions is meant to have."""
    config: Mapping[str, str]
    """Every setting in force, defaults included."""
    own_config: Mapping[str, str]
    """What was set on the topic itself."""


@contextlib.asynccontextmanager
async def administration(servers: str, seconds: float = REQUEST_SECONDS) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client for the block. Whatever Kafka refuses there, and that it is away, becomes an OperatorError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, client_id="paintbox", request_timeout_ms=int(seconds * 1000))
    try:
        await admin.start()
        yield admin
    except (KafkaConnectionError, OSError, TimeoutError) as error:
        raise OperatorError(f"Kafka does not answer at {servers} ({type(error).__name__}): {HOW_TO_REACH}.") from error
    except KafkaError as error:
        raise OperatorError(f"Kafka at {servers} does not do what was asked: {_sentence(error)}.") from error
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def outsider(servers: str, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer for the block that commits nothing. It is ended whatever happens, also where it does not start."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, enable_auto_commit=False, **{"client_id": "paintbox", **options}
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".: ")


async def count_brokers(admin: AIOKafkaAdminClient) -> int:
    """How many brokers can hold a copy now."""
    cluster = await admin.describe_cluster()
    return len(cluster["brokers"])


async def find_topics(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, FoundTopic]:
    """Those of the topics that exist, by name."""
    wanted = set(names)
    described = [topic for topic in await admin.describe_topics() if topic["topic"] in wanted]
    configs = await _find_configs(admin, [topic["topic"] for topic in described])
    return {topic["topic"]: _found(topic, configs[topic["topic"]]) for topic in described if topic["topic"] in configs}


def _found(described: Mapping[str, Any], entries: Iterable[tuple[Any, ...]]) -> FoundTopic:
    partitions = described["partitions"]
    settings = list(entries)
    return FoundTopic(
        name=described["topic"],
        partitions=len(partitions),
        replication=min((len(partition["replicas"]) for partition in partitions), default=0),
        config={name: value for name, value, *_ in settings},
        own_config={name: value for name, value, _, source, *_ in settings if source == SET_ON_THE_TOPIC},
    )


async def _find_configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, list[tuple[Any, ...]]]:
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        name: entries for answer in answers for code, _, _, name, entries in answer.resources if code == 0
    }  # a topic that was deleted meanwhile has a code


async def create_topics(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    """Makes the topics and waits until each partition has a leader. One that exists by now is left as it is."""
    answer = await admin.create_topics(topics)
    for name, code, message in answer.topic_errors:
        if code not in {0, TopicAlreadyExistsError.errno}:
            raise for_code(code)(f"{name}: {message}")
    async with asyncio.timeout(REQUEST_SECONDS):
        while not await _have_leaders(admin, {topic.name for topic in topics}):  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(LOOK_SECONDS)


async def _have_leaders(admin: AIOKafkaAdminClient, names: set[str]) -> bool:
    found = [topic for topic in await admin.describe_topics() if topic["topic"] in names]
    leaders = [partition["leader"] for topic in found for partition in topic["partitions"]]
    return len(found) == len(names) and all(leader >= 0 for leader in leaders)


async def grow_topic(admin: AIOKafkaAdminClient, name: str, partitions: int) -> None:
    """Gives the topic this many partitions."""
    await admin.create_partitions({name: NewPartitions(partitions)})


async def configure_topic(admin: AIOKafkaAdminClient, topic: FoundTopic, changes: Mapping[str, str]) -> None:
    """Sets these settings of the topic. Kafka's request replaces all that was set, so the rest is said again."""
    settings = {**topic.own_config, **changes}
    for answer in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, settings)]):
        for code, message, _, name in answer.resources:
            if code != 0:
                raise for_code(code)(f"{name}: {message}")


async def find_committed(admin: AIOKafkaAdminClient, groups: Iterable[str]) -> dict[str, dict[TopicPartition, int]]:
    """What each of these groups has committed: nothing where no group ever did anything, as on a new broker."""
    wanted = list(groups)
    if not any(topic["topic"] == OFFSETS_TOPIC for topic in await admin.describe_topics()):
        return {group: {} for group in wanted}
    return dict(zip(wanted, await asyncio.gather(*(_committed(admin, group) for group in wanted)), strict=True))


async def _committed(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """Kafka says for a moment that there is no coordinator where its topic is being made or moves."""
    async with asyncio.timeout(REQUEST_SECONDS):
        while True:
            try:
                found = await admin.list_consumer_group_offsets(group)
            except GroupCoordinatorNotAvailableError:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return {place: position.offset for place, position in found.items() if position.offset >= 0}
