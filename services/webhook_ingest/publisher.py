"""The one producer of the doors: a request is answered when every record of it is acknowledged, or in five seconds."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from synckit import kafka
from synckit.consumer.failures import describe
from synckit.contracts.headers import to_kafka
from webhook_ingest.models import Outgoing

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 1.0


class UnavailableError(Exception):
    """Kafka did not acknowledge in time. What was sent may still arrive: ids and versions make that harmless."""


class Publisher:
    """Keeps a producer running; replaces it where it broke for good."""

    def __init__(self, servers: str, process: str) -> None:
        self._servers = servers
        self._process = process
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()
        self._is_away = False

    async def check(self) -> str | None:
        """For readiness: whether there is a producer."""
        return None if self._producer is not None else "Kafka is away"

    async def run(self) -> None:
        """Until cancelled: have a working producer."""
        while True:
            producer = kafka.create_producer(self._servers, process=self._process)
            try:
                await producer.start()
                self._producer = producer
                self._broken.clear()
                self._is_away = False
                log.info("The producer is ready")
                await self._broken.wait()
            except (KafkaError, OSError) as error:
                if not self._is_away:
                    log.warning("Kafka is away", extra=describe(error))
                self._is_away = True
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._producer = None
                await kafka.discard(producer)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Returns when every in-sync replica has every record; UnavailableError where that takes over 5 s."""
        producer = self._producer
        if not records:
            return
        if producer is None:
            raise UnavailableError
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                sent = [
                    await producer.send(one.topic, one.value, one.key.encode(), headers=to_kafka(one.headers.encoded()))
                    for one in records
                ]
                await asyncio.gather(*sent)
        except TimeoutError:
            raise UnavailableError from None
        except KafkaError as error:
            log.warning("The producer failed, and is replaced", extra=describe(error))
            self._broken.set()
            raise UnavailableError from None
