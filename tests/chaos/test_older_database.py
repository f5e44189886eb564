"""PostgreSQL older than Kafka's offsets: restored, or the standby that was behind. The topics fill the gap."""

import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import psutil
import pytest

from paintbox.stack import kept, postgres
from paintbox.stack.account import server_account
from paintbox.stack.environments import dsn
from support.outages import Servers, a_delivery, push
from support.programs import Running
from support.standbys import Cluster, standby
from support.topics import lag, set_back
from support.waiting import until, until_true
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM
from synckit.identity import event_id

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("servers")]

NUMBERS: Final = count(5_000_000)
GROUP: Final = "webhook-log"


@pytest.fixture
def cluster(servers: Servers) -> Iterator[Cluster]:
    values, account = kept.read(servers.places.kept), server_account()
    home = Path(values.postgres_home) if values.postgres_home else servers.places.postgres
    programs = postgres.find_installation(values.postgres_programs, account=account, copies=home).programs
    if not (programs / "pg_basebackup").exists():
        pytest.skip("this PostgreSQL has no pg_basebackup")
    found = Cluster(home / "data", programs, account, dsn(values, postgres.SUPERUSER, "postgres"))
    yield found
    shutil.rmtree(found.copy, ignore_errors=True)


@pytest.fixture
def door(servers: Servers) -> Iterator[Running]:
    with servers.door() as process:
        yield process


async def deliver(servers: Servers, http: httpx.AsyncClient, door: Running) -> list[bytes]:
    """Deliveries that were answered 200."""
    bodies = [a_delivery(next(NUMBERS)) for _ in range(20)]
    answers = [await push(http, door.url, servers.token, body) for body in bodies]
    assert {answer.status_code for answer in answers} == {200}
    return bodies


async def are_logged(servers: Servers, bodies: list[bytes]) -> None:
    """Waits until these are logged, with their offsets committed."""

    async def all_are_logged() -> bool:
        return await logged(servers, bodies) == len(bodies) and await is_at_the_end(servers)

    await until(all_are_logged, 60)


async def deliver_before(servers: Servers, http: httpx.AsyncClient, door: Running) -> tuple[list[bytes], list[bytes]]:
    """Deliveries that are logged, and some that wait, since nobody consumes any more."""
    before = await deliver(servers, http, door)
    await are_logged(servers, before)
    await stop_log(servers)
    return before, await deliver(servers, http, door)


async def deliver_since(servers: Servers, http: httpx.AsyncClient, door: Running, waiting: list[bytes]) -> list[bytes]:
    """What waited and what comes now are logged; all of that."""
    await servers.bring_back()
    since = waiting + await deliver(servers, http, door)
    await are_logged(servers, since)
    return since


async def stop_log(servers: Servers) -> None:
    log = servers.process(GROUP)
    log.terminate()
    await until_true(lambda: not log.is_running() or log.status() == psutil.STATUS_ZOMBIE)


async def is_at_the_end(servers: Servers) -> bool:
    return await lag(servers.environment["PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"], GROUP, WEBHOOKS_COMPANYCAM.name) == 0


async def logged(servers: Servers, bodies: list[bytes]) -> int:
    ids = [event_id("companycam", "145041", sha256(body).hexdigest()) for body in bodies]
    rows = await servers.rows("SELECT id FROM integrations.webhook_events WHERE id = ANY($1::uuid[])", ids)
    assert len(rows) == len({row["id"] for row in rows})
    return len(rows)


async def die(servers: Servers) -> None:
    """PostgreSQL and whoever consumes end at once."""
    await stop_log(servers)
    server = servers.process("postgres")
    for process in (server, *server.children(recursive=True)):
        process.kill()
    await until_true(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)


async def fills_the_gap(servers: Servers, before: list[bytes], since: list[bytes]) -> None:
    """What was logged since is missing, with no lag to show it, until the offsets are set to the beginning."""
    await servers.bring_back()
    await until(lambda: is_at_the_end(servers), 60)
    assert (await logged(servers, before), await logged(servers, since)) == (len(before), 0)

    await stop_log(servers)
    kafka = servers.environment["PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"]
    await until(lambda: set_back(kafka, GROUP, WEBHOOKS_COMPANYCAM.name), 60)
    await servers.bring_back()

    await until(lambda: is_at_the_end(servers), 60)
    assert (await logged(servers, before), await logged(servers, since)) == (len(before), len(since))


async def test_f28_after_a_restore_setting_the_offsets_back_applies_what_came_since_once(
    servers: Servers, cluster: Cluster, http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    before, waiting = await deliver_before(servers, http, door)
    cluster.run("pg_basebackup", "-D", str(cluster.copy), "-d", cluster.dsn, "--checkpoint=fast")
    since = await deliver_since(servers, http, door, waiting)

    await die(servers)
    cluster.take_the_place()

    await fills_the_gap(servers, before, since)


@asynccontextmanager
async def behind(servers: Servers, data: Path) -> AsyncIterator[None]:
    """Once the standby has all, it receives nothing more; whatever receives for it is dead at the end."""
    async with servers.superuser() as admin:
        await until(lambda: _has_all(admin), 60)
    server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    (receiver,) = [child for child in server.children() if "walreceiver" in " ".join(child.cmdline())]
    receiver.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        receiver.kill()


async def _has_all(admin: "asyncpg.Connection[asyncpg.Record]") -> bool:
    query = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"
    return bool(await admin.fetchval(query))


async def test_f14_after_a_failover_to_a_standby_that_was_behind_the_topics_fill_the_gap(
    servers: Servers, cluster: Cluster, http: httpx.AsyncClient, door: Running
) -> None:
    await door.is_ready()
    with standby(cluster) as data:
        before, waiting = await deliver_before(servers, http, door)
        async with behind(servers, data):
            since = await deliver_since(servers, http, door, waiting)
            await die(servers)
        cluster.run("pg_ctl", "promote", "--wait", "-D", str(data))
    cluster.take_the_place()

    await fills_the_gap(servers, before, since)
