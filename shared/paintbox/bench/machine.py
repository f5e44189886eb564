"""What the figures were measured on, and with which releases: nothing that names a host or a person."""

import os
import platform
import re
import subprocess
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from paintbox.databases import connected
from paintbox.stack import jars, java
from paintbox.stack.places import Places

SETTINGS: Final = ("fsync", "shared_buffers", "max_wal_size", "track_commit_timestamp")


async def describe(where: Places, superuser_dsn: str, load: str) -> dict[str, str]:
    """Processor, memory, system and releases, as the page shows them."""
    async with connected(superuser_dsn, process="paintbox-bench") as connection:
        postgres = str(await connection.fetchval("SHOW server_version"))
        settings = [f"{name} {await connection.fetchval(f'SHOW {name}')}" for name in SETTINGS]
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores for all of it: load, servers and services",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "PostgreSQL": ", ".join([postgres, *settings]),
        "Kafka": f"{_kafka(jars.libraries(where.checkout))}, one node, replication 1, {_java()}",
        "aiokafka, asyncpg, uvicorn": ", ".join(version(name) for name in ("aiokafka", "asyncpg", "uvicorn")),
        "load": load,
    }


def commit(checkout: Path) -> str:
    """Of the code that is measured; empty where it is in no repository, or there is no git.

    What a bench writes itself, under docs, makes it no other code.
    """
    git = partial(subprocess.run, cwd=checkout, capture_output=True, text=True, check=False)
    try:
        named = git(["git", "describe", "--always", "--exclude=*"])
        edited = git(["git", "diff", "--quiet", "HEAD", "--", ".", ":!docs"])
    except FileNotFoundError:
        return ""
    name = named.stdout.strip()
    return f"{name}-dirty" if name and edited.returncode else name


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except FileNotFoundError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _kafka(libraries: Path) -> str:
    names = [path.name for path in libraries.glob("kafka_2.13-*.jar")]
    return names[0].removeprefix("kafka_2.13-").removesuffix(".jar") if names else "unknown"


def _java() -> str:
    told = subprocess.run([str(java.find_java()), "-version"], capture_output=True, text=True, check=False).stderr
    return (told.splitlines() or ["Java"])[0].replace('"', "")
