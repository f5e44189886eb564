"""When a door is ready: Kafka alone keeps it so, whatever the spool says."""

import asyncpg
import pytest

from synckit import kafka
from synckit.observability.health import Check
from webhook_ingest.readiness import storage


async def it_is_well() -> None:
    pass


async def kafka_is_away() -> str:
    return kafka.NO_BROKER


async def the_database_is_away() -> None:
    raise ConnectionRefusedError


async def the_role_lacks_a_right() -> None:
    raise asyncpg.InsufficientPrivilegeError


@pytest.mark.parametrize("spool", [it_is_well, the_database_is_away, the_role_lacks_a_right])
async def test_with_kafka_a_door_is_ready_whatever_the_spool_says(spool: Check) -> None:
    assert await storage(it_is_well, spool)() is None


async def test_without_kafka_a_spool_that_works_keeps_a_door_ready() -> None:
    assert await storage(kafka_is_away, it_is_well)() is None


async def test_without_both_a_door_is_not_ready() -> None:
    assert await storage(kafka_is_away, the_database_is_away)() == "Kafka is away, and the spool cannot be written"


async def test_without_kafka_a_mistake_about_the_spool_is_named_by_its_kind() -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await storage(kafka_is_away, the_role_lacks_a_right)()
