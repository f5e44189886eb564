"""Kafka's classes as Java reads them fastest: written once by a broker of no other use, mapped by all that follow.

Class data sharing, JEP 350: the archive fits one Java and these jars. Another Java passes over it, and is only slower.
"""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from paintbox.errors import OperatorError
from paintbox.stack import brief, jars, kafka, processes
from paintbox.stack.kafka import Broker

START_SECONDS: Final = 90.0
DUMP_SECONDS: Final = 60.0


def write(checkout: Path, say: Callable[[str], None]) -> bool:
    """Writes the archive where it is missing; whether it did. Says so where it cannot: Kafka starts more slowly then.

    Raises OperatorError where the jars are missing.
    """
    libraries = jars.require(checkout)
    archive = kafka.class_archive(libraries)
    if archive.exists():
        return False
    say("writing an archive of Kafka's classes (a quarter of a minute, once)")
    folder = Path(tempfile.mkdtemp(prefix="paintbox-classes-"))
    try:
        made = _made(checkout, libraries, folder)
        unfinished = archive.with_suffix(".new")
        shutil.copyfile(made, unfinished)
        unfinished.rename(archive)
    except (OperatorError, OSError, TimeoutError) as error:
        say(f"without an archive of its classes Kafka starts more slowly: {type(error).__name__}")
        return False
    finally:
        shutil.rmtree(folder)
    return True


def _made(checkout: Path, libraries: Path, folder: Path) -> Path:
    """A broker that starts, and writes down what it loaded when it ends."""
    made = folder / "classes.jsa"
    broker, child = brief.start(checkout, libraries, folder, f"-XX:ArchiveClassesAtExit={made}")
    try:
        asyncio.run(_until_ready(broker))
    finally:
        processes.stop(psutil.Process(child.pid), signal.SIGTERM, DUMP_SECONDS)
        child.wait()
    return made


async def _until_ready(broker: Broker) -> None:
    """TimeoutError where it does not answer."""
    deadline = time.monotonic() + START_SECONDS
    while await kafka.missing(broker):
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.1)
