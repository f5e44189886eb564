"""What `paintbox status` counts, on real servers."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import OffsetAndMetadata

from paintbox import topics
from paintbox.brokers import administration
from paintbox.databases import Connection, Database
from paintbox.environment import operator_environment, render
from paintbox.errors import OperatorError
from paintbox.stack.places import find_checkout
from paintbox.status.answers import ask
from paintbox.status.lag import topic_lags
from paintbox.status.report import Status
from paintbox.status.rows import Held, Outbox, SetAside, waiting
from paintbox.status.text import lines
from support.kafka import KafkaServer, NewTopic, new_broker
from support.postgres import NewDatabase, OpenSession
from support.topics import committed, produce
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM, Cleanup, Topic
from synckit.kafka import create_producer

CONNECTIONS = ("PAINTBOX_CUSTOMERS_DSN", "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS", "PAINTBOX_INGEST_URL")


async def insert_match(connection: Connection, project: str, state: str) -> None:
    await connection.execute(
        """
        INSERT INTO projects.customer_matches (project_id, state, customer_id, basis)
        VALUES ($1, $2, $3, 'email')
        """,
        project,
        state,
        uuid4() if state in {"matched", "contested"} else None,
    )


async def insert_photo(
    connection: Connection, photo: str, project: str | None, *, is_deleted: bool = False, status: str = "active"
) -> None:
    await insert_record(connection, "photo", photo, project, is_deleted=is_deleted, status=status)


async def insert_record(
    connection: Connection, name: str, key: str, parent: str | None = None, *, is_deleted: bool = False, status: str
) -> None:
    """A record in the mirror of CompanyCam."""
    await connection.execute(
        """
        INSERT INTO projects.companycam_records (object, id, parent_id, is_deleted, fields, first_seen_at, last_seen_at)
        VALUES ($1, $2, $3, $4, jsonb_build_object('status', $5::text), now(), now())
        """,
        name,
        key,
        parent,
        is_deleted,
        status,
    )


@pytest.mark.database
async def test_what_is_held_is_counted_by_what_it_waits_for(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(Database.PROJECTS)
    connection = await connect(dsn)
    for number, state in enumerate(["held", "held", "held", "ambiguous", "ambiguous", "contested", "matched"]):
        await insert_match(connection, str(number), state)
    await insert_photo(connection, "1", "0")
    await insert_photo(connection, "2", None)
    await insert_photo(connection, "3", "0", is_deleted=True)

    found = await waiting(dsn, Database.PROJECTS)

    assert found.held == Held(
        projects_without_customer=3,
        projects_with_several_candidates=2,
        photos_without_project=2,
        contested_projects=1,
    )
    assert found.outbox == Outbox(rows=0, oldest_seconds=0.0, refused=0)


@pytest.mark.database
async def test_a_photo_that_is_deleted_or_whose_project_is_waits_for_nothing(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.PROJECTS)
    connection = await connect(dsn)
    await insert_record(connection, "project", "1", is_deleted=True, status="active")
    await insert_record(connection, "project", "2", status="deleted")
    await insert_record(connection, "project", "3", status="active")
    for project in ("1", "2", "3"):
        await insert_photo(connection, f"of {project}", project)
    await insert_photo(connection, "gone", "3", status="deleted")

    found = await waiting(dsn, Database.PROJECTS)

    assert found.held is not None
    assert found.held.photos_without_project == 1


@pytest.mark.database
async def test_an_outbox_is_as_old_as_its_oldest_row(new_database: NewDatabase, connect: OpenSession) -> None:
    dsn = await new_database(Database.CUSTOMERS)
    connection = await connect(dsn)
    for age in ("5 minutes", "1 minute"):
        await connection.execute(
            "INSERT INTO customers.outbox_events (topic, key, created_at) SELECT 't', 'k', now() - $1::text::interval",
            age,
        )

    found = await waiting(dsn, Database.CUSTOMERS)

    assert found.outbox is not None
    assert found.outbox.rows == 2
    assert 300 <= found.outbox.oldest_seconds < 360


@pytest.mark.database
async def test_what_was_set_aside_is_counted_until_somebody_dealt_with_it(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(Database.INTEGRATIONS)
    connection = await connect(dsn)
    for message in ("quarantined: not understood", "parked: never works", None):
        await connection.execute(
            """
            INSERT INTO integrations.webhook_events (id, service, event_type, payload, status, error_message)
            VALUES ($1, 'SALESFORCE', 'x', '{}', 'FAILED', $2)
            """,
            uuid4(),
            message,
        )
    for offset, redriven in enumerate(["now()", "NULL", "NULL"]):
        await connection.execute(
            f"""
            INSERT INTO integrations.parked_records
                   (consumer, topic, partition, "offset", headers, reason_code, reason, value_sha256, redriven_at)
            VALUES ('photo-sync', 't', 0, $1, '{{}}', 'code', 'why', 'x', {redriven})
            """,
            offset,
        )

    found = await waiting(dsn, Database.INTEGRATIONS)

    assert found.set_aside == SetAside(quarantined=1, parked={"photo-sync": 2})


@pytest.mark.database
async def test_a_database_before_its_migrations_is_a_problem_and_no_traceback(new_database: NewDatabase) -> None:
    answer = await ask(waiting(await new_database(None), Database.PROJECTS))

    assert (answer.value, answer.problem) == (None, "is not migrated: `paintbox migrate` does it")


async def test_lag_is_what_a_group_has_not_committed(kafka_servers: str, new_topic: NewTopic) -> None:
    topic, missing = (Topic(name, "", "", Cleanup.DELETE, 1) for name in (await new_topic(2), f"test.{uuid4().hex}"))
    group = f"group-{uuid4().hex}"
    async with create_producer(kafka_servers, process="test") as producer:
        for partition in (0, 0, 0, 1, 1):
            await producer.send_and_wait(topic.name, b"value", partition=partition)
    async with AIOKafkaConsumer(bootstrap_servers=kafka_servers, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([TopicPartition(topic.name, 0)])
        await consumer.commit({TopicPartition(topic.name, 0): OffsetAndMetadata(2, "")})

    found, absent = await topic_lags(kafka_servers, [topic, missing])

    assert (found.exists, found.end, found.lag) == (True, 5, {group: 3})
    assert (absent.exists, absent.end, absent.lag) == (False, 0, {})


async def test_what_was_deleted_before_a_group_read_it_is_shown(kafka_servers: str, new_topic: NewTopic) -> None:
    topic, group = Topic(await new_topic(), "", "", Cleanup.DELETE, 1), f"group-{uuid4().hex}"
    at = TopicPartition(topic.name, 0)
    await produce(kafka_servers, topic.name, [b"value"] * 6)
    async with AIOKafkaConsumer(bootstrap_servers=kafka_servers, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([at])
        await consumer.commit({at: OffsetAndMetadata(2, "")})
    async with administration(kafka_servers) as admin:
        await admin.delete_records({at: RecordsToDelete(5)})

    [found] = await topic_lags(kafka_servers, [topic])

    assert (found.lag, found.deleted_unread) == ({group: 1}, {group: 3})
    said = dict(lines(Status(parts=[], topics=[found])))
    assert said[f"{topic.name}: 3 offsets were deleted before {group} read them"] == "red"


@pytest.fixture
def new_server() -> Iterator[KafkaServer]:
    with new_broker() as server:
        yield server


async def test_where_no_group_ever_joined_nothing_is_committed_and_all_is_behind(new_server: KafkaServer) -> None:
    await topics.apply(new_server.servers, topics.Replication(1, 1), topics=[WEBHOOKS_COMPANYCAM])
    await produce(new_server.servers, WEBHOOKS_COMPANYCAM.name, [b"value"])

    [found] = await topic_lags(new_server.servers, [WEBHOOKS_COMPANYCAM])
    nothing = await committed(new_server.servers, "nobody")

    assert found.lag == {"photo-sync": 1, "webhook-log": 1}
    assert nothing == {}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack's directory with an operator's file, and an environment that names nothing."""
    for name in (*CONNECTIONS, "PAINTBOX_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "env").write_text(render(dict.fromkeys(CONNECTIONS, "of-the-stack:1") | {"PAINTBOX_FAILPOINTS": ""}))
    return tmp_path


def test_a_command_finds_the_stack_without_sourcing_anything(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINTBOX_DIRECTORY", str(stack))

    assert operator_environment().items() >= dict.fromkeys(CONNECTIONS, "of-the-stack:1").items()
    assert "PAINTBOX_FAILPOINTS" not in operator_environment()


def test_a_named_stack_wins_over_the_environment(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINTBOX_CUSTOMERS_DSN", "of another")

    assert operator_environment(stack)["PAINTBOX_CUSTOMERS_DSN"] == "of-the-stack:1"


def test_an_environment_that_names_a_database_counts_alone(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAINTBOX_CUSTOMERS_DSN", "of another")
    monkeypatch.chdir(stack)

    found = operator_environment()

    assert {name for name in CONNECTIONS if name in found} == {"PAINTBOX_CUSTOMERS_DSN"}


def test_a_named_directory_without_a_stack_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="holds no stack: `paintbox up --directory"):
        operator_environment(tmp_path)


def test_the_checkout_is_found_from_any_folder_below_it_and_from_elsewhere_by_this_program(tmp_path: Path) -> None:
    checkout = Path(__file__).parents[2]

    assert find_checkout(Path(__file__).parent) == checkout
    assert find_checkout(tmp_path) == checkout
