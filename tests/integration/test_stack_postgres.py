"""The stack's PostgreSQL: whose it is, whom it lets in, and what it makes of what a crash left behind."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from paintbox.errors import OperatorError
from paintbox.stack import kept, postgres, processes
from paintbox.stack.account import server_account
from paintbox.stack.places import Places
from paintbox.stack.programs import Outcome
from paintbox.stack.stacks import homes_elsewhere
from support.stacks import CHECKOUT, clean, cleaned, down, parts_named, places_in, up

pytestmark = pytest.mark.database

PARTS = parts_named("postgres")
NAMED = {"PAINTBOX_LOCAL_POSTGRES_BIN": os.environ.get("PAINTBOX_LOCAL_POSTGRES_BIN", "")}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine may pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="paintbox-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def where(open_folder: Path) -> Iterator[Places]:
    where = places_in(open_folder / "stack")
    with cleaned(where, PARTS):
        yield where


def dsn(where: Places, password: str | None = None) -> str:
    stack = kept.read(where.kept)
    return postgres.dsn(stack.ports["postgres"], "postgres", password or stack.secrets["postgres"], "postgres")


def postmaster(where: Places) -> psutil.Process:
    return psutil.Process(processes.read_records(where.pids)["postgres"].pid)


def data(where: Places) -> Path:
    return Path(kept.read(where.kept).postgres_home or where.postgres) / "data"


async def test_it_asks_everybody_for_a_password_and_listens_on_loopback_only(where: Places) -> None:
    await asyncio.to_thread(up, where, PARTS, **NAMED)

    connection = await asyncpg.connect(dsn(where))
    settings = {
        name: await connection.fetchval("SELECT current_setting($1)", name)
        for name in ("listen_addresses", "unix_socket_directories", "fsync", "server_encoding", "log_error_verbosity")
    }
    methods = await connection.fetch("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
    await connection.close()

    assert settings == {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "on",
        "server_encoding": "UTF8",
        "log_error_verbosity": "terse",
    }
    assert [row["auth_method"] for row in methods] == ["scram-sha-256"]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(dsn(where, password="another"))


def test_the_data_outlives_down_and_a_second_up_starts_it_anew(where: Places) -> None:
    up(where, PARTS, **NAMED)
    down(where, PARTS)
    made = (data(where) / "PG_VERSION").stat().st_ino

    results, _ = up(where, PARTS, **NAMED)

    assert [result.outcome for result in results] == [Outcome.STARTED]
    assert (data(where) / "PG_VERSION").stat().st_ino == made


@as_root
def test_root_runs_it_under_another_user_in_the_stacks_own_folder(where: Places) -> None:
    account = server_account()

    up(where, PARTS, **NAMED)

    assert account is not None
    assert postmaster(where).uids().real == account.uid
    assert data(where).parent == where.postgres
    assert data(where).stat().st_uid == account.uid
    assert where.directory.stat().st_uid == 0
    assert homes_elsewhere(where) == []


@as_root
def test_where_that_user_cannot_pass_the_data_lies_elsewhere_and_no_folder_is_opened(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    where = places_in(closed / "stack")

    with cleaned(where, PARTS):
        results, said = up(where, PARTS, **NAMED)

        assert [result.outcome for result in results] == [Outcome.STARTED], said
        assert [data(where).parent] == homes_elsewhere(where)
        assert data(where).parent.stat().st_mode & 0o777 == 0o700
        assert closed.stat().st_mode & 0o777 == 0o700
        clean(where, PARTS)
        assert homes_elsewhere(where) == []


@as_root
def test_programs_that_the_user_cannot_reach_are_copied_to_where_he_can(open_folder: Path) -> None:
    account = server_account()
    packaged = postgres.packaged_programs()
    assert account is not None
    assert packaged is not None
    closed, copies = open_folder / "closed", open_folder / "copies"
    closed.mkdir(mode=0o700)
    copies.mkdir()
    shutil.copytree(packaged.parent, closed / "pginstall")

    first, second = (postgres.copied(closed / "pginstall" / "bin", copies) for _ in range(2))

    assert first == second
    assert postgres.can_run(first, account)
    assert not postgres.can_run(closed / "pginstall" / "bin", account)


def test_a_lock_file_whose_number_is_a_strangers_does_not_block_the_start(where: Places) -> None:
    up(where, PARTS, **NAMED)
    lines = (data(where) / "postmaster.pid").read_text().splitlines()
    down(where, PARTS)
    (data(where) / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    (data(where) / "postmaster.pid").chmod(0o666)

    results, said = up(where, PARTS, **NAMED)

    assert [result.is_up for result in results] == [True], said


@pytest.mark.parametrize("with_children", [True, False])
def test_it_comes_up_after_a_kill_whether_or_not_its_children_live_on(where: Places, with_children: bool) -> None:
    up(where, PARTS, **NAMED)
    server = postmaster(where)
    children = server.children(recursive=True)
    for child in children:
        child.send_signal(signal.SIGSTOP)  # else they notice, and end by themselves
    processes.kill([server, *(children if with_children else [])])

    results, said = up(where, PARTS, **NAMED)

    assert [result.outcome for result in results] == [Outcome.RESTARTED], said
    assert not any(processes.lives(child) for child in children)


def test_data_of_another_release_is_a_sentence_that_says_what_to_do(where: Places) -> None:
    up(where, PARTS, **NAMED)
    down(where, PARTS)
    version = data(where) / "PG_VERSION"
    version.write_text("12\n")

    _, said = up(where, PARTS, **NAMED)

    assert f"The data in {data(where)} was made by PostgreSQL 12, and the programs in " in said
    assert "or remove the data with `make clean`" in said


def test_data_that_was_half_made_is_made_anew(where: Places) -> None:
    up(where, PARTS, **NAMED)
    down(where, PARTS)
    data(where).rename(data(where).with_name("data.new"))
    (data(where).with_name("data.new") / "PG_VERSION").unlink()

    results, said = up(where, PARTS, **NAMED)

    assert [result.is_up for result in results] == [True], said
    assert not data(where).with_name("data.new").exists()


def test_a_lost_password_is_a_sentence_that_says_what_to_do(where: Places) -> None:
    up(where, PARTS, **NAMED)
    down(where, PARTS)
    where.kept.write_text("{}")

    _, said = up(where, PARTS, **NAMED)

    assert "refuses the password that is kept" in said
    assert "`make clean` removes the data" in said


def test_named_programs_that_are_not_there_are_a_sentence(where: Places) -> None:
    _, said = up(where, PARTS, PAINTBOX_LOCAL_POSTGRES_BIN="/nowhere")

    assert "PAINTBOX_LOCAL_POSTGRES_BIN names /nowhere, where there is no initdb and postgres." in said


def test_programs_that_are_too_old_are_a_sentence(tmp_path: Path) -> None:
    for name, says in {"initdb": "", "postgres": "postgres (PostgreSQL) 14.9", "pg_config": str(tmp_path)}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "postgres.bki").touch()

    with pytest.raises(OperatorError, match=r"PostgreSQL 14 in .* is too old: 15 is the oldest"):
        postgres.find_installation(str(tmp_path))


@as_root
def test_a_user_that_is_not_root_runs_all_of_it_as_himself(open_folder: Path) -> None:
    where = places_in(open_folder / "stack")
    home = open_folder / "home"
    home.mkdir()
    script = Path(CHECKOUT, "tests/support/unprivileged.py")

    done = subprocess.run(
        [sys.executable, "-P", str(script), str(where.directory)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT / "tests"), "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["owner"] == "nobody"
    assert said["outcomes"][0] == ["started", "done"]
    assert said["outcomes"][1] == ["up already", "nothing to do"]
