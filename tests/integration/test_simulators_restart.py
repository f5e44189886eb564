import asyncio
import signal
import stat
import sys
from pathlib import Path

import httpx
import pytest

from simulators.__main__ import VENDORS
from simulators.storage import UnusableFileError, open_file
from support.simulators import Json, Subscriber, accept, ended, free_port, process_of, refuse, simulating, subscribing


async def subscribed(client: httpx.AsyncClient, subscriber: Subscriber) -> None:
    content = {"url": subscriber.url, "scopes": ["*"], "token": "t"}
    await client.post("/_simulator/subscriptions", json=content)


async def state_of(client: httpx.AsyncClient) -> list[Json]:
    """What a restart must not change; errors are left out, since they count on meanwhile."""
    paths = ("records/projects", "subscriptions", "faults", "calls")
    found = [(await client.get(f"/_simulator/{path}")).json() for path in paths]
    for subscription in found[1]["subscriptions"]:
        del subscription["errors"]
    return found


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_forgets_nothing_and_goes_on_with_what_waits(tmp_path: Path, end: signal.Signals) -> None:
    port = free_port()
    async with subscribing() as subscriber, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        subscriber.answer = refuse
        async with process_of("companycam", tmp_path, port) as process:
            await subscribed(client, subscriber)
            await client.put("/_simulator/clock", json={"shift_seconds": 3600})
            await client.put("/_simulator/faults", json={"seed": 7})
            await client.get("/v2/webhooks")
            project = (await client.post("/_simulator/records/projects", json={"name": "House"})).json()
            await subscriber.has(1)
            before = await state_of(client)
            process.send_signal(end)
            await process.wait()
        subscriber.answer = accept

        async with process_of("companycam", tmp_path, port):
            (delivery,) = await ended(client, count=1)
            told = [each.body for each in subscriber.received]
            after = await state_of(client)
            clock = (await client.get("/_simulator/clock")).json()
            again = (await client.post("/_simulator/records/projects", json={"name": "Barn"})).json()

    assert delivery["state"] == "delivered"
    assert len(told) >= 2
    assert set(told) == {delivery["body"].encode()}
    assert after == before
    assert clock["shift_seconds"] == 3600
    assert again["id"] != project["id"]


async def test_what_was_under_way_when_it_was_killed_is_sent_again(tmp_path: Path) -> None:
    port = free_port()
    never = asyncio.Event()

    async def hang(_: object) -> tuple[int, bytes]:
        await never.wait()
        return 200, b""

    async with subscribing() as subscriber, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        subscriber.answer = hang
        async with process_of("companycam", tmp_path, port) as process:
            await subscribed(client, subscriber)
            await client.post("/_simulator/records/projects", json={"name": "House"})
            await subscriber.has(1)
            process.kill()
            await process.wait()
        subscriber.answer = accept
        never.set()

        async with process_of("companycam", tmp_path, port):
            (delivery,) = await ended(client, count=1)

    assert delivery["state"] == "delivered"
    assert len({each.body for each in subscriber.received}) == 1
    assert len(subscriber.received) == 2


async def test_sigterm_ends_it_with_exit_code_0(tmp_path: Path) -> None:
    async with process_of("salesforce", tmp_path, free_port()) as process:
        process.terminate()

        assert await process.wait() == 0


async def test_two_simulators_on_one_file_are_refused(tmp_path: Path) -> None:
    async with simulating("salesforce", tmp_path):
        with pytest.raises(UnusableFileError, match="another simulator"):
            open_file(tmp_path / "salesforce.sqlite3", lock_seconds=0.1)


def test_a_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "salesforce.sqlite3"
    connection = open_file(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(UnusableFileError, match="another version"):
        open_file(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "salesforce.sqlite3"
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)

    with pytest.raises(UnusableFileError, match="cannot be used"):
        open_file(path)


def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "companycam.sqlite3"

    open_file(path, VENDORS["companycam"][0].schema).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_wrong_setting_is_named_and_ends_the_start() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "salesforce", env={}, stderr=asyncio.subprocess.PIPE
    )

    _, said = await process.communicate()

    assert process.returncode == 2
    assert b"PAINTBOX_SIMULATOR_DIRECTORY" in said
