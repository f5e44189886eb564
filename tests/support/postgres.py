"""A PostgreSQL server for the whole test run, shared by its workers, and databases copied from migrated templates."""

import asyncio
import json
import os
import secrets
import shlex
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import asyncpg
from filelock import FileLock

from paintbox.databases import Connection, Database, create_database
from paintbox.migrations import migrate
from paintbox.stack.account import run_as, server_account
from paintbox.stack.postgres import HOST, SUPERUSER, Cluster, arguments, create, dsn, find_installation
from paintbox.stack.roles import OWNER_RIGHTS, create_login

OWNER: Final = "paintbox_owner"
"""Owns the databases and may make roles, like the role that migrates in production. It is no superuser."""

WAITS_FOR_A_LOCK: Final = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())
"""

SETTINGS: Final = {
    "fsync": "off",  # nothing here outlives the run
    "full_page_writes": "off",
    "autovacuum": "off",  # it would take locks that a test waits for
}

NewDatabase = Callable[[Database | None], Awaitable[str]]
"""Creates a database for one test, a copy of a migrated one or an empty one; its owner's DSN."""
OpenSession = Callable[..., Awaitable[Connection]]
"""Opens a session that the end of the test closes: a DSN, and server settings by name."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. Both passwords are made for this run."""

    home: str
    programs: str
    port: int
    password: str
    owner_password: str

    def dsn(self, database: str, *, user: str = OWNER, password: str | None = None) -> str:
        """Where to find a database, as its owner unless another login role is named."""
        return dsn(self.port, user, password or self.owner_password, database)

    @property
    def admin_dsn(self) -> str:
        """The superuser's."""
        return self.dsn("postgres", user=SUPERUSER, password=self.password)


def shared_server(folder: Path) -> Server:
    """The server of this test run: started by whichever worker asks first, and found by the others in `folder`."""
    state = folder / "postgres.json"
    with FileLock(folder / "postgres.lock"):
        if not state.exists():
            server = _start()
            asyncio.run(_make_templates(server))
            state.write_text(json.dumps(asdict(server)))
    return Server(**json.loads(state.read_text()))


def stop_shared_server(folder: Path) -> None:
    """Stop the server of this run, if any test needed one, and remove its files."""
    state = folder / "postgres.json"
    if state.exists():
        _stop(Server(**json.loads(state.read_text())))


def template(database: Database) -> str:
    """The name of the migrated database that the tests' databases are copies of. Nobody may connect to it."""
    return f"template_{database}"


async def connect(dsn: str, **settings: str) -> Connection:
    """A plain session, with server settings if any are given."""
    connection: Connection = await asyncpg.connect(dsn, server_settings=settings)
    return connection


async def _make_templates(server: Server) -> None:
    admin = await connect(server.admin_dsn)
    try:
        await create_login(admin, OWNER, server.owner_password, OWNER_RIGHTS)
        for database in Database:
            await create_database(admin, template(database), owner=OWNER)
        # All at once, since they make the same roles of the cluster and must not get in each other's way.
        await asyncio.gather(*(migrate(server.dsn(template(database)), database) for database in Database))
        for database in Database:
            await admin.execute(f"ALTER DATABASE {template(database)} ALLOW_CONNECTIONS false")
    finally:
        await admin.close()


def _start() -> Server:
    account = server_account()
    home = Path(tempfile.mkdtemp(prefix="paintbox-postgres-"))
    home.chmod(0o755)
    if account:
        shutil.chown(home, account.uid, account.gid)
    installation = find_installation(os.environ.get("PAINTBOX_LOCAL_POSTGRES_BIN", ""), account=account, copies=home)
    server = Server(
        home=str(home),
        programs=str(installation.programs),
        port=_free_port(),
        password=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
    )
    create(Cluster(installation, home / "data", account), server.password)
    options = arguments(home / "data", server.port, **SETTINGS)[2:]  # pg_ctl names the data itself
    _pg_ctl(server, "start", "--log", str(home / "log"), "--options", shlex.join(options))
    return server


def _stop(server: Server) -> None:
    _pg_ctl(server, "stop", "--mode", "immediate")
    shutil.rmtree(server.home)


def _pg_ctl(server: Server, *command: str) -> None:
    done = run_as(
        server_account(), [f"{server.programs}/pg_ctl", *command, "--wait", "--pgdata", f"{server.home}/data"]
    )
    if done.returncode:
        log = Path(server.home, "log")
        raise RuntimeError(f"{done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
