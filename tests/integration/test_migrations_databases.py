import asyncio

import asyncpg
import pytest

from paintbox.databases import Connection, Database, DatabaseError, create_database
from paintbox.migrations import migrate
from support.postgres import NewDatabase, OpenSession, Server
from synckit.postgres import database_of

pytestmark = pytest.mark.database


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("ENCODING 'SQL_ASCII' LOCALE 'C'", "the encoding SQL_ASCII"),
        ("ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'", r"\(provider i\)"),
    ],
    ids=["not UTF-8", "ICU"],
)
async def test_a_database_that_does_not_order_by_code_point_is_refused(
    new_database: NewDatabase, admin: Connection, options: str, found: str
) -> None:
    dsn = await new_database(None)
    name = database_of(dsn)
    await admin.execute(f"DROP DATABASE {name}")
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER paintbox_owner TEMPLATE template0 {options}")
    except asyncpg.FeatureNotSupportedError as error:
        pytest.skip(str(error))

    with pytest.raises(DatabaseError, match=found):
        await migrate(dsn, Database.CUSTOMERS)


async def test_only_the_owner_migrates(new_database: NewDatabase, admin: Connection) -> None:
    dsn = await new_database(None)
    await admin.execute(f"ALTER DATABASE {database_of(dsn)} OWNER TO postgres")

    with pytest.raises(DatabaseError, match="the role paintbox_owner does not own the database"):
        await migrate(dsn, Database.CUSTOMERS)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://paintbox_owner:hunter2hunter2@127.0.0.1:{port}/postgres",
        "postgresql://paintbox_owner:{password}@127.0.0.1:{port}/nowhere",
        "postgresql://paintbox_owner:hunter2/hunter2@127.0.0.1:{port}/postgres",
        "paintbox_owner:hunter2hunter2@127.0.0.1",
        "postgresql://paintbox_owner:hunter2hunter2@127.0.0.1:1/postgres",
        "postgresql://paintbox_owner:hunter2hunter2@127.0.0.1:99999/postgres",
    ],
)
async def test_a_dsn_that_leads_nowhere_is_explained_without_its_password(postgres_server: Server, dsn: str) -> None:
    password = postgres_server.owner_password

    with pytest.raises(DatabaseError) as raised:
        await migrate(dsn.format(port=postgres_server.port, password=password), Database.CUSTOMERS)

    assert "hunter2" not in str(raised.value)
    assert password not in str(raised.value)


async def test_a_database_is_created_once(admin: Connection) -> None:
    name = "created_once"

    created = [await create_database(admin, name) for _ in range(2)]

    await admin.execute(f"DROP DATABASE {name}")
    assert created == [True, False]


async def test_a_database_is_created_once_also_at_the_same_moment(
    postgres_server: Server, connect: OpenSession
) -> None:
    name = 'an "odd" name'
    sessions = [await connect(postgres_server.admin_dsn) for _ in range(3)]

    created = await asyncio.gather(*(create_database(session, name) for session in sessions))

    await sessions[0].execute('DROP DATABASE "an ""odd"" name"')
    assert sorted(created) == [False, False, True]


async def test_a_created_database_orders_and_lowers_text_the_same_on_every_release(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    connection = await connect(await new_database(None))

    ordered = await connection.fetchval(
        "SELECT array_agg(word ORDER BY word) FROM unnest(ARRAY['b', 'Z', 'é', 'a']) AS word"
    )

    assert ordered == ["Z", "a", "b", "é"]
    assert await connection.fetchval("SELECT lower('MÜLLER')") == "müller"
