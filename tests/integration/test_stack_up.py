"""`paintbox up`, `down` and `clean` of small stacks: what is told, what is left alone, what is started again."""

import socket
import threading
from pathlib import Path

import psutil
import pytest

from paintbox.errors import OperatorError
from paintbox.stack import environments, kept, places, processes, services, stacks
from paintbox.stack.code import digest
from paintbox.stack.layout import Layout, replicas
from paintbox.stack.parts import Part, parts_of
from paintbox.stack.places import Places
from paintbox.stack.programs import Outcome
from support.stacks import a_program_part, clean, cleaned, down, parts_named, places_in, up, up_as

SLEEP = "import time; time.sleep(600)"
CRASH = "import sys; print('first line', flush=True); sys.exit('the reason')"


@pytest.fixture
def where(tmp_path: Path) -> Places:
    return places_in(tmp_path / "stack")


async def never() -> str | None:
    return "not ready yet"


def pids(where: Places) -> dict[str, int]:
    return {name: record.pid for name, record in processes.read_records(where.pids).items()}


def test_a_second_up_changes_nothing_and_says_so(where: Places) -> None:
    parts = [a_program_part("a", SLEEP), a_program_part("b", SLEEP, needs=["a"])]
    with cleaned(where, parts):
        first, _ = up(where, parts)
        before = pids(where)

        second, said = up(where, parts)

        assert [result.outcome for result in first] == [Outcome.STARTED, Outcome.STARTED]
        assert [result.outcome for result in second] == [Outcome.RUNS, Outcome.RUNS]
        assert pids(where) == before
        assert "everything was up already, and nothing was changed" in said


def test_a_part_that_crashes_at_once_is_named_with_its_last_lines_and_the_rest_runs_on(where: Places) -> None:
    parts = [a_program_part("a", SLEEP), a_program_part("b", CRASH, never), a_program_part("c", SLEEP, needs=["b"])]
    with cleaned(where, parts):
        results, said = up(where, parts)

        assert [result.is_up for result in results] == [True, False, False]
        assert str(results[1].error) == "b ended with exit code 1"
        assert results[2].waits_for == "b"
        assert "  | first line\n  | the reason\n" in said
        assert f"its log: {where.log('b')}" in said
        assert psutil.pid_exists(pids(where)["a"])


def test_a_killed_part_is_started_again_and_the_others_are_left_alone(where: Places) -> None:
    parts = [a_program_part("a", SLEEP), a_program_part("b", SLEEP)]
    with cleaned(where, parts):
        up(where, parts)
        before = pids(where)
        processes.kill([psutil.Process(before["a"])])

        results, _ = up(where, parts)

        assert [result.outcome for result in results] == [Outcome.RESTARTED, Outcome.RUNS]
        assert pids(where)["a"] != before["a"]
        assert pids(where)["b"] == before["b"]


def test_a_part_whose_settings_changed_is_started_again(where: Places) -> None:
    with cleaned(where, []):
        up(where, [a_program_part("a", SLEEP)])
        before = pids(where)

        results, _ = up(where, [a_program_part("a", f"{SLEEP} # changed")])

        assert [result.outcome for result in results] == [Outcome.RESTARTED]
        assert not psutil.pid_exists(before["a"])


def test_a_part_whose_code_was_edited_is_started_again_and_up_says_why(where: Places) -> None:
    other = a_program_part("b", SLEEP, code="as ever")
    with cleaned(where, []):
        up(where, [a_program_part("a", SLEEP, code="yesterday's"), other])
        before = pids(where)

        results, said = up(where, [a_program_part("a", SLEEP, code="today's"), other])

        assert [result.outcome for result in results] == [Outcome.RENEWED, Outcome.RUNS]
        assert f"{'a':<18}started, new code" in said
        assert not psutil.pid_exists(before["a"])
        assert pids(where)["b"] == before["b"]


def test_every_process_of_ours_is_known_by_its_code(where: Places) -> None:
    places.make(where)
    with cleaned(where, []):
        stack = stacks.open_stack(where, {}, lambda _: None, Layout(edge=True, proxies=True))
        environments.write(stack.places, stack.kept, services.settings(stack))

        programs = {part.name: part.program(stack) for part in parts_of(stack.kept.layout) if part.program}

        assert {name for name, program in programs.items() if not program.code} == {"postgres", "kafka"}
        assert programs["customer-sync"].code == digest("customer_sync", "synckit")


def test_a_digest_changes_with_whatever_is_edited_added_or_removed_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "edited_package"
    (package / "migrations").mkdir(parents=True)
    (package / "__init__.py").write_text("ONE = 1")
    monkeypatch.syspath_prepend(tmp_path)
    seen = [digest("edited_package")]

    (package / "__init__.py").write_text("ONE = 2")
    seen.append(digest("edited_package"))
    (package / "migrations" / "0001_first.sql").write_text("SELECT 1")
    seen.append(digest("edited_package"))
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "one.pyc").write_bytes(b"whatever")
    (package / "__init__.py").touch()

    assert len(set(seen)) == 3
    assert digest("edited_package") == seen[-1]


