"""Kafka's jars, resolved once by Maven from deploy/kafka/pom.xml into `.cache`."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from paintbox.errors import OperatorError
from paintbox.stack.java import find_java


def pom(checkout: Path) -> Path:
    """What says which jars."""
    return checkout / "deploy/kafka/pom.xml"


def libraries(checkout: Path) -> Path:
    """Where the jars of this very pom lie, or will: another pom has another folder."""
    name = hashlib.sha256(pom(checkout).read_bytes()).hexdigest()[:16]
    return checkout / ".cache/kafka" / name / "libs"


def require(checkout: Path) -> Path:
    """The folder of the jars. Raises OperatorError where they were not resolved yet."""
    folder = libraries(checkout)
    if not folder.exists():
        raise OperatorError("Kafka's jars are missing: `make setup` resolves them with Maven.")
    return folder


def resolve(checkout: Path, say: Callable[[str], None]) -> bool:
    """Has Maven fetch the jars where they are missing; whether it had to. All of them appear at once, or none.

    Raises OperatorError where Maven or a Java for it is missing, or Maven fails.
    """
    folder = libraries(checkout)
    if folder.exists():
        return False
    find_java()
    maven = shutil.which("mvn")
    if maven is None:
        raise OperatorError(
            "Maven is missing: there is no `mvn` in PATH, and it fetches Kafka's jars (Debian: apt-get install maven)."
        )
    say("fetching Kafka's jars with Maven (54 MB, once)")
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent.parent, prefix=".unfinished-"))
    try:
        _copy_dependencies(maven, checkout, unfinished / "libs")
        _publish(unfinished, folder.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return True


def _publish(unfinished: Path, folder: Path) -> None:
    unfinished.chmod(0o755)
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.exists():  # else another `setup` was faster, and its jars are the same
            raise


def _copy_dependencies(maven: str, checkout: Path, folder: Path) -> None:
    answer = subprocess.run(
        [
            *(maven, "--quiet", "--batch-mode", "--strict-checksums", "--file", str(pom(checkout))),
            *_repository(checkout),
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={folder}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if answer.returncode != 0 or not any(folder.glob("kafka_*.jar")):
        raise OperatorError(f"Maven could not fetch Kafka's jars: {_first_error(answer.stdout)}")


def _repository(checkout: Path) -> list[str]:
    """Maven keeps what it fetched in the home folder; an account without one keeps it in `.cache`."""
    home = Path.home()
    if os.access(home / ".m2" if (home / ".m2").exists() else home, os.W_OK):
        return []
    return [f"-Dmaven.repo.local={checkout / '.cache/maven'}"]


def _first_error(output: str) -> str:
    if "No space left on device" in output:
        return "no space is left on the device. Free some, and run `make setup` again."
    lines = [line.removeprefix("[ERROR]").strip() for line in output.splitlines() if line.startswith("[ERROR]")]
    return f"{next((line for line in lines if line), 'it says nothing')} (is the network there?)"
