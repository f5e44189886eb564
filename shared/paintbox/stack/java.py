"""Which Java runs Kafka."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from paintbox.errors import OperatorError

OLDEST: Final = 17


def find_java() -> Path:
    """The `java` of JAVA_HOME, else of PATH. Raises OperatorError where there is none, or it is older than 17."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")
    if found is None:
        where = f"in JAVA_HOME ({home})" if home else "in PATH"
        raise OperatorError(
            f"Java is missing: there is no `java` {where}. Kafka needs a JDK {OLDEST} or newer "
            "(Debian: apt-get install openjdk-17-jdk-headless)."
        )
    version = _major(found)
    if version < OLDEST:
        raise OperatorError(
            f"{found} is Java {version}, and Kafka needs {OLDEST} or newer: install one, or set JAVA_HOME to it."
        )
    return Path(found)


def _major(java: str) -> int:
    """17 of `openjdk version "17.0.15"`, 8 of `java version "1.8.0_392"`."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperatorError(
            f"{java} does not run ({type(error).__name__}): install a JDK {OLDEST} or newer."
        ) from error
    version = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    if answer.returncode != 0 or version is None:
        raise OperatorError(f"{java} does not run: install a JDK {OLDEST} or newer, or set JAVA_HOME to one.")
    return int(version[1])
