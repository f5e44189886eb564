"""The relay: in order, once per key as compaction leaves it, and never by two at a time."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from prometheus_client import REGISTRY

from paintbox.databases import Connection, Database
from paintbox.stack.account import server_account
from support.kafka import NewTopic
from support.postgres import NewDatabase, OpenSession, Server
from support.relays import running
from support.standbys import Cluster, standby
from support.topics import read_all
from support.waiting import until
from synckit import postgres
from synckit.outbox import relay, store
from synckit.outbox.relay import Relay
from synckit.outbox.store import Event, Outbox

OUTBOX = Outbox(name="x", events="customers.outbox_events", refused="customers.outbox_refused")

MIB: Final = 1024 * 1024

Start = Callable[..., Awaitable[Relay]]


@pytest.fixture
async def dsn(new_database: NewDatabase) -> str:
    return await new_database(Database.CUSTOMERS)


@pytest.fixture
async def start(dsn: str, kafka_servers: str) -> AsyncIterator[Start]:
    """Starts relays of one outbox, which the end of the test stops."""
    async with AsyncExitStack() as stack:

        async def start_relay(kind: type[Relay] = Relay, servers: str = kafka_servers, where: str = dsn) -> Relay:
            relay = kind(replace(OUTBOX, name=dsn[-40:]), dsn=where, servers=servers, process="test")
            await stack.enter_async_context(running(relay))
            return relay

        yield start_relay


def an_event(topic: str, key: str, version: int, **changes: object) -> Event:
    value = json.dumps({"version": version} | changes).encode()
    return Event(topic=topic, key=key, headers={"ce_id": f"{key}-{version}"}, value=value)


async def rows_left(session: Connection) -> int:
    count: int = await session.fetchval("SELECT count(*) FROM customers.outbox_events")
    return count


async def until_empty(session: Connection) -> None:
    async def is_empty() -> bool:
        return await rows_left(session) == 0

    await until(is_empty)


async def test_rows_are_published_in_order_with_their_headers_and_deleted(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic(partitions=3)
    events = [an_event(topic, f"key-{number % 7}", number) for number in range(100)]
    await store.insert(session, OUTBOX, events)

    await start()
    await until_empty(session)

    records = await read_all(kafka_servers, topic)
    by_key = {
        key: [json.loads(r.value)["version"] for r in records if r.key == key] for key in {r.key for r in records}
    }
    assert len(records) == 100
    assert by_key == {f"key-{key}".encode(): list(range(key, 100, 7)) for key in range(7)}
    assert dict(records[0].headers)["ce_id"].decode().startswith(records[0].key.decode())


async def test_a_null_value_erases_and_text_of_any_script_passes(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic()
    erased = replace(an_event(topic, "gone", 1), value=None)
    await store.insert(session, OUTBOX, [an_event(topic, "名前", 1, name="例子"), erased])

    await start()
    await until_empty(session)

    records = await read_all(kafka_servers, topic)
    assert [(record.key.decode(), record.value and json.loads(record.value)) for record in records] == [
        ("名前", {"version": 1, "name": "例子"}),
        ("gone", None),
    ]


async def test_a_row_that_is_too_large_is_set_aside_and_holds_nothing_up(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic(max_message_bytes=str(8 * 1024 * 1024))
    large = an_event(topic, "large", 1, text="x" * store.LARGEST_VALUE)
    nearly = an_event(topic, "nearly", 1, text="x" * (store.LARGEST_VALUE - 1_000))
    await store.insert(session, OUTBOX, [large, nearly, an_event(topic, "small", 1)])

    await start()
    await until_empty(session)

    refused = await session.fetch("SELECT seq, key, reason FROM customers.outbox_refused")
    assert [record.key for record in await read_all(kafka_servers, topic)] == [b"nearly", b"small"]
    assert [(row["key"], row["reason"]) for row in refused] == [("large", "the value is larger than 7 MiB")]


async def test_f19_a_transaction_that_commits_late_is_not_skipped(
    start: Start, session: Connection, connect: OpenSession, dsn: str, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic, slow = await new_topic(), await connect(dsn)
    transaction = slow.transaction()
    await transaction.start()
    await store.insert(slow, OUTBOX, [an_event(topic, "slow", 1)])
    await store.insert(session, OUTBOX, [an_event(topic, "fast", 1)])

    await start()
    await until_empty(session)
    await transaction.commit()
    await until_empty(session)

    assert [record.key for record in await read_all(kafka_servers, topic)] == [b"fast", b"slow"]


async def test_rows_read_ahead_are_published_once_and_in_order_and_late_commits_are_not_skipped(
    start: Start,
    session: Connection,
    connect: OpenSession,
    dsn: str,
    new_topic: NewTopic,
    kafka_servers: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ahead: list[int] = []
    usual = store.list_next

    async def list_next(connection: Any, box: Outbox, at_most: int, besides: Any = ()) -> Any:
        rows = await usual(connection, box, at_most, besides)
        if besides:
            ahead.append(len(rows))
        if ahead == [3]:
            await late.commit()
            ahead.append(0)
        return rows

    monkeypatch.setattr(store, "list_next", list_next)
    monkeypatch.setattr(relay, "ROUND_ROWS", 3)
    topic, slow = await new_topic(), await connect(dsn)
    late = slow.transaction()
    await late.start()
    await store.insert(slow, OUTBOX, [an_event(topic, "late", 0)])
    await store.insert(session, OUTBOX, [an_event(topic, f"key-{number % 2}", number) for number in range(11)])

    await start()
    await until_empty(session)

    records = [(record.key, json.loads(record.value)["version"]) for record in await read_all(kafka_servers, topic)]
    told = [version for key, version in records if key != b"late"]
    assert ahead[:3] == [3, 0, 3]
    assert told == list(range(11))
    assert records.count((b"late", 0)) == 1


async def test_of_two_relays_one_leads_and_the_other_takes_over(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic()
    await start()
    await start()
    await store.insert(session, OUTBOX, [an_event(topic, "a", 1)])
    await until_empty(session)

    ended = await session.fetchval(
        """
        SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))
          FROM pg_locks WHERE locktype = 'advisory' AND database = (
               SELECT oid FROM pg_database WHERE datname = current_database())
        """
    )
    await store.insert(session, OUTBOX, [an_event(topic, "a", 2)])
    await until_empty(session)

    assert ended == 1
    assert [json.loads(record.value)["version"] for record in await read_all(kafka_servers, topic)] == [1, 2]


class Frozen(Relay):
    """Stands still between reading its rows and sending them, until it is woken."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type] # passed through as they came
        self.froze = asyncio.Event()
        self.woken = asyncio.Event()
        self.refused: list[str] = []

    async def _send(self, producer: object, rows: object) -> None:
        self.froze.set()
        await self.woken.wait()
        try:
            await super()._send(producer, rows)  # type: ignore[arg-type] # passed through as they came
        except Exception as error:
            self.refused.append(type(error).__name__)
            raise


