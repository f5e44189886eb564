"""What projects find customers by (`projects.customer_refs`), filled from what the customers' owner has published.

A service that reads it anew matches projects while half of it is missing, and finds one customer where there are two.
So it is whole before photo-sync is started. What changes by it is noted: those projects are looked at again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from paintbox.databases import Connection, Database, DatabaseError
from paintbox.owners import alone
from paintbox.reading import OnProgress
from photo_sync.handlers.customers import cause_of
from photo_sync.handlers.projects import CUSTOMER
from photo_sync.models.matching import CustomerRef
from photo_sync.rules.contacts import customer_ref
from photo_sync.store import matches
from photo_sync.store.rows import MIRROR
from synckit.contracts.compacted import Erased, decode, with_uuid
from synckit.contracts.topics import CUSTOMERS_CHANGES
from synckit.contracts.values import CustomerChanged
from synckit.errors import PoisonError
from synckit.mirror import notes
from synckit.mirror.facts import Cause

PROCESS: Final = "paintbox rebuild"
AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What became of the rows, or would become of them."""

    customers: int
    """That the topic tells of."""
    changed: int
    erased: int
    passed_over: Mapping[str, int]
    """How many records do not count, by the reason for which readers park them."""


class CustomerRefs:
    """The newest that the topic says of each customer."""

    def __init__(self) -> None:
        self._refs: dict[UUID, tuple[CustomerRef, Cause]] = {}
        self._erased: set[UUID] = set()
        self._unread: set[UUID] = set()
        """Those of whom a record cannot be read: what is stored of them stays."""
        self.passed_over: Counter[str] = Counter()

    def take(self, records: Sequence[Any]) -> None:
        """Add these, of one partition, in their order."""
        for record in records:
            try:
                said = with_uuid(decode(CustomerChanged, record))
            except PoisonError as error:
                self.passed_over[error.code] += 1
                self._unread |= set(_key_of(record))
                continue
            key = UUID(said.key)
            self._erased.discard(key)
            if isinstance(said, Erased):
                self._refs.pop(key, None)
                self._erased.add(key)
            elif key not in self._refs or said.value.source_version > self._refs[key][0].source_version:
                self._refs[key] = customer_ref(said.value), cause_of(said)

    def _by_certainty(self, keys: Sequence[UUID]) -> Iterator[tuple[bool, list[UUID]]]:
        """Those of whom a record cannot be read may stand as it says, which is perhaps newer than what can be."""
        for is_certain in (True, False):
            yield is_certain, [key for key in keys if (key not in self._unread) is is_certain]

    @property
    def many(self) -> int:
        """The customers that there are."""
        return len(self._refs)

    async def fill(self, connection: Connection, *, whole: bool) -> tuple[int, int]:
        """Write what is newer, and delete what is erased: how many of each. With `whole` the rows say what the topic
        says, whatever they said: what is older is written, and whoever is not told of is deleted.

        The caller owns the transaction, and photo-sync does not run. What changed is noted.
        """
        erased = len(await matches.erase_customer_refs(connection, map(str, self._erased)))
        if whole:
            erased += len(await matches.keep_customer_refs(connection, sorted({*self._refs, *self._unread})))
        changed, known = 0, sorted(self._refs)
        for start in range(0, len(known), AT_ONCE):
            written: list[UUID] = []
            for is_certain, keys in self._by_certainty(known[start : start + AT_ONCE]):
                refs = [self._refs[key][0] for key in keys]
                written += await matches.upsert_customer_refs(connection, refs, whatever_is_stored=whole and is_certain)
            await notes.insert(connection, MIRROR, {CUSTOMER: {str(key): self._refs[key][1] for key in written}})
            changed += len(written)
        return changed, erased


def _key_of(record: Any) -> Iterator[UUID]:
    try:
        yield UUID(record.key.decode())
    except (AttributeError, ValueError):
        return


async def prepare(connection: Connection) -> None:
    """Have every statement of `fill` prepared. It changes nothing: nobody has this id, and it is rolled back."""
    nobody = UUID(int=0)
    ref = CustomerRef(
        customer_id=nobody,
        salesforce_ids=(),
        email=None,
        phone=None,
        name="",
        merged_into=None,
        source_version=0,
        deleted_at=None,
    )
    cause = Cause(event_id=nobody, correlation_id=nobody, traceparent="", received_at=0)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await matches.erase_customer_refs(connection, [])
        await matches.keep_customer_refs(connection, None)
        await notes.insert(connection, MIRROR, {CUSTOMER: {str(nobody): cause}})
        await matches.upsert_customer_refs(connection, [ref])
    finally:
        await transaction.rollback()


async def rebuild(dsn: str, servers: str, on_progress: OnProgress) -> Filled:
    """Have the rows say what the topic says, no more and no less. Twice is harmless.

    Raises OperatorError where photo-sync runs, or ran meanwhile, where Kafka or the database does not do its part, and
    where the topic tells of nobody though there are rows: nothing has been changed then.
    """
    refs = CustomerRefs()
    async with alone(dsn, Database.PROJECTS, PROCESS, prepare) as session:
        await session.read(servers, [CUSTOMERS_CHANGES], refs.take, on_progress)
        if not refs.many and await session.connection.fetchval("SELECT EXISTS (SELECT FROM projects.customer_refs)"):
            raise DatabaseError(f"{CUSTOMERS_CHANGES.name} tells of nobody, and every row would be deleted")
        async with session.writing():
            changed, erased = await refs.fill(session.connection, whole=True)
    return Filled(customers=refs.many, changed=changed, erased=erased, passed_over=dict(refs.passed_over))
