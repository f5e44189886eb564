"""A database that was put back: services before and after, and what readers make of all that was published."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from paintbox.databases import Database
from support.notifications import KafkaRecord
from support.postgres import NewDatabase
from support.services import (
    CustomerSync,
    PhotoSync,
    all_rows,
    customer_sync_on,
    of_topic,
    one_row,
    photo_sync_on,
    value_of,
)
from synckit.contracts.headers import decode
from synckit.contracts.topics import FEDERATION_KEYS, PROJECTS_CHANGES
from synckit.postgres import Pool

REF: Final = "SELECT name, source_version FROM projects.customer_refs"
PROJECT: Final = "SELECT name, customer_id, deleted_at IS NULL AS is_alive, source_version FROM projects.projects"
FACT: Final = "SELECT name, customer_id, deleted_at IS NULL AS is_alive, source_version FROM customers.project_facts"
OWNED: Final = """
SELECT external_id AS customer_id, deleted_at IS NULL AS is_alive, source_version
  FROM projects.federation_keys ORDER BY 1
"""
COUNTERPARTS: Final = """
SELECT local_id::text AS customer_id, deleted_at IS NULL AS is_alive, source_version
  FROM customers.federation_keys ORDER BY 1
"""


class Services:
    """Services on databases of their own, whenever a test asks for one."""

    def __init__(self, new_database: NewDatabase, stack: AsyncExitStack) -> None:
        self._new_database = new_database
        self._stack = stack

    async def customers(self) -> CustomerSync:
        """customer_sync; an empty paintbox_customers."""
        dsns = [await self._new_database(one) for one in (Database.CUSTOMERS, Database.INTEGRATIONS)]
        return await self._stack.enter_async_context(customer_sync_on(*dsns))

    async def photos(self) -> PhotoSync:
        """photo_sync; an empty paintbox_projects."""
        dsns = [await self._new_database(one) for one in (Database.PROJECTS, Database.INTEGRATIONS)]
        return await self._stack.enter_async_context(photo_sync_on(*dsns))


def version_of(record: KafkaRecord) -> int:
    version: int = value_of(record)["source_version"]
    return version


async def raise_floor(pool: Pool, schema: str, records: Sequence[KafkaRecord]) -> int:
    """Above all that was published, as `paintbox restored` does it."""
    floor = max(map(version_of, records)) + 1
    async with pool.acquire() as connection:
        await connection.execute(f"INSERT INTO {schema}.version_floor (version) VALUES ($1)", floor)
    return floor


def stand_for_one_content_each(records: Sequence[KafkaRecord]) -> bool:
    """Whether, key by key, versions rise, and no id of an event stands for two records."""
    by_key: dict[Any, list[int]] = {}
    for record in records:
        by_key.setdefault(record.key, []).append(version_of(record))
    ids = {decode(record.headers).id for record in records}
    return all(found == sorted(set(found)) for found in by_key.values()) and len(ids) == len(records)


async def read_by_photo_sync(services: Services, topic: Sequence[KafkaRecord]) -> dict[str, Any]:
    reader = await services.photos()
    for record in topic:
        await reader.customers([record])
    return await one_row(reader.resources.projects, REF)


async def read_by_customer_sync(services: Services, topic: Sequence[KafkaRecord]) -> tuple[dict[str, Any], Any]:
    reader = await services.customers()
    for record in topic:
        await reader.projects(of_topic([record], PROJECTS_CHANGES.name))
        await reader.federation(of_topic([record], FEDERATION_KEYS.name))
    pool = reader.resources.customers
    return await one_row(pool, FACT), await all_rows(pool, COUNTERPARTS)
