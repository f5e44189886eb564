"""A stack whose processes die: what is done to it, and what must hold in it afterwards."""

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg
from aiokafka import AIOKafkaProducer

from support.local_stack import LocalStack
from support.vendors import Vendors
from support.waiting import until
from synckit.identity import customer_id, project_id

RECOVERY_SECONDS: Final = 150.0
"""A member that died is missed after 10 s, and a note that it left is done after 30 to 40 s."""
NOBODY: Final = "00000000-0000-0000-0000-0000"
"""How the ids begin that stand for nothing of the vendors'; eight digits follow."""
Headers = Sequence[tuple[str, bytes]]


class World:
    """What the tests of this file do to a stack, and what they count in it."""

    def __init__(self, stack: LocalStack, vendors: Vendors) -> None:
        self.stack = stack
        self.vendors = vendors

    async def run(self, database: str, statement: str, *parameters: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.stack[f"{database}_DSN"])
        try:
            return await connection.fetch(statement, *parameters)
        finally:
            await connection.close()

    async def script(self, database: str, statements: str) -> None:
        connection = await asyncpg.connect(self.stack[f"{database}_DSN"])
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    async def send(self, topic: str, key: str, *values: bytes | None, headers: Headers = ()) -> None:
        """Send records, in a transaction, whose marker then stands behind them."""
        servers = self.stack["KAFKA_BOOTSTRAP_SERVERS"]
        async with (
            AIOKafkaProducer(bootstrap_servers=servers, transactional_id=f"{key} {topic}") as producer,
            producer.transaction(),
        ):
            sent = [await producer.send(topic, value, key.encode(), headers=headers) for value in values]
            await asyncio.gather(*sent)

    async def count(self, database: str, statement: str, *parameters: object) -> int:
        return int((await self.run(database, statement, *parameters))[0][0])


async def traffic(world: World) -> dict[str, str]:
    """A customer with an account, a project of his, and its photo."""
    vendors = world.vendors
    account = (await vendors.post("SALESFORCE_URL", "records/Account", {"Name": f"Acme {vendors.tag}"}))["Id"]
    contact = await vendors.contact(AccountId=account, FirstName="First")
    project = await vendors.project()
    photo = await vendors.photo(project)
    return {"account": str(account), "contact": contact, "project": project, "photo": photo}


async def more_traffic(world: World, made: dict[str, str]) -> None:
    """Edits of all of it, which the former state must not outlive."""
    vendors = world.vendors
    await vendors.patch("SALESFORCE_URL", f"records/Contact/{made['contact']}", {"FirstName": "Second"})
    await vendors.patch("SALESFORCE_URL", f"records/Account/{made['account']}", {"Name": f"New {vendors.tag}"})
    await vendors.patch("COMPANYCAM_URL", f"records/projects/{made['project']}", {"name": f"Gate {vendors.tag}"})


async def holds(world: World, made: dict[str, str]) -> None:
    customer, project = customer_id(made["contact"]), project_id(made["project"])
    await world.vendors.row(
        "CUSTOMERS",
        "SELECT 1 FROM customers.customers WHERE id = $1 AND first_name = 'Second' AND company = $2",
        customer,
        f"New {world.vendors.tag}",
    )
    await world.vendors.row(
        "PROJECTS",
        "SELECT 1 FROM projects.projects WHERE id = $1 AND customer_id = $2 AND name = $3 AND photo_count = 1",
        project,
        customer,
        f"Gate {world.vendors.tag}",
    )
    await world.vendors.row(
        "CUSTOMERS",
        """
        SELECT 1 FROM customers.federation_keys AS key JOIN customers.project_facts AS fact ON fact.project_id = $1
         WHERE key.external_id = $1::text AND key.local_id = $2 AND NOT key.is_owner AND fact.customer_id = $2
        """,
        project,
        customer,
    )
    await is_quiet(world)
    await balances(world)


async def is_quiet(world: World) -> None:
    """Nothing is left to do: every event has its outcome, every note is done, every outbox is empty, no row refused."""
    events = "SELECT count(*) FROM integrations.webhook_events WHERE status = 'RECEIVED'"
    queues = ("outbox_events", "projection_todo", "projection_refused")
    rows = "SELECT " + " + ".join(f"(SELECT count(*) FROM {{0}}.{name})" for name in queues)
    left = {
        "INTEGRATIONS": events,
        "CUSTOMERS": rows.format("customers"),
        "PROJECTS": rows.format("projects"),
    }

    async def is_done() -> bool:
        return [await world.count(*one) for one in left.items()] == [0, 0, 0]

    await until(is_done, RECOVERY_SECONDS)


async def balances(world: World) -> None:
    """The counts of violations, each of which must be 0."""
    counted: dict[str, tuple[str, str]] = {
        "accepted and not logged": (
            "INTEGRATIONS",
            """
            SELECT count(*) FROM integrations.webhook_event_keys AS key
             WHERE NOT EXISTS (SELECT 1 FROM integrations.webhook_events AS event WHERE event.id = key.event_id)
            """,
        ),
        "logged twice": (
            "INTEGRATIONS",
            "SELECT count(*) FROM (SELECT 1 FROM integrations.webhook_events GROUP BY id HAVING count(*) > 1) AS twice",
        ),
        "processed without a sync log, or with two": (
            "INTEGRATIONS",
            """
            SELECT count(*) FROM integrations.webhook_events AS event
             WHERE status <> 'FAILED'
               AND 1 <> (SELECT count(*) FROM integrations.sync_logs AS log WHERE log.id = event.id)
            """,
        ),
        "deadlocks": ("INTEGRATIONS", "SELECT sum(deadlocks) FROM pg_catalog.pg_stat_database"),
    }
    found = {name: await world.count(*question) for name, question in counted.items()}
    assert found == dict.fromkeys(counted, 0)
