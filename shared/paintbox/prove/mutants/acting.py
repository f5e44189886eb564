"""What a fault plan does to a rig: changes at the vendors, locks held, processes killed at the right step, waiting."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition

from paintbox.brokers import outsider
from paintbox.databases import Database, connected
from paintbox.errors import OperatorError
from paintbox.prove.evidence import PROCESS
from paintbox.prove.rig import Rig
from paintbox.status.lag import positions
from paintbox.world import steering
from paintbox.world.edits import Vendor
from paintbox.world.steering import Simulators
from synckit import times
from synckit.contracts.topics import Topic

FACT_SECONDS: Final = 40.0
ABSENT_SECONDS: Final = 3.0
"""How long a control run gives what only the mistake would do."""
LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Acting:
    """A rig in the hands of a plan."""

    rig: Rig
    simulators: Simulators
    with_mistake: bool = True
    """Else the same is done to the product as it is."""

    async def create(self, vendor: Vendor, kind: str, records: Sequence[dict[str, Any]]) -> list[str]:
        """Makes records; their ids."""
        answer = await steering.ask(self.simulators, vendor, "POST", f"records/{kind}", json=list(records))
        return [str(one.get("Id") or one["id"]) for one in answer["records"]]

    async def change(self, vendor: Vendor, kind: str, ids: Sequence[str], **fields: Any) -> None:
        """Changes records."""
        body = {"ids": list(ids), "fields": fields}
        await steering.ask(self.simulators, vendor, "PATCH", f"records/{kind}", json=body)

    async def delay(self, vendor: Vendor, seconds: float) -> None:
        """From now on this vendor's deliveries are late by so much."""
        faults = {"patient": True, "delay": {"probability": 1.0 if seconds else 0.0, "seconds": seconds}}
        await steering.ask(self.simulators, vendor, "PUT", "faults", json=faults)

    async def kill(self, *names: str) -> None:
        """SIGKILL."""
        await asyncio.gather(*(self.rig.processes[name].kill() for name in names))

    async def start(self, name: str, failpoints: str = "") -> int:
        """Starts a process, with its mistake, and with these failpoints; how long its log was before, in bytes."""
        log = self.rig.processes[name].log
        length = log.stat().st_size if log.exists() else 0
        await self.rig.processes[name].start({"PAINTBOX_FAILPOINTS": failpoints})
        return length

    async def died(self, name: str) -> None:
        """Waits until the process has killed itself at its failpoint."""

        async def is_gone() -> bool:
            return self.rig.processes[name].pid is None

        await until(is_gone, f"{name} did not reach its failpoint")

    async def mistaken(self, is_so: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        """Waits for what the mistake does; without it, as long as it must not come."""
        if self.with_mistake:
            await until(is_so, otherwise)
        else:
            with suppress(OperatorError):
                await until(is_so, otherwise, ABSENT_SECONDS)

    async def logged(self, name: str, sentence: str, since: int) -> None:
        """Waits until the process has logged a sentence behind this place of its log."""

        async def is_there() -> bool:
            return sentence.encode() in self.rig.processes[name].log.read_bytes()[since:]

        await until(is_there, f"{name} did not log: {sentence}")

    async def committed(self, group: str, topic: str) -> int:
        """How many records of a topic a group has committed."""
        found = (await positions(self.rig.kafka)).committed.get(group, {})
        return sum(offset for at, offset in found.items() if at.topic == topic)

    @asynccontextmanager
    async def locked(self, database: Database, table: str) -> AsyncIterator[None]:
        """Nobody else reads or writes the table during the block."""
        async with connected(self.rig.dsn(database), process=PROCESS) as session, session.transaction():
            await session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            await session.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    async def end_leader(self, database: str) -> None:
        """Ends the session that holds the lock of this database's relay, as PostgreSQL does after 15 s of silence."""
        async with connected(self.rig.superuser_dsn, process=PROCESS) as session:
            await session.execute(
                """
                SELECT pg_terminate_backend(locks.pid)
                  FROM pg_locks AS locks
                  JOIN pg_database ON pg_database.oid = locks.database
                 WHERE locks.locktype = 'advisory' AND pg_database.datname = $1
                """,
                database,
            )

    async def count(self, database: Database, query: str, *parameters: object) -> int:
        """The number that a query gives."""
        async with connected(self.rig.dsn(database), process=PROCESS) as session:
            return int(await session.fetchval(query, *parameters))

    async def record(self, topic: Topic, key: str) -> Any:
        """The first record of a topic with this key, as soon as it is there."""
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        async with outsider(self.rig.kafka) as consumer:
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            async with asyncio.timeout(FACT_SECONDS):
                while True:
                    found = await consumer.getone()
                    if found.key == key.encode():
                        return found

    async def send_again(self, record: Any, partition: int, later_ms: int) -> None:
        """Puts a copy of a record, received later, into another partition, where more partitions would put it."""
        headers = [
            (name, _later(value, later_ms) if name == "ce_receivedat" else value) for name, value in record.headers
        ]
        producer = AIOKafkaProducer(bootstrap_servers=self.rig.kafka, acks="all")
        await producer.start()
        try:
            await producer.send_and_wait(record.topic, record.value, record.key, partition=partition, headers=headers)
        finally:
            await producer.stop()


def _later(value: bytes, milliseconds: int) -> bytes:
    return times.rfc3339(times.parse(value.decode()) + milliseconds).encode()


async def until(is_so: Callable[[], Awaitable[bool]], otherwise: str, seconds: float = FACT_SECONDS) -> None:
    """Waits for a fact. Raises OperatorError, which says what did not come."""
    deadline = time.monotonic() + seconds
    while not await is_so():
        if time.monotonic() > deadline:
            raise OperatorError(f"{otherwise} within {seconds:.0f} s.")
        await asyncio.sleep(LOOK_SECONDS)
