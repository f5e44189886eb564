"""Ports of the loopback address: free ones, kept between starts, and who has one that we want."""

import socket
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import psutil

from paintbox.errors import OperatorError

HOST: Final = "127.0.0.1"
FIRST: Final = 20_000
COUNT: Final = 10_000
"""Below what systems take for outgoing connections (32768 and up), so that none of those is ever in our way."""


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(directory: Path, taken: Iterable[int]) -> int:
    """A free port that is not among those taken. The directory says where the search starts, so stacks spread out."""
    start, used = zlib.crc32(str(directory).encode()) % COUNT, set(taken)
    for step in range(COUNT):
        port = FIRST + (start + step) % COUNT
        if port not in used and is_free(port):
            return port
    raise OperatorError(f"No port between {FIRST} and {FIRST + COUNT} is free on {HOST}.")


def assign(directory: Path, names: Iterable[str], kept: Mapping[str, int], unmovable: Iterable[str]) -> dict[str, int]:
    """A port for every name: the kept one, or another where none is kept or somebody else has it.

    The `unmovable` names belong to parts that run, whose ports are not free because they are theirs.
    """
    stays = set(unmovable)
    ports = {name: port for name, port in kept.items() if name in stays or is_free(port)}
    for name in names:
        if name not in ports:
            ports[name] = choose(directory, [*ports.values(), *kept.values()])
    return ports


def holder(port: int) -> str:
    """Who listens on the port, as far as we may see it."""
    try:
        pids = {
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        }
        return " and ".join(f"{psutil.Process(pid).name()} (pid {pid})" for pid in pids if pid) or "another program"
    except psutil.Error:
        return "another program"
