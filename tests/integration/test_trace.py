"""`paintbox trace` in the databases: neither a record that nobody can read nor Kafka's absence hides a story."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from paintbox.databases import Database
from paintbox.environment import SERVERS, render
from paintbox.prove.trace import Names, seen_in_databases
from support.postgres import NewDatabase, OpenSession
from support.rows import insert

pytestmark = pytest.mark.database

NO_BROKER = "127.0.0.1:1"
EVENT = UUID("0190a5d2-6c1e-5f00-8000-3f2a1b4c5d6e")


async def test_a_parked_key_that_is_no_text_hides_none_that_is(new_database: NewDatabase, connect: OpenSession) -> None:
    sessions = {database.value: await connect(await new_database(database)) for database in Database}
    for offset, key in enumerate((b"\xff\x00", None, "Straße".encode())):
        await insert(
            sessions["integrations"],
            "integrations.parked_records",
            consumer="customer-sync",
            topic="paintbox.webhooks.salesforce.v1",
            partition=3,
            offset=offset,
            key=key,
            reason_code="key_mismatch",
            reason="the key is not the record's",
        )

    seen = [one async for one in seen_in_databases(sessions, Names((), ("Straße",), ()))]

    assert [(one.where, "@2:" in one.what) for one in seen] == [("parked_records", True)]


async def told(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "paintbox", "trace", *words, "--directory", str(directory)]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)


async def test_without_kafka_the_databases_tell_and_the_topics_are_said_to_be_unread(
    new_database: NewDatabase, connect: OpenSession, tmp_path: Path
) -> None:
    dsns = {database: await new_database(database) for database in Database}
    environment = {SERVERS: NO_BROKER, **{database.dsn_name: dsn for database, dsn in dsns.items()}}
    (tmp_path / "env").write_text(render(environment))
    topic = "paintbox.webhooks.companycam.v1"
    session = await connect(dsns[Database.INTEGRATIONS])
    await insert(session, "integrations.webhook_spool", topic=topic, value=b"{}", event_id=EVENT)

    known, as_json, unknown = await asyncio.gather(
        told(tmp_path, str(EVENT)), told(tmp_path, str(EVENT), "--json"), told(tmp_path, "nobody")
    )

    assert [one.returncode for one in (known, as_json, unknown)] == [1, 1, 1]
    assert f"webhook_spool                 event {EVENT} waits for {topic}" in known.stdout
    assert f"what the topics say is not told. Kafka does not answer at {NO_BROKER}" in known.stderr
    story = json.loads(as_json.stdout)
    assert [one["where"] for one in story["seen"]] == ["webhook_spool"]
    assert story["topics_unread"].startswith(f"Kafka does not answer at {NO_BROKER}")
    assert unknown.stdout == "nobody was seen in no database\n"
