"""A Kafka that lives for minutes, of no stack: in a folder of its own, on ports that are free."""

import subprocess
from pathlib import Path

from paintbox.stack import java, kafka, ports, processes
from paintbox.stack.kafka import Broker


def start(checkout: Path, libraries: Path, folder: Path, *options: str) -> tuple[Broker, subprocess.Popen[bytes]]:
    """It and its process, which the caller ends; it is not ready yet. Java is given the options before our own."""
    port = ports.choose(folder, [])
    broker = Broker(
        libraries=libraries,
        templates=checkout / "deploy/kafka",
        folder=folder,
        port=port,
        controller_port=ports.choose(folder, [port]),
        options=(*options, *kafka.BRIEF),
    )
    executable = java.find_java()
    kafka.configure(broker, executable)
    command = [str(executable), *kafka.arguments(broker)]
    return broker, processes.launch(command, log=folder / "log", environment=kafka.ENVIRONMENT, folder=folder)
