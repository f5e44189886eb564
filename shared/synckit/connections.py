"""What aiokafka 0.14 lacks in its connections, added where this module is imported: nothing here is called by name.

A broker that is gone without a word, or that does not answer, is given up soon, and what closed a moment ago is closed.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest

from synckit import line

CONNECT_SECONDS: Final = 5.0
"""Until a broker has greeted a new connection. A client makes one at a time, so whoever waits for a greeting holds up
its heartbeats too: for 40 s with aiokafka 0.14."""
ANSWER_SECONDS: Final = 10.0
"""For what a broker answers at once. A client does nothing while it waits for metadata, and its group waits for it."""

ANSWERED_AT_ONCE: Final = frozenset(
    one.API_KEY
    for one in (MetadataRequest, FindCoordinatorRequest, HeartbeatRequest, OffsetCommitRequest, OffsetFetchRequest)
)

_connect: Final = AIOKafkaConnection.connect
_send: Final = AIOKafkaConnection.send
_look_up: Final = AIOKafkaClient.coordinator_lookup


async def _connect_and_watch(connection: Any) -> Any:
    """A connection that is given up when the broker is gone without a word; aiokafka 0.14 waits for an answer only.

    TimeoutError where it does not greet in time.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await _connect(connection)
    try:
        line.watch(writer.transport)
    except OSError:  # it has closed already
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise
    return reader, writer


def _send_if_open(connection: Any, request: Any, expect_response: bool = True) -> Any:
    """A request over a connection, or KafkaConnectionError where its transport has closed.

    For a moment aiokafka 0.14 does not know that yet. uvloop raises RuntimeError then, where asyncio's own loop says
    nothing, and aiokafka expects only OSError: it came out of whatever asked, and ended whole loops.
    """
    if connection._writer is not None and connection._writer.is_closing():  # noqa: SLF001 - nothing else tells
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
    before = [one for _, one, _ in connection._requests]  # noqa: SLF001 - they are answered in turn, a fetch when it fills
    answer = _send(connection, request, expect_response)
    is_bounded = all(one is not None and one.API_KEY in ANSWERED_AT_ONCE for one in (request, *before))
    return _answer_soon(connection, answer) if is_bounded else answer


async def _answer_soon(connection: Any, answer: Awaitable[Any]) -> Any:
    """TimeoutError where it does not come in time; the connection is closed then, so that the next one is a new one."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer
    except TimeoutError:
        connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
        raise


async def _look_up_once_a_node_is_known(client: Any, kind: Any, key: str) -> Any:
    """Which node coordinates, or NodeNotReadyError, after which aiokafka asks again.

    A broker that has just started may know of none, not even of itself; aiokafka 0.14 raises AssertionError then.
    """
    if client.get_random_node() is None:
        raise NodeNotReadyError
    return await _look_up(client, kind, key)


AIOKafkaClient.coordinator_lookup = _look_up_once_a_node_is_known
AIOKafkaConnection.connect = _connect_and_watch
AIOKafkaConnection.send = _send_if_open
