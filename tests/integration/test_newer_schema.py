"""Today's code on the databases of a newer release, which is rolled out before its code is: rows are as ever."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest

from paintbox.databases import Database
from paintbox.migration_files import Migration
from paintbox.migrations import apply
from support import samples
from support.people import NOW, photo, project
from support.postgres import NewDatabase
from support.services import CustomerSync, PhotoSync, all_rows, customer_sync_on, of_topic, photo_sync_on
from synckit.contracts.topics import CUSTOMERS_CHANGES, FEDERATION_KEYS, PROJECTS_CHANGES

pytestmark = pytest.mark.database

SCHEMAS: Final = {
    Database.CUSTOMERS: "customers",
    Database.PROJECTS: "projects",
    Database.INTEGRATIONS: "integrations",
}
NEWER: Final = """
DO $$
DECLARE
    ours record;
BEGIN
    FOR ours IN
        SELECT oid, relname
          FROM pg_catalog.pg_class
         WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN of_a_newer_release text', ours.oid::regclass);
        EXECUTE format('ALTER TABLE %s ADD COLUMN preset integer NOT NULL DEFAULT 7', ours.oid::regclass);
        EXECUTE format('CREATE INDEX ON %s (preset, of_a_newer_release)', ours.oid::regclass);
    END LOOP;
END $$;
CREATE TABLE {schema}.of_a_newer_release (id uuid PRIMARY KEY, name text);
"""
"""Whatever may be added before the code that knows of it: columns, with and without a default, indexes, tables."""
CONTACT: Final = {"email": "douglas.hunting@example.com"}
CUSTOMERS: Final = """
SELECT salesforce_id, first_name, last_name, email, company, source_version FROM customers.customers ORDER BY id
"""
PROJECTS: Final = (
    "SELECT company_cam_id, name, customer_id, photo_count, source_version FROM projects.projects ORDER BY id"
)
LOGS: Final = """
SELECT external_id, entity_type, operation, status, error_message FROM integrations.sync_logs ORDER BY 1, 2, 3
"""


@pytest.fixture
async def releases(new_database: NewDatabase) -> AsyncIterator[list[tuple[CustomerSync, PhotoSync]]]:
    """Both services on databases of today's release, and on those of a newer one."""
    async with AsyncExitStack() as stack:
        made = []
        for is_newer in (False, True):
            dsns = {database: await new_database(database) for database in SCHEMAS}
            for database, schema in SCHEMAS.items():
                newer = [Migration(f"newer_{schema}", "0001_newer.sql", NEWER.format(schema=schema))]
                assert len(await apply(dsns[database], newer if is_newer else [])) == is_newer
            customers, projects, integrations = dsns.values()
            made.append(
                (
                    await stack.enter_async_context(customer_sync_on(customers, integrations)),
                    await stack.enter_async_context(photo_sync_on(projects, integrations)),
                )
            )
        yield made


async def test_f11_services_of_today_do_on_a_newer_schema_what_they_do_on_their_own(
    releases: list[tuple[CustomerSync, PhotoSync]],
) -> None:
    today, newer = [await what_becomes_of_the_samples(*services) for services in releases]

    assert newer == today
    assert len(today["customers"]) == 2
    assert [(row["name"], row["photo_count"]) for row in today["projects"]] == [("Gate", 1)]
    assert {log["status"] for log in today["logs"]} == {"COMPLETED"}
    assert {topic for topic, _ in today["announced"]} == {
        CUSTOMERS_CHANGES.name,
        FEDERATION_KEYS.name,
        PROJECTS_CHANGES.name,
    }


async def what_becomes_of_the_samples(customer_sync: CustomerSync, photo_sync: PhotoSync) -> dict[str, Any]:
    """The rows, logs and announcements after webhooks of both vendors and what each service tells the other."""
    await customer_sync.messages(samples.body("outbound_message_contacts.xml"))
    announced = await customer_sync.published()
    await photo_sync.customers(of_topic(announced, CUSTOMERS_CHANGES.name))
    await photo_sync.events(project(primary_contact=CONTACT), photo())
    await photo_sync.events(
        project("project.updated", updated_at=NOW + 60, primary_contact=CONTACT, name="Gate"), photo()
    )
    told = await photo_sync.published()
    await customer_sync.federation(of_topic(told, FEDERATION_KEYS.name))
    await customer_sync.projects(of_topic(told, PROJECTS_CHANGES.name))
    return {
        "customers": await all_rows(customer_sync.resources.customers, CUSTOMERS),
        "projects": await all_rows(photo_sync.resources.projects, PROJECTS),
        "logs": await all_rows(customer_sync.resources.integrations, LOGS),
        "announced": [(record.topic, record.key) for record in (*announced, *told)],
    }