def test_replicas_stay_as_many_as_last_said_and_those_above_the_number_are_stopped(where: Places) -> None:
    def parts_of(layout: Layout) -> list[Part]:
        return [a_program_part(name, SLEEP) for name in replicas("a", layout)]

    with cleaned(where, []):
        up_as(where, parts_of, 3)
        three = pids(where)

        same, _ = up_as(where, parts_of)
        fewer, said = up_as(where, parts_of, 2)

        assert three.keys() == {"a", "a-2", "a-3"}
        assert [result.outcome for result in same] == [Outcome.RUNS] * 3
        assert [result.outcome for result in fewer] == [Outcome.RUNS] * 2
        assert said.split()[:2] == ["a-3", "stopped"]
        assert pids(where) == {name: pid for name, pid in three.items() if name != "a-3"}


def test_down_stops_the_newest_first_and_a_second_down_finds_nothing(where: Places) -> None:
    parts = [a_program_part(name, SLEEP) for name in ("a", "b", "c")]
    with cleaned(where, parts):
        up(where, parts)

        first, second = down(where, parts), down(where, parts)

        assert [line.split()[:2] for line in first.splitlines()] == [[name, "stopped"] for name in ("c", "b", "a")]
        assert second == "nothing runs\n"


def test_down_before_any_up_finds_nothing_and_makes_nothing(where: Places) -> None:
    assert down(where, []) == "nothing runs\n"
    assert not where.directory.exists()


def test_clean_removes_what_the_stack_made_and_leaves_what_others_put_there(where: Places) -> None:
    parts = [a_program_part("a", SLEEP)]
    up(where, parts)
    (where.directory / "mine").write_text("kept")

    said = clean(where, parts)

    assert [path.name for path in where.directory.iterdir()] == ["mine"]
    assert "but for what is not the stack's: mine" in said


def test_up_refuses_a_directory_with_other_things_in_it_and_clean_leaves_it_alone(where: Places) -> None:
    (where.directory / "logs").mkdir(parents=True)
    (where.directory / "logs" / "mine").write_text("kept")

    with pytest.raises(OperatorError, match="is not empty and no stack's directory"):
        up(where, [])
    said = clean(where, [])

    assert said == "nothing runs\n"
    assert [path.name for path in where.directory.iterdir()] == ["logs"]
    assert [path.name for path in (where.directory / "logs").iterdir()] == ["mine"]


def test_processes_that_a_removed_directory_left_are_stopped_by_the_next_up(where: Places) -> None:
    parts = [a_program_part("a", SLEEP)]
    with cleaned(where, parts):
        up(where, parts)
        [lost] = pids(where).values()
        for path in sorted(where.directory.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()

        results, said = up(where, parts)

        assert not psutil.pid_exists(lost)
        assert [result.outcome for result in results] == [Outcome.STARTED]
        assert said.splitlines()[0].split()[:2] == ["a", "stopped"]


def test_a_second_command_waits_for_the_first_and_says_so(where: Places) -> None:
    told: list[str] = []
    places.make(where)
    waiting = threading.Event()
    finished = threading.Event()

    def second() -> None:
        def on_wait() -> None:
            told.append("waits")
            waiting.set()

        with places.locked(where, on_wait):
            told.append("has it")
        finished.set()

    with places.locked(where, lambda: None):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert told == ["waits"]
    assert finished.wait(10)
    thread.join()

    assert told == ["waits", "has it"]


def test_ports_are_kept_and_one_that_somebody_took_moves_and_says_whose_it_is(where: Places) -> None:
    with cleaned(where, []):
        up(where, [])
        before = kept.read(where.kept).ports
        with socket.create_server(("127.0.0.1", before["customer-sync"])):
            _, said = up(where, [])
        after = kept.read(where.kept).ports

        assert {name for name in before if before[name] != after[name]} == {"customer-sync"}
        assert f"port {before['customer-sync']} of customer-sync is taken by" in said
        assert f"(pid {psutil.Process().pid})" in said
        assert f"http://127.0.0.1:{after['customer-sync']}" in where.environment.read_text()


def test_secrets_are_chosen_once_and_nobody_else_can_read_them(where: Places) -> None:
    with cleaned(where, []):
        up(where, [])
        first = where.environment.read_text()
        up(where, [])

        assert where.environment.read_text() == first
        for path in (where.kept, where.environment, *where.environments.iterdir()):
            assert path.stat().st_mode & 0o777 == 0o600
        assert where.logs.stat().st_mode & 0o777 == 0o700


def test_a_missing_java_is_a_sentence_and_stops_nothing_else(where: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    parts = [*parts_named("kafka"), a_program_part("a", SLEEP)]
    with cleaned(where, parts):
        results, said = up(where, parts)

        assert [result.is_up for result in results] == [False, True]
        assert "Java is missing: there is no `java` in PATH." in said


def test_a_java_that_is_too_old_is_a_sentence(where: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    parts = parts_named("kafka")
    with cleaned(where, parts):
        _, said = up(where, parts)

        assert f"{java} is Java 11, and Kafka needs 17 or newer" in said
