"""What the stack is made of, in the order in which it comes up: the one table, a row a part."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from paintbox import topics
from paintbox.databases import Connection, Database, connected
from paintbox.environment import SERVERS
from paintbox.migrations import migrate
from paintbox.stack import configuration, postgres, programs, roles, services, subscriptions
from paintbox.stack.edge import edge_program, proxy_program
from paintbox.stack.environments import EDGE, LOGINS, OWNER, PROXIES, database_name, dsn, public, url
from paintbox.stack.layout import MOST_REPLICAS, Layout, replicas
from paintbox.stack.programs import Outcome, Program
from paintbox.stack.servers import kafka_program, postgres_program
from paintbox.stack.services import SIMULATORS, Service, services_of
from paintbox.stack.stacks import Stack
from simulators.salesforce.definitions import outbound_messages


@dataclass(frozen=True, slots=True)
class Part:
    """One line of `paintbox up`: what it needs first, and how it comes up. What is up already is left as it is."""

    name: str
    needs: tuple[str, ...]
    bring_up: Callable[[Stack], Awaitable[Outcome]]
    program: Callable[[Stack], Program] | None = None
    """How its process is started, where it is one."""

    @property
    def is_process(self) -> bool:
        """Whether it goes on after it came up."""
        return self.program is not None


def _process(name: str, needs: tuple[str, ...], make: Callable[[Stack], Program]) -> Part:
    async def bring_up(stack: Stack) -> Outcome:
        return await programs.bring_up(stack.places, make(stack), stack.inherited)

    return Part(name, needs, bring_up, make)


def _service(service: Service, *more_needs: str) -> Part:
    return _process(service.name, (*service.needs, *more_needs), partial(services.program, service=service))


@contextlib.asynccontextmanager
async def _superuser(stack: Stack) -> AsyncIterator[Connection]:
    async with connected(dsn(stack.kept, postgres.SUPERUSER, "postgres"), process="paintbox up") as connection:
        yield connection


def _outcome(*, changed: bool) -> Outcome:
    return Outcome.CHANGED if changed else Outcome.UNCHANGED


async def _databases(stack: Stack) -> Outcome:
    names = {database: database_name(database) for database in Database}
    async with _superuser(stack) as admin:
        return _outcome(changed=await roles.create_databases(admin, names, OWNER, stack.kept.secrets[OWNER]))


async def _topics(stack: Stack) -> Outcome:
    servers = public(stack.kept)[SERVERS]
    changes = await topics.apply(servers, topics.Replication(1, 1))
    for change in changes:
        if change.reason:
            left = change.kind is topics.Kind.DRIFT
            stack.say(f"warning: {topics.sentence(change, 'is left as it is' if left else 'was put right')}")
    return _outcome(changed=any(change.kind is not topics.Kind.DRIFT for change in changes))


async def _migrations(stack: Stack) -> Outcome:
    applied = [await migrate(dsn(stack.kept, OWNER, database_name(database)), database) for database in Database]
    return _outcome(changed=any(applied))


async def _logins(stack: Stack) -> Outcome:
    async with _superuser(stack) as admin:
        return _outcome(changed=await roles.create_logins(admin, LOGINS, stack.kept.secrets))


async def _configuration(stack: Stack) -> Outcome:
    owner = dsn(stack.kept, OWNER, database_name(Database.INTEGRATIONS))
    async with connected(owner, process="paintbox up") as connection:
        return _outcome(changed=await configuration.add_outbound_messages(connection, outbound_messages()))


async def _subscriptions(stack: Stack) -> Outcome:
    return _outcome(changed=await subscriptions.subscribe(public(stack.kept), doors(stack)))


def doors(stack: Stack) -> list[str]:
    """Where the vendors send: the edge, else each door."""
    layout = stack.kept.layout
    names = [EDGE] if layout.edge else replicas("webhook-ingest", layout)
    return [url(stack.kept, name) for name in names]


def parts_of(layout: Layout) -> tuple[Part, ...]:
    """The parts of such a stack. A part comes up as soon as what it needs is up, so that much comes up at once."""
    proxies = {server: names[0] for server, names in PROXIES.items()} if layout.proxies else {}
    before_doors = tuple(replicas("webhook-ingest", layout))
    edge = [_process(EDGE, (), edge_program)] if layout.edge else []
    return (
        _process("postgres", (), postgres_program),
        Part("databases", ("postgres",), _databases),
        _process("kafka", (), kafka_program),
        Part("topics", ("kafka",), _topics),
        Part("migrations", ("databases",), _migrations),
        Part("logins", ("migrations",), _logins),
        Part("configuration", ("migrations",), _configuration),
        *(_service(service) for service in SIMULATORS),
        *(_process(name, (server,), partial(proxy_program, server=server)) for server, name in proxies.items()),
        *(_service(service, *proxies.values()) for service in services_of(layout)),
        *edge,
        Part(
            "subscriptions",
            (*(service.name for service in SIMULATORS), *before_doors, *(part.name for part in edge)),
            _subscriptions,
        ),
    )


PARTS: Final = parts_of(Layout())
"""What `paintbox up` starts where nothing else was ever chosen."""
EVERY_PART: Final = parts_of(Layout(replicas=MOST_REPLICAS, edge=True, proxies=True))
"""All that a stack could consist of: whatever was chosen, it stops in the reverse of this order."""
