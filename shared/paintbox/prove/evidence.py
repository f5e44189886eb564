"""Everything that the checks look at, read once at rest: from the simulators, three databases and the topics."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from paintbox.databases import Connection, Database, connected
from paintbox.environment import SERVERS, require
from paintbox.prove import contents, dump, ledger, tables
from paintbox.prove.checks.truth import KINDS
from paintbox.prove.contents import Cached, Told
from paintbox.prove.dump import Published
from paintbox.prove.ledger import Delivery
from paintbox.prove.tables import CustomerLog, Doubted, Entity, EventRow, Mirrored, Receipt, SyncLog
from paintbox.world import found, steering
from paintbox.world.edits import Vendor
from paintbox.world.expected import Held, Row
from paintbox.world.steering import Simulators
from synckit import identity

PROCESS = "paintbox prove"


@dataclass(frozen=True, slots=True)
class Vendors:
    """What the vendors did and hold."""

    deliveries: Sequence[Delivery]
    held: Mapping[str, Sequence[Held]]
    """By what the mirror calls the kind of record."""
    words: Mapping[str, Sequence[str]]
    """The labels of projects and the tags of photos, by record."""


@dataclass(frozen=True, slots=True)
class Logged:
    """What `paintbox_integrations` and the sync logs of customers hold."""

    events: Sequence[EventRow]
    contents: Sequence[Told]
    """The same rows, by what they say."""
    receipts: Sequence[Receipt]
    sync_logs: Sequence[SyncLog]
    doubted: Sequence[Doubted]
    customer_logs: Sequence[CustomerLog]
    set_aside: Mapping[str, str]
    cached: Mapping[tuple[str, str, str], Cached]
    """By service, object and vendor id."""


@dataclass(frozen=True, slots=True)
class Owned:
    """What the owners publish, what the others keep of it, and what still waits."""

    customers: Sequence[Entity]
    projects: Sequence[Entity]
    keys: Sequence[Entity]
    counterparts: Sequence[Entity]
    project_facts: Sequence[Entity]
    customer_refs: Sequence[Entity]
    waiting: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows, by the vendor's id, and the mirrors, by object and id."""

    mirrors: Mapping[str, Mapping[tuple[str, str], Mirrored]]
    customers: Mapping[str, Row]
    projects: Mapping[str, Row]
    photos: Mapping[str, Row]
    matches: Mapping[str, Row]
    owned_keys: Mapping[str, Row]
    applied_keys: Mapping[str, Row]
    counts: Mapping[str, int]
    """How many rows the tables of `customers`, `projects`, … have in all, by the name of the field."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it."""

    vendors: Vendors
    logged: Logged
    owned: Owned
    rows: Rows
    webhooks: Sequence[Published]
    changes: Sequence[Published]
    requests: Sequence[Published]


@asynccontextmanager
async def databases(environment: Mapping[str, str]) -> AsyncIterator[dict[str, Connection]]:
    """A session in each of the four databases, by schema, for the block."""
    async with AsyncExitStack() as stack:
        dsns = require(environment, *(database.dsn_name for database in Database))
        yield {
            database.value: await stack.enter_async_context(connected(dsn, process=PROCESS))
            for database, dsn in zip(Database, dsns, strict=True)
        }


async def read(environment: Mapping[str, str]) -> Evidence:
    """Reads all of it from the stack that the environment names. Raises OperatorError where something is away."""
    (servers,) = require(environment, SERVERS)
    async with steering.connected(environment) as simulators:
        vendors = await _vendors(simulators)
    async with databases(environment) as sessions:
        logged, owned = await _logged(sessions), await _owned(sessions)
        rows = await _rows(sessions, vendors)
    return Evidence(
        vendors=vendors,
        logged=logged,
        owned=owned,
        rows=rows,
        webhooks=await dump.read(servers, dump.WEBHOOKS, with_values=False),
        changes=await dump.read(servers, dump.COMPACTED, with_values=True),
        requests=await dump.read(servers, dump.REQUESTS, with_values=True),
    )


async def _vendors(simulators: Simulators) -> Vendors:
    deliveries = await ledger.read(simulators)
    held = {kind.object: await steering.list_records(simulators, _vendor(kind.vendor), kind.path, "") for kind in KINDS}
    told = {
        event: {one.records[0] for one in deliveries if one.event == event}
        for event in ("project.label_added", "photo.tag_added")
    }
    labels = await steering.list_labels(simulators, sorted(told["project.label_added"]))
    tags = await steering.list_tags(simulators, sorted(told["photo.tag_added"]))
    return Vendors(deliveries, held, {**labels, **tags})


def _vendor(name: str) -> Vendor:
    return "salesforce" if name == "salesforce" else "companycam"


async def _logged(sessions: Mapping[str, Connection]) -> Logged:
    integrations = sessions["integrations"]
    return Logged(
        events=await tables.events(integrations),
        contents=await contents.logged(integrations),
        receipts=await tables.receipts(integrations),
        sync_logs=await tables.sync_logs(integrations),
        doubted=await tables.doubted(integrations),
        customer_logs=await tables.customer_logs(sessions["customers"]),
        set_aside=await tables.set_aside(integrations),
        cached=await contents.cached(integrations),
    )


async def _owned(sessions: Mapping[str, Connection]) -> Owned:
    customers, projects = sessions["customers"], sessions["projects"]
    waiting = await tables.spooled(sessions["integrations"])
    for schema in tables.OUTBOX_OWNERS:
        waiting |= await tables.waiting(sessions[schema], schema)
    return Owned(
        customers=await tables.published_customers(customers),
        projects=await tables.published_projects(projects),
        keys=await tables.federation_keys(projects, "projects", owned=True),
        counterparts=await tables.federation_keys(customers, "customers", owned=False),
        project_facts=await tables.read_model(customers, "customers.project_facts", "project_id", tables.FACT_COLUMNS),
        customer_refs=await tables.read_model(projects, "projects.customer_refs", "customer_id", tables.REF_COLUMNS),
        waiting=waiting,
    )


async def _rows(sessions: Mapping[str, Connection], vendors: Vendors) -> Rows:
    customers, projects = sessions["customers"], sessions["projects"]
    ids = {name: [str(one.get("Id") or one["id"]) for one in held] for name, held in vendors.held.items()}
    ours: dict[UUID, str] = {identity.project_id(one): one for one in ids["project"]}
    return Rows(
        mirrors={
            "salesforce": await tables.mirror(customers, "salesforce"),
            "companycam": await tables.mirror(projects, "companycam"),
        },
        customers=await found.customers(customers, [identity.customer_id(one) for one in ids["Contact"]]),
        projects=await found.projects(projects, list(ours)),
        photos=await found.photos(projects, [identity.photo_id(one) for one in ids["photo"]]),
        matches=await found.matches(projects, ids["project"]),
        owned_keys=await found.owned_keys(projects, ours),
        applied_keys=await found.applied_keys(customers, ours),
        counts={
            "customers": await tables.count(customers, "customers.customers"),
            "projects": await tables.count(projects, "projects.projects"),
            "photos": await tables.count(projects, "projects.project_photos"),
            "owned_keys": await tables.count(projects, "projects.federation_keys"),
            "applied_keys": await tables.count(customers, "customers.federation_keys"),
        },
    )
