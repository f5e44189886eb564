"""How every process talks to Kafka: one way to make a producer, one to make topics."""

from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from synckit.contracts.topics import MAX_MESSAGE_BYTES
from synckit.observability.health import Check

BATCH_BYTES: Final = 1024 * 1024
"""Above 16 KiB the producer's accumulator no longer wakes all waiters at each drain (measured: 6 times the rate)."""

REQUEST_MS: Final = 40_000
"""How long a record waits for its broker before the producer gives it up. Callers bound their own waits."""
TRANSACTION_MS: Final = 15_000
"""After this long the broker aborts what a dead relay left open, so readers never wait longer."""


def create_producer(servers: str, *, process: str) -> AIOKafkaProducer:
    """An idempotent producer that counts a record as sent when every in-sync replica has it. Not started."""
    return AIOKafkaProducer(
        bootstrap_servers=servers,
        client_id=process,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
        request_timeout_ms=REQUEST_MS,
    )


def create_transactional_producer(servers: str, *, process: str, transactional_id: str) -> AIOKafkaProducer:
    """A producer whose start fences every earlier one of its id and aborts what those left open. Not started.

    It gives up a record sooner than its transaction: whoever uses it drops it after any failure.
    """
    return AIOKafkaProducer(
        bootstrap_servers=servers,
        client_id=process,
        acks="all",
        max_batch_size=BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
        request_timeout_ms=TRANSACTION_MS - 5_000,
        transactional_id=transactional_id,
        transaction_timeout_ms=TRANSACTION_MS,
    )


def check(servers: str) -> Check:
    """For readiness: whether a broker answers."""

    async def answers() -> str | None:
        client = AIOKafkaClient(bootstrap_servers=servers, request_timeout_ms=2_000)
        try:
            await client.bootstrap()
        except KafkaConnectionError:
            return "no broker answers"
        finally:
            await client.close()
        return None

    return answers