async def test_f04_a_frozen_relay_that_wakes_cannot_publish_an_old_value_after_a_newer_one(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str
) -> None:
    topic = await new_topic(cleanup_policy="compact")
    frozen = await start(Frozen)
    assert isinstance(frozen, Frozen)
    await store.insert(session, OUTBOX, [an_event(topic, "a", 1)])
    await frozen.froze.wait()
    await session.execute(  # what idle_session_timeout does to a process that is stopped
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = ("
        "SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await start()
    await store.insert(session, OUTBOX, [an_event(topic, "a", 2)])
    await until_empty(session)

    frozen.woken.set()

    async def was_refused() -> bool:
        return bool(frozen.refused)

    await until(was_refused)
    assert frozen.refused == ["ProducerFenced"]
    assert [json.loads(record.value)["version"] for record in await read_all(kafka_servers, topic)][-1] == 2
    await store.insert(session, OUTBOX, [an_event(topic, "a", 3)])
    await until_empty(session)
    assert [json.loads(record.value)["version"] for record in await read_all(kafka_servers, topic)][-1] == 3


class Narrow(Relay):
    """Behind a link over which a round of more than two rows, or of more than a mebibyte, never gets in time."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type] # passed through as they came
        self.rounds: list[list[int]] = []

    async def _send(self, producer: Any, now: Any) -> None:
        sizes = now.sizes
        self.rounds.append(sizes)
        if len(sizes) > 2 or (len(sizes) > 1 and sum(sizes) > MIB):
            raise TimeoutError
        await super()._send(producer, now)


async def test_rounds_that_run_into_a_time_out_get_smaller_over_terms_until_they_get_through(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "RETRY_SECONDS", 0.0)
    topic = await new_topic()
    await store.insert(session, OUTBOX, [an_event(topic, "key", number) for number in range(20)])

    narrow = await start(Narrow)
    await until_empty(session)

    assert isinstance(narrow, Narrow)
    rounds = [len(sizes) for sizes in narrow.rounds]
    versions = [json.loads(record.value)["version"] for record in await read_all(kafka_servers, topic)]
    assert rounds[:4] == [20, 10, 5, 2]
    assert max(rounds[4:]) <= 4
    assert versions == list(range(20))


async def test_large_rows_go_in_rounds_bounded_in_bytes_down_to_one_row(
    start: Start, session: Connection, new_topic: NewTopic, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "RETRY_SECONDS", 0.0)
    topic = await new_topic(max_message_bytes=str(8 * MIB))
    large = [an_event(topic, "key", number, text="x" * 3 * MIB) for number in range(4)]
    await store.insert(session, OUTBOX, large)

    narrow = await start(Narrow)
    await until_empty(session)

    assert isinstance(narrow, Narrow)
    assert [len(sizes) for sizes in narrow.rounds[:2]] == [2, 1]
    assert [record.value for record in await read_all(kafka_servers, topic)] == [one.value for one in large]


async def test_what_waits_is_measured_though_nobody_can_lead(start: Start, dsn: str, session: Connection) -> None:
    await store.insert(session, OUTBOX, [an_event("away", "k", version) for version in range(3)])

    await start(servers="127.0.0.1:9")

    async def is_told() -> bool:
        return REGISTRY.get_sample_value("paintbox_outbox_rows", {"outbox": dsn[-40:]}) == 3

    await until(is_told)


@pytest.fixture
def cluster(postgres_server: Server) -> Iterator[Cluster]:
    programs = Path(postgres_server.programs)
    if not (programs / "pg_basebackup").exists():
        pytest.skip("this PostgreSQL has no pg_basebackup")
    found = Cluster(Path(postgres_server.home) / "data", programs, server_account(), postgres_server.admin_dsn)
    yield found
    shutil.rmtree(found.copy, ignore_errors=True)


async def versions(kafka_servers: str, topic: str) -> list[int]:
    return [json.loads(record.value)["version"] for record in await read_all(kafka_servers, topic)]


async def until_red(relay: Relay, name: str) -> None:
    async def is_red() -> bool:
        return await relay.check() == name

    await until(is_red)


async def test_on_a_standby_that_is_behind_no_relay_publishes_what_others_deleted(
    start: Start,
    session: Connection,
    connect: OpenSession,
    dsn: str,
    new_topic: NewTopic,
    kafka_servers: str,
    cluster: Cluster,
) -> None:
    topic = await new_topic(cleanup_policy="compact")
    await store.insert(session, OUTBOX, [an_event(topic, "a", 1)])
    with standby(cluster) as data:
        here = f":{urlsplit(dsn).port}/"
        away = f":{(data / 'postmaster.pid').read_text().splitlines()[3].strip()}/"
        there = await connect(cluster.dsn.replace(here, away))
        await there.execute("SELECT pg_wal_replay_pause()")
        await start()
        await until_empty(session)
        await store.insert(session, OUTBOX, [an_event(topic, "a", 2)])
        await until_empty(session)

        behind = await start(where=dsn.replace(here, away))
        await until_red(behind, "ReadOnlySQLTransactionError")
        await store.insert(session, OUTBOX, [an_event(topic, "a", 3)])
        await until_empty(session)
        await there.close()

    assert await versions(kafka_servers, topic) == [1, 2, 3]


class Failing(Relay):
    """Counts what ended its terms, or held them up."""

    failures = 0

    def _note_failure(self, *words: Any) -> None:
        self.failures += 1
        super()._note_failure(*words)

    async def until_it_failed(self, times: int) -> None:
        async def did() -> bool:
            return self.failures >= times

        await until(did)


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == relay.__name__]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the relay says, which tries again soon."""
    monkeypatch.setattr(relay, "RETRY_SECONDS", 0.05)
    caplog.set_level("INFO", logger=relay.__name__)
    return caplog


async def test_where_nothing_can_be_deleted_nothing_is_published_and_it_is_said_once(
    start: Start,
    session: Connection,
    new_topic: NewTopic,
    kafka_servers: str,
    soon: pytest.LogCaptureFixture,
) -> None:
    topic = await new_topic()
    await store.insert(session, OUTBOX, [an_event(topic, "a", 1)])
    database = await session.fetchval("SELECT current_database()")
    await session.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")

    failing = await start(Failing)
    await failing.until_it_failed(4)  # type: ignore[attr-defined] # a Failing
    before = await failing.check(), lines_of(soon), await versions(kafka_servers, topic)
    await session.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    await until_empty(session)

    assert before == ("ReadOnlySQLTransactionError", ["The outbox relay's term ended"], [])
    assert lines_of(soon) == ["The outbox relay's term ended", "The outbox relay leads"]
    assert await versions(kafka_servers, topic) == [1]


class Fenced(Relay):
    """Its session is that of a server that only reads, once it is told so; every other session is not."""

    is_fenced = False

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self.backends: list[int] = []

    async def _ask(self, session: postgres.Connection) -> None:
        if session.get_server_pid() not in self.backends:
            self.backends.append(session.get_server_pid())
        if self.is_fenced:
            self.is_fenced = False
            await session.execute("SET default_transaction_read_only = on")
        await super()._ask(session)


async def test_a_relay_that_leads_at_a_primary_that_was_fenced_finds_the_one_that_is_it_now(
    start: Start,
    session: Connection,
    new_topic: NewTopic,
    kafka_servers: str,
    soon: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With nothing to publish it only reads; the old one's outbox would stay empty for ever."""
    monkeypatch.setattr(relay, "ASK_SECONDS", 0.1)
    topic = await new_topic()
    leading: Any = await start(Fenced)
    await store.insert(session, OUTBOX, [an_event(topic, "a", 1)])
    await until_empty(session)

    leading.is_fenced = True
    await until_red(leading, "ReadOnlySQLTransactionError")
    await store.insert(session, OUTBOX, [an_event(topic, "a", 2)])
    await until_empty(session)

    leads = "The outbox relay leads"
    assert len(leading.backends) == 2
    assert lines_of(soon) == [leads, "The outbox relay's term ended", leads]
    assert await versions(kafka_servers, topic) == [1, 2]


async def test_what_was_published_and_cannot_be_deleted_is_not_published_again(
    start: Start,
    session: Connection,
    new_topic: NewTopic,
    kafka_servers: str,
    soon: pytest.LogCaptureFixture,
) -> None:
    topic = await new_topic()
    failing = await start(Failing)
    await store.insert(session, OUTBOX, [an_event(topic, "a", 1)])
    await until_empty(session)

    await session.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE TRIGGER refuse BEFORE DELETE ON customers.outbox_events FOR EACH ROW EXECUTE FUNCTION refuse();
        """
    )
    await store.insert(session, OUTBOX, [an_event(topic, "a", 2)])
    await failing.until_it_failed(4)  # type: ignore[attr-defined] # a Failing
    await store.insert(session, OUTBOX, [an_event(topic, "a", 3)])
    before = await failing.check(), await versions(kafka_servers, topic)
    await session.execute("DROP TRIGGER refuse ON customers.outbox_events")
    await until_empty(session)

    leads = "The outbox relay leads"
    assert before == ("RaiseError", [1, 2])
    assert lines_of(soon) == [leads, "The outbox relay cannot delete what it published", leads]
    assert await versions(kafka_servers, topic) == [1, 2, 3]
