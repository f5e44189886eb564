"""The one relay of an outbox: elected by a session lock, fenced by its transactional id, in the order of `seq`.

A round that fails is followed by one of half the size, down to one row, so that a backlog gets over any link that takes
its largest row within the 10 s of a request: at 64 KiB/s a row of 640 KiB, at 720 KiB/s one of 7 MiB. Over a slower one
the row stays, and all behind it with it: order is promised.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from time import monotonic
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from synckit import failpoints, kafka, postgres, queues
from synckit.errors import TransientError
from synckit.failures import passes
from synckit.observability import metrics
from synckit.outbox import markers, rounds, store
from synckit.outbox.rounds import Round
from synckit.outbox.store import Outbox
from synckit.portions import Portion
from synckit.postgres import Row

log = logging.getLogger(__name__)

ROUND_ROWS: Final = 5_000
POLL_SECONDS: Final = 0.1
"""How soon rows that another process wrote are seen; our own wake the relay at their commit."""
CANDIDATE_SECONDS: Final = 1.0
ASK_SECONDS: Final = 5.0
SESSION_IDLE_LIMIT: Final = "15s"
"""PostgreSQL ends the session of a frozen relay after this, and so gives its lock to another."""
ROUND_SECONDS: Final = 20.0
RETRY_SECONDS: Final = 1.0

FAILURES: Final = (
    KafkaError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what one that was frozen gets of the session that was ended meanwhile
    TransientError,
    OSError,
    TimeoutError,
)
"""What ends a term: each passes, or is passed by standing for election again."""


class Relay:
    """Publishes an outbox for as long as it leads, and stands for election while it does not."""

    def __init__(self, outbox: Outbox, *, dsn: str, servers: str, process: str) -> None:
        self._outbox = outbox
        self._dsn = dsn
        self._servers = servers
        self._process = process
        self._woken = asyncio.Event()
        self._stopping = False
        self._asked_at = 0.0
        self._failure: str | None = None
        self._portion = Portion(ROUND_ROWS, store.ROUND_BYTES, kafka.TRANSACTION_REQUEST_MS / 1000)

    async def check(self) -> str | None:
        """For readiness: what ended the last term, or holds this one up, until the relay publishes again."""
        return self._failure

    def wake(self) -> None:
        """There are new rows, and their transaction has committed."""
        self._woken.set()

    def stop(self) -> None:
        """Finish the round, then end `run`."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Until `stop`: lead whenever nobody else does. A term that fails is followed by the next election."""
        while not self._stopping:
            try:
                await self._stand_for_election()
            except Exception as error:
                if not isinstance(error, FAILURES) and not passes(error):
                    raise
                self._note_failure("The outbox relay's term ended", error)
                await self._back_off(RETRY_SECONDS)
            finally:
                metrics.RELAY_LEADER.labels(self._outbox.name).set(0)

    async def _stand_for_election(self) -> None:
        session = await postgres.connect(self._dsn, process=self._process, idle_session_timeout=SESSION_IDLE_LIMIT)
        try:
            while not self._stopping:
                await self._ask(session)
                if await store.claim(session, self._outbox):
                    await self._lead(session)
                else:
                    self._failure = None
                    await self._pause(CANDIDATE_SECONDS)
        finally:
            session.terminate()

    async def _lead(self, session: postgres.Connection) -> None:
        """Publish until something fails. Rows are read only after the start has fenced whoever led before."""
        producer = kafka.create_transactional_producer(
            self._servers, process=self._process, transactional_id=self._outbox.name
        )
        try:
            await _while_asking(session, producer.start())
            failpoints.hit("relay.lead")
            if self._failure is None:  # else it is said once it publishes, and not in every term that fails
                self._note_lead()
            metrics.RELAY_LEADER.labels(self._outbox.name).set(1)
            ahead = Round()
            while not self._stopping:
                await self._ask(session)
                now = ahead
                if now.is_empty:
                    rows = await store.list_next(session, self._outbox, self._portion.rows)
                    now = await self._prepare(producer, rows)
                ahead = await self._publish(session, producer, now)
                if self._failure is not None:
                    self._note_lead()
                if now.is_empty:
                    await self._pause(POLL_SECONDS)
        finally:
            await kafka.drop(producer)  # its open transaction is aborted by whoever leads next

    async def _ask(self, session: postgres.Connection) -> None:
        """Measure the outbox, every 5 s, whoever leads: what waits is most while nobody can.

        Raises where rows could not be deleted: a session of a primary that was fenced lives on, and a new one may find
        the server that is it now, whose outbox is another.
        """
        now = asyncio.get_running_loop().time()
        if now - self._asked_at >= ASK_SECONDS:
            self._asked_at = now
            rows, age = await queues.depth(session, self._outbox.events, "created_at")
            metrics.OUTBOX_ROWS.labels(self._outbox.name).set(rows)
            metrics.OUTBOX_AGE.labels(self._outbox.name).set(age)
            await store.check_writable(session, self._outbox)

    async def _prepare(self, producer: AIOKafkaProducer, rows: Sequence[Row]) -> Round:
        partitions = {topic: sorted(await producer.partitions_for(topic)) for topic in {row["topic"] for row in rows}}
        return rounds.made_of(rows, self._portion, producer, partitions)

    async def _publish(self, session: postgres.Connection, producer: AIOKafkaProducer, now: Round) -> Round:
        """One round: send in one transaction, delete. Returns the next, where its rows were read meanwhile.

        Where it could not be prepared the term ends, but not before the rows are deleted.
        """
        if now.large:
            await self._refuse(session, now.large)
        if not now.seqs:
            return Round()
        ahead = await self._try(session, producer, now)
        failpoints.hit("relay.delete:before_commit")
        await self._delete(session, now.seqs)
        failpoints.hit("relay.delete:after_commit")
        metrics.OUTBOX_PUBLISHED.labels(self._outbox.name).inc(len(now.seqs))
        if isinstance(ahead, BaseException):
            raise ahead
        return ahead

    async def _delete(self, session: postgres.Connection, seqs: Sequence[int]) -> None:
        """Forget rows that Kafka has. Nothing is sent before that is done: a new term would send the same rows again.

        Tried for as long as the session lives: while it holds the lock, nobody else can have published them, nor can
        their numbers belong to other rows, as after a restore.
        """
        delay = RETRY_SECONDS
        while True:
            try:
                return await store.delete(session, self._outbox, seqs)
            except asyncpg.PostgresError as error:
                if self._stopping or session.is_closed() or isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                    raise
                self._note_failure("The outbox relay cannot delete what it published", error)
            await self._back_off(delay)
            with contextlib.suppress(asyncpg.PostgresError):
                await self._ask(session)
            delay = min(2 * delay, ASK_SECONDS)  # well below what the session may be idle

    async def _try(self, session: postgres.Connection, producer: AIOKafkaProducer, now: Round) -> Round | BaseException:
        """Send, and learn how much may be sent at once. Any failure may be a time-out: each has another name.

        Meanwhile the rows behind a whole round are read and prepared; what came of it, or why nothing did. No row of
        the same key can get in between: its writer held the entity's lock, so whatever commits later has a greater seq.
        """

        async def look_ahead() -> Round | BaseException:
            rows = await store.list_next(session, self._outbox, self._portion.rows, now.seqs)
            return (await asyncio.gather(self._prepare(producer, rows), return_exceptions=True))[0]

        started = monotonic()
        try:
            ahead = await _while_asking(session, self._send(producer, now), look_ahead if now.is_whole else None)
        except FAILURES:
            self._portion.failed(now.sizes)
            raise
        self._portion.succeeded(now.sizes, monotonic() - started)
        return ahead

    async def _refuse(self, session: postgres.Connection, seqs: Sequence[int]) -> None:
        failpoints.hit("relay.refuse:before_commit")
        await store.set_aside(session, self._outbox, seqs, "the value is larger than 7 MiB")
        failpoints.hit("relay.refuse:after_commit")
        metrics.OUTBOX_REFUSED.labels(self._outbox.name).inc(len(seqs))
        log.error("Rows too large for Kafka were set aside", extra={"outbox": self._outbox.name, "seqs": list(seqs)})

    async def _send(self, producer: AIOKafkaProducer, now: Round) -> None:
        """A round in one transaction, to where readers see it: before that Kafka may still drop what it committed."""
        async with producer.transaction():
            sent = list[Awaitable[Any]]()
            try:
                for (topic, partition), batch in now.batches:
                    sent.append(await producer.send_batch(batch, topic, partition=partition))
            finally:
                outcomes = asyncio.gather(*sent, return_exceptions=True)  # else asyncio says that nobody looked at them
            results = await outcomes
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            failpoints.hit("relay.send:before_commit")
        failpoints.hit("relay.send:after_commit")
        await markers.until_visible(
            producer.client,
            producer._txn_manager.producer_id,  # noqa: SLF001 - aiokafka 0.14 has no other way
            markers.last_of(results),
        )

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        if not self._stopping:
            self._woken.clear()

    async def _back_off(self, seconds: float) -> None:
        """Pause, however many rows are written meanwhile; `stop` ends it."""
        ends_at = monotonic() + seconds
        while not self._stopping and (left := ends_at - monotonic()) > 0:
            await self._pause(left)

    def _note_lead(self) -> None:
        log.info("The outbox relay leads", extra={"outbox": self._outbox.name})
        self._failure = None

    def _note_failure(self, what: str, error: BaseException) -> None:
        name = type(error).__name__
        if self._failure != name:
            log.warning(what, extra={"outbox": self._outbox.name, "error": name})
        self._failure = name


