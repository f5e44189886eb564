"""The one producer of the doors: a record counts when every in-sync replica has it, and nobody waits long for that."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from synckit import failpoints, kafka
from synckit.failures import describe
from webhook_ingest.batches import Batches
from webhook_ingest.circuit import Circuit, State
from webhook_ingest.models import Outgoing

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0
START_SECONDS: Final = 5.0


class UnavailableError(Exception):
    """It was not acknowledged. What was sent may still arrive: ids and versions make that harmless."""


class Publisher:
    """Keeps a producer running, and a circuit before it. A producer that failed once is never used again."""

    def __init__(self, servers: str, process: str, wait_seconds: float) -> None:
        self._servers = servers
        self._process = process
        self._wait_seconds = wait_seconds
        self._circuit = Circuit()
        self._batches: Batches | None = None
        self._broken = asyncio.Event()
        self._was_away = False
        self._has_looked = False

    async def check(self) -> str | None:
        """For readiness: whether it is known whether Kafka is there."""
        return None if self._has_looked else "is starting"

    def sends(self) -> bool:
        """Whether the next request would be sent to Kafka."""
        return self._batches is not None and self._circuit.would_admit

    async def run(self) -> None:
        """Until cancelled: have a working producer; where Kafka is away, look once a second whether it is back."""
        while True:
            producer = kafka.create_producer(self._servers, process=self._process)
            try:
                async with asyncio.timeout(START_SECONDS):
                    await producer.start()
                self._begin(producer)
                await self._broken.wait()
            except (KafkaError, OSError, TimeoutError) as error:
                if not self._was_away:
                    log.warning("No producer could be started", extra=describe(error))
                self._circuit.open()
                self._has_looked = True
            finally:
                self._batches = None
                await kafka.drop(producer)
            if self._circuit.state is State.OPEN:
                self._was_away = True
                await asyncio.sleep(RETRY_SECONDS)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Returns when every in-sync replica has every record.

        UnavailableError where that takes too long, where Kafka refuses one, and at once while Kafka is away.
        """
        batches = self._batches
        if batches is None or not self._circuit.admits():
            raise UnavailableError
        try:
            failpoints.hit("webhook_ingest.publish:before")
            await batches.keep(records)
            failpoints.hit("webhook_ingest.publish:after")
        except (KafkaError, TimeoutError) as error:
            self._replace(batches, error)
            raise UnavailableError from None
        except BaseException:
            self._circuit.give_back()
            raise
        if self._batches is batches:
            self._circuit.close()
            self._was_away = False

    def _begin(self, producer: AIOKafkaProducer) -> None:
        self._has_looked = True
        self._batches = Batches(producer, self._wait_seconds)
        self._broken.clear()
        if self._was_away and self._circuit.state is State.OPEN:
            self._circuit.half_open()
        elif not self._was_away:
            self._circuit.close()

    def _replace(self, batches: Batches, error: BaseException) -> None:
        """Kafka is away, unless it refused a record for what it is; that too leaves a gap in the producer's sequence.

        All who wait for this producer fail with it.
        """
        if self._batches is not batches:
            return
        log.warning("A producer failed, and is replaced", extra=describe(error))
        if kafka.is_about_the_record(error):
            self._circuit.give_back()
        else:
            self._circuit.open()
        self._batches = None
        self._broken.set()
