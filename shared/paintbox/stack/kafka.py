"""Kafka from its jars: configure one node, format its data, start it, see that it answers.

A plain library like `postgres`: every folder and port is an argument, and nothing is kept here.
"""

import os
import shutil
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from paintbox.errors import OperatorError
from paintbox.files import write_atomically

HOST: Final = "127.0.0.1"
ANSWER_SECONDS: Final = 2.0
HEAP: Final = "-Xmx512m"
BRIEF: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For a broker that lives for minutes: with the archive of its classes it is ready in a third of the time."""
ENVIRONMENT: Final[Mapping[str, str]] = {"LC_ALL": "C.UTF-8"}
"""Paths that are not ASCII need a locale that knows UTF-8."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """A second listener for clients that come through a proxy: its port, and the proxy's, where they are sent back."""

    port: int
    advertised_port: int


@dataclass(frozen=True, slots=True)
class Broker:
    """One KRaft node: its jars, where its configuration and data lie, and its ports."""

    libraries: Path
    templates: Path
    """The folder of server.properties and log4j2.yaml: deploy/kafka of the checkout."""
    folder: Path
    port: int
    controller_port: int
    proxied: Proxied | None = None
    options: tuple[str, ...] = BRIEF
    """For Java."""

    @property
    def servers(self) -> str:
        """What clients are given."""
        return f"{HOST}:{self.port}"


def configure(broker: Broker, java: Path) -> None:
    """Writes its configuration, and formats its data where there is none. What is half formatted is never used.

    Raises OperatorError where formatting fails.
    """
    ports = {"port": broker.port, "controller_port": broker.controller_port, **_proxied_listener(broker.proxied)}
    properties = Template((broker.templates / "server.properties").read_text()).substitute(ports)
    write_atomically(broker.folder / "log4j2.yaml", (broker.templates / "log4j2.yaml").read_text())
    write_atomically(broker.folder / "server.properties", properties)
    if not (broker.folder / "data").exists():
        _format(broker, java, properties)


def _proxied_listener(proxied: Proxied | None) -> dict[str, str]:
    if proxied is None:
        return {"more_listeners": "", "more_advertised": ""}
    return {
        "more_listeners": f",PROXIED://{HOST}:{proxied.port}",
        "more_advertised": f",PROXIED://{HOST}:{proxied.advertised_port}",
    }


def _format(broker: Broker, java: Path, properties: str) -> None:
    unfinished = broker.folder / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    write_atomically(
        broker.folder / "format.properties", properties.replace("log.dirs=data", f"log.dirs={unfinished.name}")
    )
    answer = subprocess.run(
        [
            str(java),
            *_options(broker, "kafka.tools.StorageTool"),
            *("format", "--standalone", "--cluster-id", _new_id(), "--config", "format.properties"),
        ],
        cwd=broker.folder,
        env={**os.environ, **ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
    )
    if answer.returncode != 0:
        said = (answer.stderr.strip() or answer.stdout.strip() or "it says nothing").splitlines()
        raise OperatorError(f"Kafka could not format its data in {broker.folder}: {said[0]}")
    unfinished.rename(broker.folder / "data")


def _new_id() -> str:
    """A cluster id as Kafka makes them; one that starts with a dash would be taken for an option."""
    return "P" + urlsafe_b64encode(uuid4().bytes).decode()[1:22]


def arguments(broker: Broker) -> list[str]:
    """What `java` is given to run the broker in the foreground, in its folder."""
    return [*_options(broker, "kafka.Kafka"), "server.properties"]


def _options(broker: Broker, program: str) -> list[str]:
    logging = "-Dlog4j2.configurationFile=log4j2.yaml"
    classes = class_archive(broker.libraries)
    archived = [f"-XX:SharedArchiveFile={classes}"] if classes.exists() else []
    return [
        *(HEAP, "-Djava.awt.headless=true", logging),
        *archived,
        *broker.options,
        *("-cp", f"{broker.libraries}/*", program),
    ]


def class_archive(libraries: Path) -> Path:
    """Where the classes of these jars lie as Java maps them into memory, once `setup` has written them there."""
    return libraries.parent / "classes.jsa"


def cluster_id(broker: Broker) -> str | None:
    """The id of the cluster that the data was formatted for."""
    try:
        lines = (broker.folder / "data/meta.properties").read_text().splitlines()
    except FileNotFoundError:
        return None
    return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), None)


async def missing(broker: Broker) -> str | None:
    """None where this broker answers what it holds, else what is missing."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=broker.servers, client_id="paintbox-up", request_timeout_ms=int(ANSWER_SECONDS * 1000)
    )
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError) as error:
        return f"no answer yet ({type(error).__name__})"
    finally:
        await admin.close()
    if not cluster["brokers"]:
        return "no broker is registered yet"
    return None if cluster["cluster_id"] == cluster_id(broker) else f"another cluster answers at {broker.servers}"
