"""The topics of the contracts in a cluster: made where they are missing, put right where that harms nothing."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from paintbox.brokers import (
    REQUEST_SECONDS,
    FoundTopic,
    administration,
    configure_topic,
    count_brokers,
    create_topics,
    find_topics,
    grow_topic,
)
from paintbox.errors import OperatorError
from synckit.contracts.topics import TOPICS, Cleanup, Topic

FACTOR: Final = "PAINTBOX_KAFKA_REPLICATION_FACTOR"
MIN_INSYNC: Final = "PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS"
IN_PRODUCTION: Final = {FACTOR: 3, MIN_INSYNC: 2}

PARTITIONS: Final = "partitions"
CLEANUP: Final = "cleanup.policy"
REPLICATION: Final = "replication factor"
LOOK_SECONDS: Final = 0.05


class Kind(StrEnum):
    """What `apply` does about a difference; `DRIFT` is what it leaves to a person."""

    CREATE = "create"
    GROW = "grow"
    CONFIGURE = "configure"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between a topic and its definition; for a missing topic, its number of partitions."""

    topic: str
    kind: Kind
    setting: str
    found: str | None
    wanted: str
    reason: str = ""
    """Why it is left to a person, or what a person has to look at although it is put right."""


@dataclass(frozen=True, slots=True)
class Replication:
    """How many copies the cluster keeps, and how many must have a record before it counts as sent."""

    factor: int
    min_insync: int


def replication_of(environment: Mapping[str, str]) -> Replication:
    """What the environment demands, else what production does. OperatorError where it is no number of brokers."""
    return Replication(_number(environment, FACTOR), _number(environment, MIN_INSYNC))


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, str(IN_PRODUCTION[name]))
    if not text.isdecimal() or int(text) < 1:
        raise OperatorError(f"{name} is not a number of brokers from 1 up.")
    return int(text)


def sentence(change: Change, what: str) -> str:
    """The difference in one line; `what` says what is done about it."""
    why = f" ({change.reason})" if change.reason else ""
    return f"{change.topic:<34}{what:<18}{change.setting}: {change.found or 'none'} -> {change.wanted}{why}"


async def apply(
    servers: str, replication: Replication, *, dry_run: bool = False, topics: Sequence[Topic] = TOPICS
) -> list[Change]:
    """Makes each topic as it is defined, by default those of the contracts; what was different, in their order.

    Twice is harmless, and so are two at once. Changes of kind `DRIFT` are still there afterwards: partitions of a
    compacted topic, whose keys more of them would part from their tombstones, and whatever would delete records. A
    dry run changes nothing. Raises OperatorError where Kafka is away, or has fewer brokers than copies are wanted.
    """
    async with administration(servers) as admin:
        await _check(admin, servers, replication)
        found = await find_topics(admin, (topic.name for topic in topics))
        changes = plan(topics, found, replication)
        if not dry_run:
            await _create(admin, topics, changes, replication)
            await _correct(admin, found, changes)
            await _until_seen(admin, topics, replication)
        return changes


async def differences(servers: str, replication: Replication) -> list[Change]:
    """How the topics that exist differ from their definitions. Changes nothing. OperatorError where Kafka is away."""
    async with administration(servers) as admin:
        found = await find_topics(admin, (topic.name for topic in TOPICS))
    return plan([topic for topic in TOPICS if topic.name in found], found, replication)


async def find(servers: str) -> dict[str, FoundTopic]:
    """Those of the contracts' topics that the cluster has, by name."""
    async with administration(servers) as admin:
        return await find_topics(admin, (topic.name for topic in TOPICS))


async def _check(admin: AIOKafkaAdminClient, servers: str, replication: Replication) -> None:
    if replication.min_insync > replication.factor:
        raise OperatorError(
            f"PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS is {replication.min_insync} and PAINTBOX_KAFKA_REPLICATION_FACTOR is "
            f"{replication.factor}: no record could ever be written."
        )
    brokers = await count_brokers(admin)
    if replication.factor > brokers:
        raise OperatorError(
            f"PAINTBOX_KAFKA_REPLICATION_FACTOR is {replication.factor}, and the cluster at {servers} has {brokers} "
            f"broker{'s' if brokers != 1 else ''}: start more of them, or set it to {brokers} or less "
            "(then PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS too)."
        )


