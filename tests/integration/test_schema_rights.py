from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import pytest

from paintbox.databases import Connection, Database
from paintbox.migrations import migrate
from support import postgres
from support.postgres import NewDatabase, OpenSession, Server
from support.rows import a_customer
from synckit.consumer import Alarms
from synckit.consumer.alarms import Count
from synckit.postgres import create_pool, database_of

pytestmark = pytest.mark.database

GROUPS = ("paintbox_customer_sync", "paintbox_photo_sync", "paintbox_webhook_ingest", "paintbox_webhook_log")
MAY_CONNECT = {
    Database.CUSTOMERS: {"paintbox_customer_sync"},
    Database.PROJECTS: {"paintbox_photo_sync"},
    Database.ESTIMATES: set[str](),
    Database.INTEGRATIONS: set(GROUPS),
}


@dataclass(frozen=True, slots=True)
class Login:
    """A login role of one test, a member of one group role."""

    server: Server
    name: str

    def dsn(self, owners_dsn: str) -> str:
        return self.server.dsn(database_of(owners_dsn), user=self.name, password="welcome")


Enter = Callable[[str], Awaitable[Login]]


@pytest.fixture
async def a_login(admin: Connection, postgres_server: Server) -> AsyncIterator[Enter]:
    """Creates members of a group role for one test."""
    async with AsyncExitStack() as stack:

        async def create(group: str) -> Login:
            login = Login(postgres_server, f"{group}_{uuid4().hex}")
            await admin.execute(f"CREATE ROLE {login.name} LOGIN PASSWORD 'welcome' IN ROLE {group}")
            stack.push_async_callback(admin.execute, f"DROP ROLE {login.name}")
            return login

        yield create


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("database", list(Database))
async def test_a_service_enters_its_own_databases_only(
    database: Database, group: str, new_database: NewDatabase, a_login: Enter
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, database)
    login = await a_login(group)

    if group in MAY_CONNECT[database]:
        connection = await postgres.connect(login.dsn(dsn))
        await connection.close()
    else:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await postgres.connect(login.dsn(dsn))


async def test_customer_sync_cannot_read_projects(new_database: NewDatabase, a_login: Enter) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.PROJECTS)
    login = await a_login("paintbox_customer_sync")

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await postgres.connect(login.dsn(dsn))


