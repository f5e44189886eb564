"""PostgreSQL behind a real pooler in transaction mode, where sessions are nobody's: we refuse to work so."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from paintbox.stack import processes
from paintbox.stack.account import server_account
from support.postgres import NewDatabase
from support.programs import HOST, free_port
from support.waiting import until
from synckit import postgres
from synckit.failures import Verdict, verdict

POOLER: Final = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
STARTUP: Final = ", ".join(name for name in postgres.SESSION_SETTINGS if name != "timezone")
TIMEOUTS: Final = ", ".join(sorted(name for name in postgres.SESSION_SETTINGS if name.endswith("timeout")))

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(
        POOLER is None, reason="there is no pgbouncer on this machine (Debian: apt-get install pgbouncer)"
    ),
]


@asynccontextmanager
async def pooled(dsn: str, settings: str) -> AsyncIterator[str]:
    """The DSN of a pooler in transaction mode before this database, with these settings."""
    server, account, port = urlsplit(dsn), server_account(), free_port()
    home = Path(tempfile.mkdtemp(prefix="paintbox-pooler-"))
    way = f"host={server.hostname} port={server.port} user={server.username} password={server.password}"
    (home / "pooler.ini").write_text(
        f"[databases]\n* = {way}\n[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = transaction\n{settings}\n"
    )
    if account:
        for path in (home, home / "pooler.ini"):
            shutil.chown(path, account.uid, account.gid)
    whom = ["-u", account.name] if account else []
    process = processes.launch(
        [str(POOLER), *whom, str(home / "pooler.ini")], log=home / "log", environment={}, folder=home
    )
    try:
        await until(lambda: _listens(port))
        yield dsn.replace(f"{HOST}:{server.port}", f"{HOST}:{port}")
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(home)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("", "unsupported startup parameter"),
        (f"ignore_startup_parameters = {STARTUP}", f"ignores {TIMEOUTS}: is a pooler dropping start-up settings"),
    ],
    ids=["as it comes", "told to drop our settings"],
)
async def test_f23_a_session_through_a_pooler_is_refused_and_says_why(
    new_database: NewDatabase, settings: str, said: str
) -> None:
    async with pooled(await new_database(None), settings) as dsn, postgres.create_pool(dsn, process="test") as pool:
        with pytest.raises(Exception, match=said) as refused:
            await pool.fetchval("SELECT 1")

    assert verdict(refused.value) is Verdict.TRANSIENT
