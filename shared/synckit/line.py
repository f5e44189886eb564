"""A TCP connection whose other end may be gone without a word: how soon our kernel gives it up.

A host that lost its power, or a firewall that forgot the connection, answers nothing. By itself Linux goes on for a
quarter of an hour where something was sent, and for ever (a server: for two hours) where nothing was.
"""

import socket
from asyncio import BaseTransport
from typing import Final

IDLE_SECONDS: Final = 10
"""After so long without a word our kernel asks whether the other one is still there."""
AGAIN_SECONDS: Final = 5
TIMES: Final = 3
UNACKNOWLEDGED_SECONDS: Final = 10

OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE_SECONDS),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, AGAIN_SECONDS),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, TIMES),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_SECONDS * 1000),
)


def watch(transport: BaseTransport) -> None:
    """The other end's silence is noticed within 10 s where something was sent to it, within 25 s where nothing was.

    OSError where the connection has closed already: uvloop then knows no socket any more.
    """
    end: socket.socket | None = transport.get_extra_info("socket")
    if end is None:
        raise ConnectionResetError("the connection has closed already")
    if end.family != socket.AF_UNIX:
        for option in OPTIONS:
            end.setsockopt(*option)