async def test_customer_sync_makes_neither_tables_nor_customers_disappear(
    new_database: NewDatabase, connect: OpenSession, a_login: Enter
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.CUSTOMERS)
    login = await a_login("paintbox_customer_sync")
    service = await connect(login.dsn(dsn))

    for forbidden in (
        "DELETE FROM customers.customers",
        "TRUNCATE customers.customer_sync_logs",
        "DROP TABLE customers.salesforce_records",
        "CREATE TABLE customers.mine ()",
        "CREATE TABLE public.mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "UPDATE customers.outbox_events SET topic = 'other'",
        "UPDATE customers.projection_todo SET ids = '{}'",
        "UPDATE customers.projection_refused SET id = 'another'",
        "SELECT * FROM paintbox_meta.schema_migrations",
        "SELECT customers.create_monthly_partitions('customer_sync_logs')",
        "SELECT customers.drop_partitions_before('customer_sync_logs', '2031-01-01')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(forbidden)


async def test_customer_sync_does_a_notes_and_an_outboxs_work(
    new_database: NewDatabase, connect: OpenSession, a_login: Enter
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.CUSTOMERS)
    login = await a_login("paintbox_customer_sync")
    service = await connect(login.dsn(dsn))

    for allowed in (
        "INSERT INTO customers.projection_todo (object, ids) VALUES ('Contact', '{1}') RETURNING id",
        "SELECT id FROM customers.projection_todo FOR UPDATE SKIP LOCKED",
        "DELETE FROM customers.projection_todo RETURNING id",
        """
        INSERT INTO customers.projection_refused AS stored (object, id, cause, reason)
        VALUES ('Contact', '1', '{}', 'r')
        ON CONFLICT (object, id) DO UPDATE
           SET (cause, reason, refused_at, tried_at) = (excluded.cause, excluded.reason, now(), stored.tried_at)
        RETURNING id
        """,
        "SELECT id FROM customers.projection_refused FOR UPDATE SKIP LOCKED",
        "DELETE FROM customers.projection_refused RETURNING id",
        "INSERT INTO customers.outbox_events (topic, key) VALUES ('t', 'k') RETURNING seq",
        "DELETE FROM customers.outbox_events RETURNING seq",
        "INSERT INTO customers.customer_sync_logs (sync_type, status) VALUES ('WEBHOOK', 'COMPLETED') RETURNING id",
    ):
        assert await service.fetchval(allowed) is not None


@pytest.mark.parametrize(
    ("database", "group", "forgets", "keeps"),
    [
        (
            Database.CUSTOMERS,
            "paintbox_customer_sync",
            ("customers.federation_keys", "customers.project_facts"),
            ("customers.customers", "customers.customer_sync_logs", "customers.salesforce_records"),
        ),
        (
            Database.PROJECTS,
            "paintbox_photo_sync",
            ("projects.customer_refs", "projects.customer_matches"),
            ("projects.projects", "projects.project_photos", "projects.companycam_records"),
        ),
    ],
)
async def test_a_service_forgets_what_others_erase_and_deletes_none_of_its_own(
    database: Database,
    group: str,
    forgets: tuple[str, ...],
    keeps: tuple[str, ...],
    new_database: NewDatabase,
    connect: OpenSession,
    a_login: Enter,
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, database)
    service = await connect((await a_login(group)).dsn(dsn))

    for table in forgets:
        assert await service.execute(f"DELETE FROM {table}") == "DELETE 0"

    for table in keeps:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize(
    ("database", "group", "forbidden"),
    [
        (
            Database.CUSTOMERS,
            "paintbox_customer_sync",
            (
                "SELECT * FROM customers.salesforce_users",
                "INSERT INTO customers.salesforce_users DEFAULT VALUES",
                "SELECT * FROM customers.estimate_facts",
                "UPDATE customers.estimate_facts SET deleted_at = now()",
                "SELECT * FROM customers.customer_summary",
                "SELECT customers.refresh_customer_summary()",
                "SELECT customers.salesforce_id18('0035e00000Dou01')",
                "SELECT customers.validate_federation_references()",
            ),
        ),
        (Database.PROJECTS, "paintbox_photo_sync", ("SELECT projects.validate_federation_references()",)),
    ],
)
async def test_a_service_has_no_right_that_it_does_not_use(
    database: Database,
    group: str,
    forbidden: tuple[str, ...],
    new_database: NewDatabase,
    connect: OpenSession,
    a_login: Enter,
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, database)
    service = await connect((await a_login(group)).dsn(dsn))

    for statement in forbidden:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)