def plan(topics: Iterable[Topic], found: Mapping[str, FoundTopic], replication: Replication) -> list[Change]:
    """What is different, topic by topic."""
    changes: list[Change] = []
    for topic in topics:
        if topic.name in found:
            changes += _differences(topic, found[topic.name], replication)
        else:
            changes.append(Change(topic.name, Kind.CREATE, PARTITIONS, None, str(topic.partitions)))
    return changes


def _differences(topic: Topic, found: FoundTopic, replication: Replication) -> list[Change]:
    changes = _partitions(topic, found)
    if found.replication != replication.factor:
        reason = "moving copies is for kafka-reassign-partitions, at a quiet time"
        was, wanted = str(found.replication), str(replication.factor)
        changes.append(Change(topic.name, Kind.DRIFT, REPLICATION, was, wanted, reason))
    for setting, wanted in config(topic, replication).items():
        was = found.config.get(setting, "")
        if was != wanted:
            kind, reason = _verdict(setting, was, wanted)
            changes.append(Change(topic.name, kind, setting, was, wanted, reason))
    return changes


def _partitions(topic: Topic, found: FoundTopic) -> list[Change]:
    """More partitions than defined are how a delete topic grows with its load."""
    was, wanted = str(found.partitions), str(topic.partitions)
    if topic.cleanup is Cleanup.COMPACT and found.partitions != topic.partitions:
        reason = "a key of a compacted topic must stay in its partition: make it anew and publish it again"
        return [Change(topic.name, Kind.DRIFT, PARTITIONS, was, wanted, reason)]
    if found.partitions < topic.partitions:
        return [Change(topic.name, Kind.GROW, PARTITIONS, was, wanted)]
    return []


def _verdict(setting: str, was: str, wanted: str) -> tuple[Kind, str]:
    """Whether a setting is put right by itself: only where doing so loses no record. And what there is to say."""
    if setting == CLEANUP and wanted == Cleanup.COMPACT:
        return Kind.CONFIGURE, "until now old records of it were deleted: look whether keys are missing"
    if setting == CLEANUP:
        return Kind.DRIFT, "another policy deletes records"
    if setting in {"retention.ms", "delete.retention.ms"} and (was == "-1" or int(was) > int(wanted)):
        return Kind.DRIFT, "a shorter retention deletes records"
    return Kind.CONFIGURE, ""


def config(topic: Topic, replication: Replication) -> dict[str, str]:
    """The settings of the topic, the number of copies that a write waits for among them."""
    return {**topic.config, "min.insync.replicas": str(replication.min_insync)}


async def _create(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic], changes: Sequence[Change], replication: Replication
) -> None:
    missing = {change.topic for change in changes if change.kind is Kind.CREATE}
    new = [
        NewTopic(topic.name, topic.partitions, replication.factor, topic_configs=config(topic, replication))
        for topic in topics
        if topic.name in missing
    ]
    if new:
        await create_topics(admin, new)


async def _correct(admin: AIOKafkaAdminClient, found: Mapping[str, FoundTopic], changes: Sequence[Change]) -> None:
    settings: dict[str, dict[str, str]] = {}
    for change in changes:
        if change.kind is Kind.GROW:
            await grow_topic(admin, change.topic, int(change.wanted))
        elif change.kind is Kind.CONFIGURE:
            settings.setdefault(change.topic, {})[change.setting] = change.wanted
    for name, wanted in settings.items():
        await configure_topic(admin, found[name], wanted)


async def _until_seen(admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication: Replication) -> None:
    """Brokers learn a little later what the controller has decided: until then a client could still meet the old."""
    async with asyncio.timeout(REQUEST_SECONDS):
        while True:
            found = await find_topics(admin, (topic.name for topic in topics))
            if all(change.kind is Kind.DRIFT for change in plan(topics, found, replication)):
                return
            await asyncio.sleep(LOOK_SECONDS)