async def _while_asking(
    session: postgres.Connection,
    work: Coroutine[Any, Any, None],
    look_ahead: Callable[[], Awaitable[Round | BaseException]] | None = None,
) -> Round | BaseException:
    """Do some work at Kafka, for 20 s at most, and keep the session that holds the lock from being idle meanwhile.

    Returns what is made of the session at the same time: nothing where the database refuses. The work goes on for as
    long as the session lives: Kafka may have committed it, and it would be done again.
    """
    task = asyncio.ensure_future(work)
    ahead: Round | BaseException = Round()
    try:
        with contextlib.suppress(TimeoutError):  # what was asked over the session may have taken so long, too
            async with asyncio.timeout(ROUND_SECONDS):
                with _unless_ended(session):
                    ahead = await look_ahead() if look_ahead else Round()
                while not (await asyncio.wait({task}, timeout=ASK_SECONDS))[0]:
                    with _unless_ended(session):
                        await session.fetchval("SELECT 1")
        if not task.done():
            raise TimeoutError
        task.result()
        return ahead
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=ASK_SECONDS)
        if task.done() and not task.cancelled():
            task.exception()  # where the session ended, that is what is told; asyncio would log the other as a bug


@contextlib.contextmanager
def _unless_ended(session: postgres.Connection) -> Iterator[None]:
    """Passes over a statement that the database refuses, as while somebody holds the table, where the session lives."""
    try:
        yield
    except asyncpg.PostgresError:
        if session.is_closed():
            raise
