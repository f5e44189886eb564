"""What `.local/env` and the file of each process say: the names of the public surface, and the stack's values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from paintbox.databases import Database
from paintbox.environment import SERVERS, render
from paintbox.files import write_atomically
from paintbox.stack import postgres
from paintbox.stack.kept import Kept
from paintbox.stack.layout import Layout, replicas
from paintbox.stack.places import Places
from paintbox.stack.ports import HOST
from simulators.salesforce.definitions import ORGANIZATION_ID

OWNER: Final = "paintbox_owner"

URLS: Final = {
    "webhook-ingest": "PAINTBOX_INGEST_URL",
    "webhook-log": "PAINTBOX_WEBHOOK_LOG_URL",
    "customer-sync": "PAINTBOX_CUSTOMER_SYNC_URL",
    "photo-sync": "PAINTBOX_PHOTO_SYNC_URL",
    "estimates-sync": "PAINTBOX_ESTIMATES_SYNC_URL",
    "scheduler": "PAINTBOX_SCHEDULER_URL",
    "salesforce": "PAINTBOX_SALESFORCE_URL",
    "companycam": "PAINTBOX_COMPANYCAM_URL",
}
"""Each process that is asked over HTTP, and the name of its URL. One that does not exist yet has its port reserved."""

SIMULATED: Final = frozenset({"salesforce", "companycam"})
PORTS: Final = ("postgres", "kafka", "kafka-controller", *URLS)
EDGE: Final = "edge"
PROXIES: Final = {
    "postgres": ("proxy-postgres", "proxy-postgres-control"),
    "kafka": ("proxy-kafka", "proxy-kafka-control"),
}
"""Each server that may stand behind a proxy: the proxy's name, which is its port's too, and that of its control."""
KAFKA_PROXIED: Final = "kafka-proxied"
"""The broker's listener behind the proxy, which tells clients to come back through the proxy."""

SECRETS: Final = {
    "PAINTBOX_SALESFORCE_ENDPOINT_TOKENS": "salesforce-endpoint-token",
    "PAINTBOX_SALESFORCE_WEBHOOK_SECRETS": "salesforce-webhook-secret",
    "PAINTBOX_SALESFORCE_BEARER_TOKENS": "salesforce-bearer-token",
    "PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS": "companycam-webhook-token",
    "PAINTBOX_SERVICE_TOKENS": "service-token",
}
"""Each setting that is a secret, and the kept secret that is its value."""

LOGINS: Final = {
    "customer_sync": "paintbox_customer_sync",
    "photo_sync": "paintbox_photo_sync",
    "webhook_ingest": "paintbox_webhook_ingest",
    "webhook_log": "paintbox_webhook_log",
}
"""Each login role that a process has, and the group role (made by a migration) that holds its rights."""

KEPT_SECRETS: Final = (*SECRETS.values(), postgres.SUPERUSER, OWNER, *LOGINS)
"""All that is chosen once: the secrets above, and a password a role."""


@dataclass(frozen=True, slots=True)
class Uses:
    """What one process needs of the public names: its login and databases, and the rest by name."""

    login: str | None = None
    databases: tuple[Database, ...] = ()
    names: tuple[str, ...] = ()


def database_name(database: Database) -> str:
    """What the database is called in the cluster."""
    return f"paintbox_{database}"


def port_names(layout: Layout) -> tuple[str, ...]:
    """All that needs a port of its own in such a stack."""
    services = [name for name in URLS if name not in SIMULATED]
    more = [name for service in services for name in replicas(service, layout)[1:]]
    edge = [EDGE] if layout.edge else []
    proxies = [KAFKA_PROXIED, *(name for names in PROXIES.values() for name in names)] if layout.proxies else []
    return (*PORTS, *more, *edge, *proxies)


def dsn(kept: Kept, role: str, database: str, port: str = "postgres") -> str:
    """Where and as whom to connect to the stack's own PostgreSQL, or to what stands before it."""
    return postgres.dsn(kept.ports[port], role, kept.secrets[role], database)


def url(kept: Kept, process: str) -> str:
    """Where a process is asked over HTTP."""
    return f"http://{HOST}:{kept.ports[process]}"


def public(kept: Kept) -> dict[str, str]:
    """Every name of the public surface, as the operator of this stack has it: the databases as their owner."""
    return {
        **{database.dsn_name: dsn(kept, OWNER, database_name(database)) for database in Database},
        SERVERS: f"{HOST}:{kept.ports['kafka']}",
        **{name: url(kept, process) for process, name in URLS.items()},
        **({URLS["webhook-ingest"]: url(kept, EDGE)} if kept.layout.edge else {}),
        "PAINTBOX_SALESFORCE_ORGANIZATION_IDS": ORGANIZATION_ID,
        **{name: kept.secrets[secret] for name, secret in SECRETS.items()},
        "PAINTBOX_LOCAL_POSTGRES_BIN": kept.postgres_programs,
        "PAINTBOX_FAILPOINTS": "",
        "PAINTBOX_ENVIRONMENT": "local",
        "PAINTBOX_KAFKA_REPLICATION_FACTOR": "1",
        "PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS": "1",
    }


def private(kept: Kept, process: str, uses: Uses) -> dict[str, str]:
    """What one process is given: where it listens, its databases under its own login, and only the names it uses."""
    everything = {**public(kept), SERVERS: f"{HOST}:{kept.ports[_way(kept, 'kafka')]}"}
    way = _way(kept, "postgres")
    own = (
        {}
        if uses.login is None
        else {database.dsn_name: dsn(kept, uses.login, database_name(database), way) for database in uses.databases}
    )
    return {
        "PAINTBOX_ENVIRONMENT": "local",
        "PAINTBOX_LISTEN": f"{HOST}:{kept.ports[process]}",
        **own,
        **{name: everything[name] for name in uses.names},
    }


def _way(kept: Kept, server: str) -> str:
    """The port by which a service reaches the server."""
    return PROXIES[server][0] if kept.layout.proxies else server


def write(places: Places, kept: Kept, processes: Mapping[str, dict[str, str]]) -> bool:
    """Writes the operator's file and one a process, mode 0600; whether any changed. Files of no process are removed."""
    changed = [write_atomically(places.environment, render(public(kept)))]
    for process, values in processes.items():
        changed.append(write_atomically(places.environments / process, render(values)))
    for path in places.environments.iterdir():
        if path.name not in processes:
            path.unlink()
    return any(changed)
