"""`paintbox up`, `status`, `down` and `clean` as a person types them, with all that the stack is made of."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from paintbox.environment import parse
from paintbox.stack.parts import PARTS
from support.stacks import CHECKOUT
from support.topics import configure
from synckit.contracts.topics import CUSTOMERS_CHANGES, WEBHOOKS_SALESFORCE

pytestmark = pytest.mark.xdist_group("whole-stack")

PROCESSES = [part.name for part in PARTS if part.is_process]


class CommandLine:
    """The `paintbox` of this interpreter, with a stack's directory and next to nothing of our environment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        passed_on = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ}
        return subprocess.run(
            [Path(sys.executable).with_name("paintbox"), *words],
            env={"PAINTBOX_DIRECTORY": str(self.directory), **passed_on, **environment},
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def report(self, *words: str) -> dict[str, Any]:
        done = self.run(*words, "--json")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def pid(self, part: str) -> int:
        return int((self.directory / "pids" / f"{part}.pid").read_text().splitlines()[0])

    def environment(self, process: str = "") -> dict[str, str]:
        return parse((self.directory / (f"env.d/{process}" if process else "env")).read_text())


@pytest.fixture(scope="module")
def paintbox() -> Iterator[CommandLine]:
    """A stack that is up."""
    folder = Path(tempfile.mkdtemp(prefix="paintbox-up-"))
    folder.chmod(0o755)
    command = CommandLine(folder / "a stack, it's mine")
    try:
        started = command.run("up")
        assert started.returncode == 0, started.stdout + started.stderr
        yield command
    finally:
        command.run("clean")
        shutil.rmtree(folder)


def states(paintbox: CommandLine) -> dict[str, str]:
    return {part["part"]: part["state"] for part in paintbox.report("status")["parts"]}


def test_everything_is_up_and_ready(paintbox: CommandLine) -> None:
    wait_until_well(paintbox)
    status = paintbox.report("status")

    assert {part["part"]: part["state"] for part in status["parts"]} == dict.fromkeys(PROCESSES, "ready")
    assert [topic["exists"] for topic in status["topics"]] == [True] * 9
    assert status["held"]["photos_without_project"] == 0
    assert status["quarantined"] == 0
    assert status["parked"] == {}


def test_a_second_up_changes_nothing(paintbox: CommandLine) -> None:
    before = {name: paintbox.pid(name) for name in PROCESSES}

    again = paintbox.run("up")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "everything was up already, and nothing was changed" in again.stdout
    assert {name: paintbox.pid(name) for name in PROCESSES} == before


def test_a_shell_sources_the_operators_file_and_has_every_name(paintbox: CommandLine) -> None:
    script = f'set -a; . "{paintbox.directory}/env"; set +a; env'

    shell = subprocess.run(["sh", "-euc", script], env={}, capture_output=True, text=True, check=True)

    seen = dict(line.split("=", 1) for line in shell.stdout.splitlines())
    assert paintbox.environment().items() <= seen.items()
    assert len(paintbox.environment()) == 24


def test_every_process_runs_with_its_own_file_and_not_with_our_environment(paintbox: CommandLine) -> None:
    for name in PROCESSES[2:]:
        seen = psutil.Process(paintbox.pid(name)).environ()

        ours = {key: value for key, value in seen.items() if key.startswith("PAINTBOX_")}
        assert ours == paintbox.environment(name)


async def test_customer_sync_cannot_enter_the_projects_database(paintbox: CommandLine) -> None:
    own = paintbox.environment("customer-sync")["PAINTBOX_CUSTOMERS_DSN"]

    connection = await asyncpg.connect(own)
    await connection.close()

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(own.replace("/paintbox_customers?", "/paintbox_projects?"))


def test_topics_are_as_defined_right_after_up(paintbox: CommandLine) -> None:
    applied = paintbox.run("topics", "apply", "--dry-run")

    assert (applied.returncode, applied.stdout) == (0, "every topic is as it is defined\n")


def test_a_killed_process_is_shown_as_crashed_until_up_starts_it_again(paintbox: CommandLine) -> None:
    pid = paintbox.pid("webhook-ingest")
    psutil.Process(pid).kill()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)

    seen = paintbox.run("status")
    expected = {**dict.fromkeys(PROCESSES, "ready"), "webhook-ingest": "crashed"}
    wait_until(lambda: states(paintbox) == expected)
    again = paintbox.report("up")

    assert seen.returncode == 1
    assert f"its log: {paintbox.directory}/logs/webhook-ingest.log" in seen.stdout
    outcomes = {part["part"]: part["outcome"] for part in again["parts"]}
    assert outcomes.pop("webhook-ingest") == "started again"
    assert set(outcomes.values()) == {"up already", "nothing to do"}
    wait_until_well(paintbox)


