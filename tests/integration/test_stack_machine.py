"""What `paintbox setup` and `up` say of a machine that lacks something."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from paintbox.errors import OperatorError
from paintbox.stack import jars, java
from paintbox.stack.up import LEAST_SPACE, check_space

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One whose jars were never resolved."""
    (tmp_path / "deploy/kafka").mkdir(parents=True)
    (tmp_path / "deploy/kafka/pom.xml").write_text("<project/>")
    return tmp_path


def executable(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_disk_that_is_nearly_full_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, LEAST_SPACE - 1))

    with pytest.raises(OperatorError, match=r"Only 299 MB are free in .*the stack needs 300 MB.*--directory"):
        check_space(tmp_path)


def test_a_disk_with_enough_space_is_nothing_to_speak_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, LEAST_SPACE))

    check_space(tmp_path)


def test_a_missing_maven_is_a_sentence(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "bin", "java", "echo 'openjdk version \"17.0.1\"' >&2")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(OperatorError, match=r"Maven is missing: there is no `mvn` in PATH.*apt-get install maven"):
        jars.resolve(checkout, lambda _: None)


def test_a_java_that_is_missing_where_java_home_says_is_a_sentence(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")

    with pytest.raises(OperatorError, match=r"there is no `java` in JAVA_HOME \(/nowhere\).*JDK 17 or newer"):
        jars.resolve(checkout, lambda _: None)


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense"])
def test_a_java_that_does_not_run_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    broken = executable(tmp_path / "bin", "java", script)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(OperatorError, match=rf"{broken} does not run: install a JDK 17 or newer"):
        java.find_java()


def test_a_maven_that_fails_is_quoted_and_leaves_nothing_half_made(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "bin", "java", "echo 'openjdk version \"17.0.1\"' >&2")
    executable(tmp_path / "bin", "mvn", "echo '[ERROR] Unknown host repo.maven.apache.org'; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(OperatorError, match=r"Unknown host repo\.maven\.apache\.org \(is the network there\?\)"):
        jars.resolve(checkout, lambda _: None)

    assert list((checkout / ".cache/kafka").iterdir()) == []


def test_jars_that_were_never_fetched_are_a_sentence(checkout: Path) -> None:
    with pytest.raises(OperatorError, match="`make setup` resolves them with Maven"):
        jars.require(checkout)
