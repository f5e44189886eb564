"""`paintbox demo` as a person types it, with few records, on a stack that its first run starts."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest

from paintbox.environment import parse
from support.local_stack import LocalStack, paintbox
from support.stacks import CHECKOUT, open_folder
from support.waiting import until

pytestmark = pytest.mark.xdist_group("demo")

FEW: Final = ("--accounts", "4", "--contacts", "24", "--projects", "8", "--photos", "40")
EQUAL: Final = {
    "customers": 24,
    "projects": 8,
    "photos": 40,
    "projects matched": 8,
    "keys, at projects": 8,
    "keys, at customers": 8,
    "project facts, at customers": 8,
    "parked or quarantined": 0,
}
"""What is compared → how many there are; webhook events differ from run to run."""
TOOLS: Final = ("bash", "curl", "openssl")


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """Where the stack will lie; whatever is started there is stopped in the end."""
    with open_folder() as folder:
        try:
            yield folder / "local"
        finally:
            stopped = paintbox("clean", directory=folder / "local")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr


@pytest.fixture(scope="module")
def first_run(directory: Path) -> "subprocess.CompletedProcess[str]":
    """The run that finds no stack."""
    return paintbox("demo", *FEW, "--seed", "11", "--json", directory=directory)


@pytest.fixture
def stack(first_run: "subprocess.CompletedProcess[str]", directory: Path) -> LocalStack:
    """The stack that the first run left up."""
    assert first_run.returncode == 0, first_run.stdout + first_run.stderr
    return LocalStack(directory, parse((directory / "env").read_text()))


@asynccontextmanager
async def session(stack: LocalStack, database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(stack[f"{database}_DSN"])
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def slow_customers(stack: LocalStack) -> AsyncIterator[None]:
    """Batches of customers are some seconds late, one after the other; nobody runs into a time-out."""
    async with session(stack, "CUSTOMERS") as customers:
        await customers.execute(
            """
            CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_catalog.pg_sleep(4);
                RETURN NULL;
            END;
            $$;
            CREATE TRIGGER slow BEFORE INSERT ON customers.salesforce_records
               FOR EACH STATEMENT EXECUTE FUNCTION public.wait();
            """
        )
        yield
        await customers.execute("DROP TRIGGER slow ON customers.salesforce_records; DROP FUNCTION public.wait()")


def compared(document: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    numbers = ("expected", "equal", "different", "missing")
    return {one["what"]: tuple(one[number] for number in numbers) for one in document["compared"]}


def in_a_shell(lines: str) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-euc", lines]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)


def test_from_nothing_a_run_ends_with_everything_equal(first_run: "subprocess.CompletedProcess[str]") -> None:
    assert first_run.returncode == 0, first_run.stdout + first_run.stderr

    document = json.loads(first_run.stdout)

    found = compared(document)
    events = found.pop("webhook events, done with")
    assert (document["ok"], document["seed"], document["differences"]) == (True, 11, [])
    assert document["made"] == {"accounts": 4, "contacts": 24, "projects": 8, "photos": 40}
    assert (document["counts"]["rows"], document["counts"]["keys_applied"]) == (72, 8)
    assert document["counts"]["answered"] == document["counts"]["deliveries"] > events[0] > 100
    assert found == {what: (count, count, 0, 0) for what, count in EQUAL.items()}
    assert events[1:] == (events[0], 0, 0)
    assert [one["what"] for one in document["examples"]] == ["customer", "project", "photo"]
    assert all(0 < one["p50"] <= one["p99"] for one in document["latencies"])
    measured = {one["what"]: one["count"] for one in document["latencies"]}
    assert measured.keys() == {"webhook to merged or held", "webhook to row", "webhook to applied key"}
    assert measured["webhook to row"] >= document["counts"]["rows"]
    assert measured["webhook to applied key"] >= document["counts"]["keys_applied"]


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"the lines are for a machine with {', '.join(TOOLS)}")
async def test_a_second_run_is_equal_too_and_a_shell_takes_the_lines_that_it_prints(stack: LocalStack) -> None:
    async with httpx.AsyncClient() as http:
        await http.put(f"{stack['SALESFORCE_URL']}/_simulator/clock", json={"shift_seconds": -7200})
        nobody = {"url": "http://127.0.0.1:1/hook", "scopes": ["*"], "token": "whsec"}  # what waits for it is not ours
        await http.post(f"{stack['COMPANYCAM_URL']}/_simulator/subscriptions", json=nobody)
    done = paintbox("demo", *FEW, directory=stack.directory)
    async with httpx.AsyncClient() as http:
        clock = (await http.get(f"{stack['SALESFORCE_URL']}/_simulator/clock")).json()
    lines, _, stopping = done.stdout.partition("# the names that")[2].partition("# what runs")
    shell = in_a_shell(f"#{lines}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything is equal" in done.stdout
    assert "the clock of the simulator salesforce was -7,200 s from real time: it is set right" in done.stdout
    assert clock["shift_seconds"] == 0
    assert f"paintbox down --directory {stack.directory}" in stopping
    assert shell.returncode == 0, shell.stdout + shell.stderr
    assert '{"accepted":1,"quarantined":0}' in shell.stdout
    async with session(stack, "PROJECTS") as projects:
        assert await until(
            lambda: projects.fetchval("SELECT name FROM projects.projects WHERE notes = 'Written by hand.'")
        )
    async with session(stack, "CUSTOMERS") as customers:
        assert await until(
            lambda: customers.fetchval("SELECT id FROM customers.customers WHERE last_name = 'Lovelace'")
        )


async def test_customers_of_an_interrupted_run_that_still_come_in_are_not_taken_for_its_own(
    stack: LocalStack, tmp_path: Path
) -> None:
    """The same seed gives the same telephone numbers, unless they are known to be taken."""
    output = tmp_path / "said"
    command = [sys.executable, "-m", "paintbox", "demo", *FEW, "--seed", "17", "--directory", f"{stack.directory}"]
    logged = "SELECT count(*) FROM integrations.webhook_events WHERE service = 'SALESFORCE'"
    looked = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'paintbox demo' AND query LIKE '%projects.%'"
    )
    async with session(stack, "INTEGRATIONS") as integrations:
        enough = await integrations.fetchval(logged) + 28  # the accounts and the contacts
        async with slow_customers(stack):
            interrupted = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL)  # noqa: ASYNC220
            await until(lambda: integrations.fetchval(f"SELECT ({logged}) >= {enough}"), 60)
            interrupted.send_signal(signal.SIGINT)
            interrupted.wait(60)
            with output.open("wb") as said:
                following = subprocess.Popen(command, cwd=CHECKOUT, stdout=said, stderr=said)  # noqa: ASYNC220
            with suppress(TimeoutError):  # on a slow machine they are in before it looks
                await until(lambda: integrations.fetchval(looked))
    following.wait(120)

    assert following.returncode == 0, output.read_text()


async def test_a_column_that_is_not_as_the_vendor_has_it_is_named_and_fails_the_run(stack: LocalStack) -> None:
    async with session(stack, "PROJECTS") as projects:
        await projects.execute(
            """
            CREATE FUNCTION public.elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                NEW.service_city := 'Elsewhere';
                RETURN NEW;
            END;
            $$;
            CREATE TRIGGER elsewhere BEFORE INSERT OR UPDATE ON projects.projects
               FOR EACH ROW WHEN (NEW.company_cam_id LIKE '%000003') EXECUTE FUNCTION public.elsewhere();
            """
        )
        done = paintbox("demo", *FEW, "--json", directory=stack.directory)
        await projects.execute("DROP TRIGGER elsewhere ON projects.projects; DROP FUNCTION public.elsewhere()")

    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    (difference,) = document["differences"]
    assert (difference["what"], difference["column"], difference["found"]) == ("projects", "service_city", "Elsewhere")
    assert difference["record"].endswith("000003")
    assert {what for what, numbers in compared(document).items() if numbers[2:] != (0, 0)} == {"projects"}


async def test_a_run_that_does_not_end_in_time_says_what_is_missing_and_leaves_no_faults(stack: LocalStack) -> None:
    async with session(stack, "PROJECTS") as projects, projects.transaction():
        await projects.execute("LOCK TABLE projects.project_photos IN SHARE MODE")
        done = paintbox("demo", *FEW, "--timeout", "5", "--json", directory=stack.directory)

    async with httpx.AsyncClient() as http:
        faults = (await http.get(f"{stack['COMPANYCAM_URL']}/_simulator/faults")).json()
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: The run did not end within 5 s: " in done.stderr
    assert f"{stack.directory}/logs/photo-sync.log" in done.stderr
    assert (faults["duplicate"], faults["reorder"]) == (0, 0)
