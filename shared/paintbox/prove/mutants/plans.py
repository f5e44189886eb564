"""For each mistake a plan that must expose it: where it is made, what is done, and which invariant it violates."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from paintbox.databases import Database
from paintbox.errors import OperatorError
from paintbox.prove.mutants.acting import Acting, until
from synckit.contracts.topics import WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE

CUSTOMER_SYNC: Final = {"customer-sync": "customer_sync"}
CUSTOMER_SYNCS: Final = {"customer-sync": "customer_sync", "customer-sync-2": "customer_sync"}
WEBHOOK_LOGS: Final = {"webhook-log": "webhook_ingest.log", "webhook-log-2": "webhook_ingest.log"}
PHOTO_SYNC: Final = {"photo-sync": "photo_sync"}
LEADS: Final = "The outbox relay leads"
LATE_SECONDS: Final = 4.0
MOST_ROUNDS: Final = 12
CONTROL_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake on a rig."""

    mistaken: Mapping[str, str]
    """Process → its module: where the mistake is made."""
    exposes: Callable[[Acting], Awaitable[None]]
    violates: frozenset[str]
    """Invariants, of which one at least must then be violated."""
    replicas: int = 1
    comes_to_rest: bool = True
    """Else the mistake is to leave something waiting for ever."""


def _people(number: int, **fields: object) -> list[dict[str, object]]:
    return [{"LastName": f"Person {index}", "Email": f"p{index}@example.com", **fields} for index in range(number)]


async def _auto_commit(acting: Acting) -> None:
    """Killed after its position was committed, while it still waits for its database."""
    before = await acting.committed("customer-sync", WEBHOOKS_SALESFORCE.name)

    async def is_committed() -> bool:
        return await acting.committed("customer-sync", WEBHOOKS_SALESFORCE.name) > before

    async with acting.locked(Database.CUSTOMERS, "customers.salesforce_records"):
        await acting.create("salesforce", "Contact", _people(12))
        await acting.mistaken(is_committed, "nothing was committed by the clock")
        await acting.kill("customer-sync")
    await acting.start("customer-sync")


async def _offsets_before_write(acting: Acting) -> None:
    """Killed between the offsets and the write."""
    await acting.kill("customer-sync")
    await acting.start("customer-sync", "customer_sync.merge:before_commit=kill")
    await acting.create("salesforce", "Contact", _people(12))
    await acting.died("customer-sync")
    await acting.start("customer-sync")


async def _dual_write(acting: Acting) -> None:
    """Killed between the commit and the sending."""
    await acting.kill("customer-sync")
    await acting.start("customer-sync", "projector.project:after_commit=kill")
    await acting.create("salesforce", "Contact", _people(12))
    await acting.died("customer-sync")
    await acting.start("customer-sync")


async def _unfenced_relay(acting: Acting) -> None:
    """Frozen with rows in its hand; its session ends and another leads; it wakes and sends what it has."""
    await acting.kill("customer-sync", "customer-sync-2")
    step = "mutant.send:before" if acting.with_mistake else "relay.send:before_commit"
    log = await acting.start("customer-sync", f"{step}=freeze")
    await acting.logged("customer-sync", LEADS, log)
    (contact,) = await acting.create("salesforce", "Contact", _people(1))
    frozen = acting.rig.processes["customer-sync"]

    async def is_frozen() -> bool:
        return any(process.status() == "stopped" for process in frozen.family())

    await until(is_frozen, "customer-sync did not freeze")
    await acting.end_leader("paintbox_customers")
    await acting.logged("customer-sync-2", LEADS, await acting.start("customer-sync-2"))
    await acting.change("salesforce", "Contact", [contact], LastName="Newer")

    async def is_published() -> bool:
        waiting = await acting.count(Database.CUSTOMERS, "SELECT count(*) FROM customers.outbox_events")
        newer = await acting.count(
            Database.CUSTOMERS, "SELECT count(*) FROM customers.customers WHERE last_name = 'Newer'"
        )
        return not waiting and bool(newer)

    await until(is_published, "the newer state was not published")
    frozen.thaw()
    await acting.logged("customer-sync", "The outbox relay's term ended", log)


