"""From the mirror to `customers.customers`: a slice of contacts, with their accounts, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from functools import partial
from time import time
from typing import Any, Final
from uuid import UUID

from customer_sync import metrics, store
from customer_sync.models.configuration import SalesforceConfig
from customer_sync.models.customer import Customer
from customer_sync.rules import announcements
from customer_sync.rules.projection import customer_from
from customer_sync.store import MIRROR, OUTBOX
from synckit.integrations.configs import Configuration
from synckit.mirror import notes
from synckit.mirror import store as mirror
from synckit.mirror.facts import Cause
from synckit.mirror.notes import Note
from synckit.mirror.steps import Projected, Step
from synckit.observability.metrics import CHANGE_TO_ROW_SECONDS, PROJECTED, WEBHOOK_TO_ROW_SECONDS
from synckit.outbox import store as outbox
from synckit.postgres import Connection, Row

ENTITY: Final = "customer"


def steps(config: Configuration[SalesforceConfig]) -> Mapping[str, Step]:
    """How a change of a Contact, and of an Account, reaches the customers that it makes."""
    project = partial(_project, config)
    return {
        "Account": Step(_contacts_of_accounts, project, "Contact", store.insert_refusal),
        "Contact": Step(_contacts, project, "Contact", store.insert_refusal),
    }


async def _contacts(_: Connection, note: Note, after: str) -> Sequence[str]:
    return notes.next_slice(note.ids, after)


async def _contacts_of_accounts(connection: Connection, note: Note, after: str) -> Sequence[str]:
    return await mirror.list_children(connection, MIRROR, "Contact", note.ids, after, notes.SLICE)


async def _project(
    config: Configuration[SalesforceConfig], connection: Connection, note: Note, contact_ids: Sequence[str]
) -> Projected:
    """Lock the contacts, then read their accounts: whoever merged last sees both."""
    mapping = await config.get()
    contacts = await mirror.lock(connection, MIRROR, [("Contact", contact_id) for contact_id in contact_ids])
    parents = sorted({contact.parent_id for contact in contacts.values() if contact.parent_id is not None})
    accounts = await mirror.read(connection, MIRROR, [("Account", parent) for parent in parents])
    customers = {
        customer.id: customer
        for customer in (
            customer_from(contact, accounts.get(("Account", contact.parent_id or "")), mapping)
            for contact in contacts.values()
        )
    }
    rows = await store.upsert_customers(connection, list(customers.values()))
    changed = ((row["id"], contacts["Contact", row["salesforce_id"]]) for row in rows)
    causes = {key: notes.cause_of(note, contact, contact.parent_id) for key, contact in changed}
    await store.insert_sync_logs(connection, rows, _details(customers, causes))
    await outbox.insert(connection, OUTBOX, _announcements(rows, causes))
    return Projected(report=partial(_report, rows, customers, causes))


def _details(customers: Mapping[UUID, Customer], causes: Mapping[UUID, Cause]) -> dict[UUID, tuple[Cause, Any]]:
    return {
        key: (cause, {"problems": [{"column": one.column, "problem": one.problem} for one in customers[key].problems]})
        for key, cause in causes.items()
    }


def _announcements(rows: Sequence[Row], causes: Mapping[UUID, Cause]) -> list[outbox.Event]:
    return [announcements.customer_changed(row, causes[row["id"]]) for row in sorted(rows, key=lambda row: row["id"])]


def _report(rows: Sequence[Row], customers: Mapping[UUID, Customer], causes: Mapping[UUID, Cause]) -> None:
    now, from_change, from_webhook = time(), CHANGE_TO_ROW_SECONDS.labels(ENTITY), WEBHOOK_TO_ROW_SECONDS.labels(ENTITY)
    PROJECTED.labels(ENTITY, "written").inc(len(rows))
    PROJECTED.labels(ENTITY, "unchanged").inc(len(customers) - len(rows))
    for row in rows:
        customer = customers[row["id"]]
        from_change.observe(max(now - customer.source_modified_at / 1000, 0))
        from_webhook.observe(max(now - causes[row["id"]].received_at / 1000, 0))
    for customer in customers.values():
        for one in customer.problems:
            metrics.FIELD_PROBLEMS.labels(one.column, one.problem).inc()