def test_a_frozen_database_is_told_within_seconds(paintbox: CommandLine) -> None:
    frozen = psutil.Process(paintbox.pid("postgres"))
    frozen.suspend()
    try:
        began = time.monotonic()
        seen = paintbox.run("status")
        took = time.monotonic() - began
    finally:
        frozen.resume()

    assert seen.returncode == 1
    assert "does not answer within 8 s" in seen.stdout
    assert took < 60  # within 15 s where nothing else runs on the machine


async def test_a_topic_that_somebody_changed_is_shown_by_status_and_warned_of_by_up(paintbox: CommandLine) -> None:
    servers = paintbox.environment()["PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"]
    longer, compacted = {"retention.ms": "-1"}, {"cleanup.policy": "delete"}
    await configure(servers, WEBHOOKS_SALESFORCE.name, longer)
    await configure(servers, CUSTOMERS_CHANGES.name, compacted)

    wait_until_well(paintbox)
    status = paintbox.run("status")
    up = paintbox.run("up")
    after = paintbox.report("status")["drift"]
    await configure(servers, WEBHOOKS_SALESFORCE.name, {"retention.ms": WEBHOOKS_SALESFORCE.config["retention.ms"]})

    assert f"{WEBHOOKS_SALESFORCE.name:<34}differs" in status.stdout
    assert "cleanup.policy: delete -> compact" in status.stdout
    assert up.returncode == 0
    assert f"warning: {WEBHOOKS_SALESFORCE.name:<34}is left as it is" in up.stdout
    assert f"warning: {CUSTOMERS_CHANGES.name:<34}was put right" in up.stdout
    assert [(one["topic"], one["setting"]) for one in after] == [(WEBHOOKS_SALESFORCE.name, "retention.ms")]


def test_what_is_there_already_is_asked_for_and_not_tried(paintbox: CommandLine) -> None:
    log = paintbox.directory / "logs" / "postgres.log"
    before = log.read_text().count("already exists")

    up = paintbox.run("up")

    assert up.returncode == 0
    assert log.read_text().count("already exists") == before == 0


def test_no_password_of_a_dsn_is_ever_printed(paintbox: CommandLine) -> None:
    secret = "a-password-that-nobody-may-see"
    dsns = {name: f"postgresql://u:{secret}@127.0.0.1:1/d" for name in paintbox.environment() if name.endswith("_DSN")}

    said = [
        paintbox.run(*words, **dsns, PAINTBOX_DIRECTORY="")
        for words in (("status",), ("status", "--json"), ("migrate",), ("seed",))
    ]

    for done in said:
        assert done.returncode == 1
        assert secret not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_down_stops_everything_up_brings_it_back_and_clean_leaves_nothing(paintbox: CommandLine) -> None:
    owned = [psutil.Process(paintbox.pid(name)) for name in PROCESSES]
    before = paintbox.environment()

    stopped = paintbox.report("down")["stopped"]
    again = paintbox.run("down")
    status = paintbox.run("status")
    began = time.monotonic()
    up = paintbox.run("up")
    took = time.monotonic() - began
    environment = paintbox.environment()
    cleaned = paintbox.run("clean")

    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in owned)
    assert [one["part"] for one in stopped] == PROCESSES[::-1]
    assert not any(one["killed"] or one["had_crashed"] for one in stopped)
    assert (again.returncode, again.stdout) == (0, "nothing runs\n")
    assert (status.returncode, status.stdout) == (1, "the local stack is down: `make up` starts it\n")
    assert up.returncode == 0, up.stdout + up.stderr
    assert took < 60  # 20 s where nothing else runs on the machine
    assert environment == before
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr
    assert not paintbox.directory.exists()


def wait_until_well(paintbox: CommandLine) -> None:
    """A busy machine answers some part too late to count as ready."""
    wait_until(lambda: paintbox.run("status").returncode == 0)


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        os.sched_yield()