async def _check_then_insert(acting: Acting) -> None:
    """The same event in two partitions, read by two processes at once, neither of which knows it yet."""
    await acting.kill("photo-sync", "photo-sync-2")
    async with acting.locked(Database.INTEGRATIONS, "integrations.webhook_event_keys"):
        (project,) = await acting.create("companycam", "projects", [{"name": "Twice"}])
        record = await acting.record(WEBHOOKS_COMPANYCAM, project)
        others = WEBHOOKS_COMPANYCAM.partitions
        await acting.send_again(record, (record.partition + others // 2) % others, 1_000)
    query = "SELECT count(*) FROM integrations.webhook_events"

    async def is_logged() -> bool:
        return await acting.count(Database.INTEGRATIONS, query) > 0

    await until(is_logged, "nothing was logged")
    await acting.start("photo-sync")
    await acting.start("photo-sync-2")


async def _remembered_position(acting: Acting) -> None:
    """One process takes numbers of its outbox and commits late; the other, which leads, commits greater ones first."""
    await acting.kill("customer-sync", "customer-sync-2")
    await acting.logged("customer-sync-2", LEADS, await acting.start("customer-sync-2"))
    log = await acting.start("customer-sync", "projector.project:before_commit=block:4")
    await acting.logged("customer-sync", "Partitions were assigned", log)
    query = "SELECT count(*) FROM customers.customers"
    for most in (24, 48):
        await acting.create("salesforce", "Contact", _people(24))

        async def are_some(least: int = most // 4) -> bool:
            return await acting.count(Database.CUSTOMERS, query) >= least

        await until(are_some, "the other process wrote nothing")


async def _no_version_guard(acting: Acting) -> None:
    """The first of two changes is delivered last."""
    await acting.delay("companycam", 0)
    (project,) = await acting.create("companycam", "projects", [{"name": "First"}])
    await acting.delay("companycam", LATE_SECONDS)
    await acting.change("companycam", "projects", [project], name="Second")
    await acting.delay("companycam", 0)
    await acting.change("companycam", "projects", [project], name="Third")


async def _unsorted_locks(acting: Acting) -> None:
    """An account's contacts are projected by one process while the other merges changes of the same contacts."""
    (account,) = await acting.create("salesforce", "Account", [{"Name": "Locks"}])
    contacts = await acting.create("salesforce", "Contact", _people(16, AccountId=account))
    log = acting.rig.stack.places.log("postgres")
    for turn in range(MOST_ROUNDS if acting.with_mistake else CONTROL_ROUNDS):
        await acting.change("salesforce", "Account", [account], Name=f"Locks {turn}")
        await acting.change("salesforce", "Contact", contacts, Title=f"Title {turn}")
        if "deadlock detected" in log.read_text(errors="replace"):
            return
    if acting.with_mistake:
        raise OperatorError(f"{MOST_ROUNDS} rounds made no deadlock.")


MUTANTS: Final[Mapping[str, Mutant]] = {
    "auto-commit": Mutant(CUSTOMER_SYNC, _auto_commit, frozenset({"I1", "I2"})),
    "offsets-before-write": Mutant(CUSTOMER_SYNC, _offsets_before_write, frozenset({"I1", "I2"})),
    "dual-write": Mutant(CUSTOMER_SYNC, _dual_write, frozenset({"I3"})),
    "unfenced-relay": Mutant(CUSTOMER_SYNCS, _unfenced_relay, frozenset({"I4"}), replicas=2),
    "check-then-insert": Mutant(WEBHOOK_LOGS, _check_then_insert, frozenset({"I1"}), replicas=2),
    "remembered-position": Mutant(
        CUSTOMER_SYNCS, _remembered_position, frozenset({"I3"}), replicas=2, comes_to_rest=False
    ),
    "no-version-guard": Mutant(PHOTO_SYNC, _no_version_guard, frozenset({"truth"})),
    "unsorted-locks": Mutant(CUSTOMER_SYNCS, _unsorted_locks, frozenset({"F25"}), replicas=2),
}
