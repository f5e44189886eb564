"""Tables filled with copies of what customer-sync made of contacts and accounts: the same rows under other ids.

A copy of a contact belongs to the copy of its account: an account has no more contacts than before.

Loaded in bulk, without the indexes that are no constraints: they are made again at the end, as they were.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from paintbox.bench.rig import Rig
from paintbox.databases import Connection, Database, connected
from synckit.identity import customer_id

PROCESS: Final = "paintbox-bench"
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PLACE: Final = slice(3, 6)
"""Where the copy's number stands in an id: the bench's own have `Dm0` there."""


def _of_copy(account_id: str) -> str:
    """SQL of the id of an account's copy; null of null."""
    return f"overlay({account_id} PLACING copy.code FROM {PLACE.start + 1} FOR {PLACE.stop - PLACE.start})"


OF_CUSTOMERS: Final = {
    "customers.salesforce_records": {
        "id": "copy.id",
        "parent_id": _of_copy("row.parent_id"),
        "fields": "CASE WHEN row.parent_id IS NULL THEN row.fields"
        f" ELSE jsonb_set(row.fields, '{{AccountId}}', to_jsonb({_of_copy('row.parent_id')})) END",
    },
    "customers.customers": {
        "id": "copy.customer_id",
        "salesforce_id": "copy.id",
        "salesforce_account_id": _of_copy("row.salesforce_account_id"),
    },
    "customers.customer_sync_logs": {
        "id": "gen_random_uuid()",
        "customer_id": "copy.customer_id",
        "salesforce_id": "copy.id",
    },
}
OF_INTEGRATIONS: Final = {
    "integrations.external_entity_cache": {"id": "gen_random_uuid()", "external_id": "copy.id"},
    "integrations.webhook_events": {"id": "gen_random_uuid()"},
    "integrations.sync_logs": {"id": "gen_random_uuid()", "external_id": "copy.id"},
    "integrations.webhook_event_keys": {"event_id": "gen_random_uuid()"},
}
"""Each table, and what a copy's row has otherwise than its original."""
ORIGINALS: Final = {
    "customers.salesforce_records": "row.id = copy.original",
    "customers.customers": "row.salesforce_id = copy.original",
    "customers.customer_sync_logs": "row.salesforce_id = copy.original",
    "integrations.external_entity_cache": "row.external_id = copy.original",
    "integrations.webhook_events": "row.id = copy.event_id",
    "integrations.sync_logs": "row.id = copy.event_id",
    "integrations.webhook_event_keys": "row.event_id = copy.event_id",
}


def copied(record_id: str, number: int) -> str:
    """The id of a record's nth copy; the 0th is the record itself."""
    if not number:
        return record_id
    code = f"{_DIGITS[number // len(_DIGITS)]}{_DIGITS[number % len(_DIGITS)]}9"
    return record_id[: PLACE.start] + code + record_id[PLACE.stop :]


async def multiply(rig: Rig, ids: Sequence[str], copies: int) -> None:
    """So many further copies of the rows of these records, in every table that has a row a record or an event."""
    await asyncio.gather(
        _fill(rig, Database.CUSTOMERS, OF_CUSTOMERS, ids, copies),
        _fill(rig, Database.INTEGRATIONS, OF_INTEGRATIONS, ids, copies),
    )


async def _fill(
    rig: Rig, database: Database, tables: dict[str, dict[str, str]], ids: Sequence[str], copies: int
) -> None:
    async with connected(rig.dsn(database), process=PROCESS) as connection:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(
            "CREATE TEMP TABLE copy (original text, id text, code text, customer_id uuid, event_id uuid)"
        )
        await connection.copy_records_to_table(
            "copy", records=_copies(ids, copies), columns=["original", "id", "code", "customer_id"]
        )
        if database is Database.INTEGRATIONS:
            await connection.execute(_EVENTS)
        await connection.execute("ANALYZE copy")
        for table, changed in tables.items():
            await _without_indexes(connection, table, await _insertion(connection, table, changed))


_EVENTS: Final = """
    UPDATE copy SET event_id = log.id FROM integrations.sync_logs AS log
     WHERE log.external_id = copy.original
    """


def _copies(ids: Sequence[str], copies: int) -> Iterator[tuple[str, str, str, object]]:
    for number in range(1, copies + 1):
        for one in ids:
            copy = copied(one, number)
            yield one, copy, copy[PLACE], customer_id(copy)


async def _insertion(connection: Connection, table: str, changed: dict[str, str]) -> str:
    schema, _, name = table.partition(".")
    columns = [
        row["column_name"]
        for row in await connection.fetch(
            """
            SELECT column_name FROM information_schema.columns
             WHERE table_schema = $1 AND table_name = $2 AND is_generated = 'NEVER' AND is_identity = 'NO'
             ORDER BY ordinal_position
            """,
            schema,
            name,
        )
    ]
    values = ", ".join(changed.get(column, f"row.{column}") for column in columns)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "  # noqa: S608 - names of the product's own tables
        f"FROM copy JOIN {table} AS row ON {ORIGINALS[table]}"
    )


async def _without_indexes(connection: Connection, table: str, insertion: str) -> None:
    indexes = await connection.fetch(
        """
        SELECT index.indexrelid::regclass::text AS name, pg_get_indexdef(index.indexrelid) AS definition
          FROM pg_index AS index
         WHERE index.indrelid = $1::regclass
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = index.indexrelid)
        """,
        table,
    )
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    await connection.execute(insertion)
    await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    for index in indexes:
        await connection.execute(index["definition"].replace(" ON ONLY ", " ON "))
    await connection.execute(f"ANALYZE {table}")
