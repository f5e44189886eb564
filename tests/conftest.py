"""The servers of the tests: each test that asks for a database or a topic has one of its own."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import hypothesis
import psutil
import pytest
from _pytest.nodeid import coerce_node_id
from aiokafka.admin import NewTopic as KafkaTopic

from paintbox.brokers import administration, create_topics
from paintbox.databases import Connection, Database, create_database
from support import canaries, kafka, postgres
from support.kafka import NewTopic
from support.postgres import OWNER, NewDatabase, OpenSession, Server

RUN_FOLDER = "PYTEST_PAINTBOX_RUN_FOLDER"
"""What the workers of one run share; they inherit the controller's environment."""


MEMORY: Final = Path("/dev/shm")
"""The servers of a run make and remove some hundred thousand files: here in seconds, on some disks in minutes."""
ROOM: Final = 6 * 1024**3


hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")  # whatever is drawn: a busy machine is no failure


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        if "TMPDIR" not in os.environ and _is_roomy(MEMORY):
            os.environ["TMPDIR"] = str(MEMORY)
            tempfile.tempdir = None  # whoever asked already asks again
        os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="paintbox-tests-")


def _is_roomy(folder: Path) -> bool:
    """Whether it takes all that the servers of a run keep, and lets copies of their programs run."""
    if not folder.is_dir() or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return min(shutil.disk_usage(folder).free, psutil.virtual_memory().available) > ROOM


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.stop_shared_server(Path(os.environ[RUN_FOLDER]))
        kafka.stop_shared_broker(Path(os.environ[RUN_FOLDER]))
        shutil.rmtree(os.environ.pop(RUN_FOLDER))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One worker runs all tests of an `xdist_group`, so that only it starts their servers.

    pytest-xdist 3.8 puts the group behind an attribute that pytest 9.2 no longer reads: each worker then starts all.
    """
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if groups and not item.nodeid.endswith(f"@{'_'.join(groups)}"):
            item._id = coerce_node_id(f"{item.nodeid}@{'_'.join(groups)}")


@pytest.fixture(scope="session", autouse=True)
def nothing_leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that this session's processes say holds what the tests made up: searched once all of them have ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.AsyncClient, "send", _searched(httpx.AsyncClient.send))
        yield
    canaries.note(canaries.search_rest(tmp_path_factory.getbasetemp(), Path(os.environ[RUN_FOLDER])))
    assert list(canaries.told(canaries.seen())) == []


def _searched(send: Callable[..., Awaitable[httpx.Response]]) -> Callable[..., Awaitable[httpx.Response]]:
    """Sends a request as before. Whichever client of the tests did: what it is told of a problem is searched."""

    async def sent(*arguments: Any, **options: Any) -> httpx.Response:
        answer = await send(*arguments, **options)
        await canaries.search_answer(answer)
        return answer

    return sent


@pytest.fixture(scope="session")
def postgres_server() -> Server:
    """PostgreSQL for the whole run, with the migrated templates."""
    return postgres.shared_server(Path(os.environ[RUN_FOLDER]))


@pytest.fixture
async def admin(postgres_server: Server) -> AsyncIterator[Connection]:
    """The superuser's session."""
    connection = await postgres.connect(postgres_server.admin_dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def new_database(admin: Connection, postgres_server: Server) -> AsyncIterator[NewDatabase]:
    """Creates databases for one test, each a copy of a migrated one, or empty for None; the DSN of its owner."""
    async with AsyncExitStack() as stack:

        async def create(copy_of: Database | None) -> str:
            name = f"test_{uuid4().hex}"
            stack.push_async_callback(admin.execute, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            if copy_of is None:
                await create_database(admin, name, owner=OWNER)
            else:
                # Copied as files, not through the log: half the work where nothing is written to a disk.
                copying = f"TEMPLATE {postgres.template(copy_of)} STRATEGY file_copy"
                await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} {copying}")
            return postgres_server.dsn(name)

        yield create


@pytest.fixture
async def connect() -> AsyncIterator[OpenSession]:
    """Opens sessions that the end of the test closes."""
    async with AsyncExitStack() as stack:

        async def open_session(dsn: str, **settings: str) -> Connection:
            connection = await postgres.connect(dsn, **settings)
            stack.callback(connection.terminate)
            return connection

        yield open_session


@pytest.fixture
async def customers(new_database: NewDatabase, connect: OpenSession) -> Connection:
    """The owner's session in a migrated paintbox_customers."""
    return await connect(await new_database(Database.CUSTOMERS))


@pytest.fixture
async def projects(new_database: NewDatabase, connect: OpenSession) -> Connection:
    """The owner's session in a migrated paintbox_projects."""
    return await connect(await new_database(Database.PROJECTS))


@pytest.fixture
async def estimates(new_database: NewDatabase, connect: OpenSession) -> Connection:
    """The owner's session in a migrated paintbox_estimates."""
    return await connect(await new_database(Database.ESTIMATES))


@pytest.fixture
async def integrations(new_database: NewDatabase, connect: OpenSession) -> Connection:
    """The owner's session in a migrated paintbox_integrations."""
    return await connect(await new_database(Database.INTEGRATIONS))


@pytest.fixture(scope="session")
def kafka_servers() -> str:
    """Kafka for the whole run: where its clients connect to."""
    return kafka.shared_broker(Path(os.environ[RUN_FOLDER])).servers


@pytest.fixture
async def new_topic(kafka_servers: str) -> AsyncIterator[NewTopic]:
    """Creates topics for one test, which the end of the test deletes."""
    made: list[str] = []
    async with administration(kafka_servers) as admin:

        async def create(partitions: int = 1, **config: str) -> str:
            name = f"test.{uuid4().hex}"
            settings = {setting.replace("_", "."): value for setting, value in config.items()}
            await create_topics(admin, [KafkaTopic(name, partitions, 1, topic_configs=settings)])
            made.append(name)
            return name

        yield create
        if made:
            await admin.delete_topics(made)