async def test_whoever_may_execute_the_function_refreshes_the_summary_without_owning_it(
    new_database: NewDatabase, connect: OpenSession, a_login: Enter
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.CUSTOMERS)
    owner = await connect(dsn)
    customer = await a_customer(owner)
    login = await a_login("paintbox_customer_sync")
    await owner.execute("GRANT SELECT ON customers.customer_summary TO paintbox_customer_sync")
    await owner.execute("GRANT EXECUTE ON FUNCTION customers.refresh_customer_summary() TO paintbox_customer_sync")
    service = await connect(login.dsn(dsn))

    await service.execute("SELECT customers.refresh_customer_summary()")

    assert await service.fetchval("SELECT id FROM customers.customer_summary") == customer["id"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute("REFRESH MATERIALIZED VIEW customers.customer_summary")


async def test_the_webhook_log_empties_the_spool_and_cannot_rewrite_it(
    new_database: NewDatabase, connect: OpenSession, a_login: Enter
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.INTEGRATIONS)
    door = await connect((await a_login("paintbox_webhook_ingest")).dsn(dsn))
    log = await connect((await a_login("paintbox_webhook_log")).dsn(dsn))
    await door.execute(
        "INSERT INTO integrations.webhook_spool (topic, value, event_id) VALUES ('t', '{}', gen_random_uuid())"
    )

    taken = await log.fetchval("SELECT seq FROM integrations.webhook_spool FOR UPDATE SKIP LOCKED")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await log.execute("UPDATE integrations.webhook_spool SET value = ''")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await door.fetch("SELECT value FROM integrations.webhook_spool")
    assert await log.execute("DELETE FROM integrations.webhook_spool WHERE seq = $1", taken) == "DELETE 1"


async def test_the_webhook_log_takes_up_decisions_and_makes_none(
    new_database: NewDatabase, connect: OpenSession, a_login: Enter
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.INTEGRATIONS)
    operator = await connect(dsn)
    log = await connect((await a_login("paintbox_webhook_log")).dsn(dsn))
    decide = """
        INSERT INTO integrations.quarantine_decisions (event_id, received_at, redrive_asked_at)
        VALUES (gen_random_uuid(), now(), now())
    """
    await operator.execute(decide)

    taken = await log.fetchval("SELECT event_id FROM integrations.quarantine_decisions FOR UPDATE SKIP LOCKED")

    for forbidden in (
        decide,
        "UPDATE integrations.quarantine_decisions SET dropped_at = now()",
        "DELETE FROM integrations.parked_records",
        "DELETE FROM integrations.consumer_alarms",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await log.execute(forbidden)
    await log.execute(
        "INSERT INTO integrations.webhook_spool (topic, value, event_id) VALUES ('t', '{}', gen_random_uuid())"
    )
    await log.execute("DELETE FROM integrations.quarantine_decisions WHERE event_id = $1", taken)


@pytest.mark.parametrize("group", ["paintbox_customer_sync", "paintbox_photo_sync", "paintbox_webhook_log"])
async def test_every_consumer_raises_and_hears_alarms(group: str, new_database: NewDatabase, a_login: Enter) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.INTEGRATIONS)
    login = await a_login(group)

    async with create_pool(login.dsn(dsn), process="test") as pool:
        alarms = Alarms(pool, "x")
        await alarms.raise_alarm("t", Count(200, 150))
        raised = await alarms.list_topics()

    assert raised == {"t"}


async def test_a_month_made_later_is_written_through_its_parent(
    new_database: NewDatabase, connect: OpenSession, a_login: Enter
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.INTEGRATIONS)
    owner = await connect(dsn)
    login = await a_login("paintbox_photo_sync")
    await owner.execute("SELECT integrations.create_monthly_partitions('sync_logs', '2031-01-01', 0)")
    service = await connect(login.dsn(dsn))

    await service.execute(
        """
        INSERT INTO integrations.sync_logs (service, operation, entity_type, started_at)
        VALUES ('COMPANY_CAM', 'WEBHOOK', 'photo', '2031-01-02')
        """
    )

    assert await owner.fetchval("SELECT count(*) FROM integrations.sync_logs_y2031m01") == 1


async def test_whoever_may_execute_the_function_makes_partitions_without_owning_anything(
    new_database: NewDatabase, connect: OpenSession, a_login: Enter
) -> None:
    dsn = await new_database(None)
    await migrate(dsn, Database.INTEGRATIONS)
    owner = await connect(dsn)
    login = await a_login("paintbox_webhook_log")
    await owner.execute(
        "GRANT EXECUTE ON FUNCTION integrations.create_monthly_partitions(text, date, integer) TO paintbox_webhook_log"
    )
    service = await connect(login.dsn(dsn))

    await service.execute("SELECT integrations.create_monthly_partitions('sync_logs', '2031-01-01', 0)")

    assert await owner.fetchval("SELECT to_regclass('integrations.sync_logs_y2031m01') IS NOT NULL")
