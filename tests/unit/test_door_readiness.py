"""When a door is ready: Kafka alone keeps it so, whatever the spool says, as long as it takes records."""

import asyncio
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from aiokafka.admin.config_resource import ConfigResource

from support import samples
from support.notifications import event_headers
from synckit import kafka
from synckit.contracts import headers
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM
from synckit.observability.health import Check
from synckit.settings import ProcessSettings
from webhook_ingest.models import Outgoing
from webhook_ingest.parsers import companycam
from webhook_ingest.publisher import Publisher, UnavailableError
from webhook_ingest.readiness import storage

NOBODY = "127.0.0.1:1"
BOTH_AWAY = "Kafka is away, and the spool cannot be written"


def it_is_sent_to() -> bool:
    return True


def it_is_passed_by() -> bool:
    return False


async def it_is_well() -> None:
    pass


async def kafka_is_away() -> str:
    return kafka.NO_BROKER


async def too_few_are_in_sync() -> str:
    return kafka.FEW_IN_SYNC


async def a_topic_is_missing() -> str:
    return "it does not exist"


async def the_database_is_away() -> None:
    raise ConnectionRefusedError


async def the_role_lacks_a_right() -> None:
    raise asyncpg.InsufficientPrivilegeError


@pytest.mark.parametrize("spool", [it_is_well, the_database_is_away, the_role_lacks_a_right])
async def test_with_kafka_a_door_is_ready_whatever_the_spool_says(spool: Check) -> None:
    assert await storage(it_is_well, it_is_sent_to, spool)() is None


@pytest.mark.parametrize("in_kafka", [it_is_well, kafka_is_away, too_few_are_in_sync])
async def test_without_kafka_a_spool_that_works_keeps_a_door_ready(in_kafka: Check) -> None:
    assert await storage(in_kafka, it_is_passed_by, it_is_well)() is None


@pytest.mark.parametrize("in_kafka", [it_is_well, kafka_is_away, too_few_are_in_sync])
async def test_without_both_a_door_is_not_ready(in_kafka: Check) -> None:
    assert await storage(in_kafka, it_is_passed_by, the_database_is_away)() == BOTH_AWAY


async def test_a_broker_that_tells_of_too_few_copies_is_away_before_anything_was_sent_to_it() -> None:
    assert await storage(too_few_are_in_sync, it_is_sent_to, the_database_is_away)() == BOTH_AWAY


async def test_a_mistake_about_the_topics_is_no_outage() -> None:
    assert await storage(a_topic_is_missing, it_is_passed_by, it_is_well)() == "it does not exist"


async def test_without_kafka_a_spool_that_the_server_refuses_cannot_be_written() -> None:
    assert await storage(kafka_is_away, it_is_passed_by, the_role_lacks_a_right)() == BOTH_AWAY


async def test_a_publisher_sends_until_nothing_is_acknowledged_and_tries_one_request_when_kafka_is_back() -> None:
    publisher = Publisher(NOBODY, "test", 0.1)
    producers = [kafka.create_producer(NOBODY, process="test") for _ in range(2)]
    (parsed,) = companycam.understand(samples.body("companycam_photo_created.json")).parsed
    head = event_headers(parsed, headers.SOURCE_COMPANYCAM, "companycam")
    record = Outgoing(WEBHOOKS_COMPANYCAM.name, parsed.key, head, parsed.value)

    said = [publisher.sends()]
    publisher._begin(producers[0])
    said.append(publisher.sends())
    with pytest.raises(UnavailableError):
        await publisher.publish([record])
    said.append(publisher.sends())
    publisher._was_away = True
    publisher._begin(producers[1])
    said.append(publisher.sends())
    tried = asyncio.create_task(publisher.publish([record]))
    await asyncio.sleep(0)
    said.append(publisher.sends())
    with pytest.raises(UnavailableError):
        await tried
    for producer in producers:
        await kafka.drop(producer)

    assert said == [False, True, False, True, False]
    assert not publisher.sends()


def a_partition(leader: int, in_sync: list[int], copies: list[int]) -> dict[str, Any]:
    return {"error_code": 0, "partition": 0, "leader": leader, "replicas": copies, "isr": in_sync}


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        (a_partition(1, [1, 2], [1, 2, 3]), None),
        (a_partition(1, [1], [1, 2, 3]), kafka.FEW_IN_SYNC),
        (a_partition(-1, [1, 2], [1, 2, 3]), kafka.FEW_IN_SYNC),
        (a_partition(1, [1], [1]), "it has 1 copies, 3 are demanded"),
    ],
    ids=["one broker down", "two brokers down", "no leader", "a mistake"],
)
async def test_brokers_that_take_no_record_say_so(
    monkeypatch: pytest.MonkeyPatch, partition: dict[str, Any], expected: str | None
) -> None:
    topic = replace(WEBHOOKS_COMPANYCAM, name="it")
    given = {"kafka_bootstrap_servers": NOBODY, "kafka_replication_factor": 3, "kafka_min_insync_replicas": 2}
    monkeypatch.setattr(kafka, "AIOKafkaAdminClient", partial(ThreeBrokers, partition))

    assert await kafka.check(ProcessSettings.model_validate(given), [topic])() == expected


class ThreeBrokers:
    """What an admin client is told by three brokers, of which some are down: the tests' Kafka has one."""

    def __init__(self, partition: dict[str, Any], **_: object) -> None:
        self._partition = partition

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [{"error_code": 0, "topic": name, "partitions": [self._partition]} for name in names]

    async def describe_configs(self, resources: list[ConfigResource]) -> list[SimpleNamespace]:
        told = [(0, "", 2, one.name, [(kafka.MIN_INSYNC, "2")]) for one in resources]
        return [SimpleNamespace(resources=told)]
