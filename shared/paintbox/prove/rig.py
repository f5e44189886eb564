"""The rig: a stack of its own, twice replicated, behind an edge and proxies, every process of which can be harmed."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from paintbox.databases import Database
from paintbox.environment import SERVERS
from paintbox.errors import OperatorError
from paintbox.output import PartLines
from paintbox.prove import disk, faults, recovery
from paintbox.prove.checks.operated import Ending
from paintbox.prove.disk import Disk
from paintbox.prove.handles import Handle, Variation, varied
from paintbox.prove.links import Link
from paintbox.prove.nemesis import Nemesis
from paintbox.prove.recovery import Mark
from paintbox.stack import down, kept, mounts, operate, places, stacks
from paintbox.stack.edge import find_nginx
from paintbox.stack.environments import EDGE, OWNER, PROXIES, URLS, database_name, dsn, public, url
from paintbox.stack.kept import Kept
from paintbox.stack.layout import Layout, replicas
from paintbox.stack.parts import EVERY_PART, doors, parts_of
from paintbox.stack.places import Places
from paintbox.stack.postgres import SUPERUSER
from paintbox.stack.stacks import Stack
from paintbox.stack.up import bring_up, check_space

POSTGRES: Final = {"max_connections": "100", "max_wal_size": "256MB", "min_wal_size": "64MB"}
"""Few enough connections that all can be taken, little enough log that a small disk holds it."""
CALM_SECONDS: Final = 2.0
NO_VARIATIONS: Final[Mapping[str, Variation]] = {}


@dataclass(frozen=True, slots=True)
class Rig:
    """A running stack for the proof. Everything here leads to the servers directly, past the proxies."""

    stack: Stack
    processes: Mapping[str, Handle]
    """Every process by its name: `postgres`, `kafka`, `edge`, `customer-sync`, `customer-sync-2`, …"""
    links: Mapping[str, Link]
    """The ways from the services to `postgres` and `kafka`."""
    disk: Disk | None
    no_disk: str
    """Why PostgreSQL's disk cannot be filled, where it cannot."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Kinds of faults that this machine cannot inject, or what stands in for what it lacks, and why."""
    endings: list[Ending] = field(default_factory=list)
    """How those ended whom a fault asked to."""

    @property
    def environment(self) -> dict[str, str]:
        """The operator's names, as `.local/env` of the stack has them, and the directory, by which advice names it."""
        return {**public(self.stack.kept), "PAINTBOX_DIRECTORY": str(self.stack.places.directory)}

    @property
    def ingest_urls(self) -> list[str]:
        """Where the vendors send: the edge alone, or each door where there is no edge."""
        return doors(self.stack)

    @property
    def door_urls(self) -> dict[str, str]:
        """Each door itself, by the name of its process."""
        return {name: url(self.stack.kept, name) for name in replicas("webhook-ingest", self.stack.kept.layout)}

    @property
    def urls(self) -> dict[str, str]:
        """Every process that is asked over HTTP, each replica of a service and both simulators, and where."""
        layout = self.stack.kept.layout
        names = [name for first in URLS for name in (first, *replicas(first, layout)) if name in self.processes]
        return {name: url(self.stack.kept, name) for name in names}

    @property
    def edge(self) -> str | None:
        """The URL of nginx, where this machine has it."""
        return url(self.stack.kept, EDGE) if self.stack.kept.layout.edge else None

    @property
    def salesforce_url(self) -> str:
        """The Salesforce simulator."""
        return url(self.stack.kept, "salesforce")

    @property
    def companycam_url(self) -> str:
        """The CompanyCam simulator."""
        return url(self.stack.kept, "companycam")

    @property
    def kafka(self) -> str:
        """The bootstrap servers."""
        return self.environment[SERVERS]

    @property
    def services(self) -> list[Handle]:
        """The processes of ours that work for the vendors: every replica of every service."""
        numbered = ("webhook-ingest", "webhook-log", "customer-sync", "photo-sync")
        layout = self.stack.kept.layout
        return [self.processes[name] for service in numbered for name in replicas(service, layout)]

    def dsn(self, database: Database) -> str:
        """The database as its owner."""
        return dsn(self.stack.kept, OWNER, database_name(database))

    @property
    def superuser_dsn(self) -> str:
        """The cluster as its superuser."""
        return dsn(self.stack.kept, SUPERUSER, "postgres")

    async def trouble(self, then: Mark | None = None) -> str | None:
        """None where every process is ready and has applied what there was then, or is now; else what is missing."""
        missing = await recovery.unready(self.processes.values())
        if missing:
            return "; ".join(f"{name}: {why}" for name, why in missing.items())
        try:
            now = await recovery.find_positions(self.kafka)
        except OperatorError as error:
            return str(error)
        return recovery.behind(now, then or Mark(now.ends))

    async def calm(self) -> None:
        """Everybody wakes, and everything passes; nobody is started. Whoever is stopped then waits for no server."""
        for handle in self.processes.values():
            handle.thaw()
        with suppress(TimeoutError):
            async with asyncio.timeout(CALM_SECONDS):
                await asyncio.gather(*(link.clear() for link in self.links.values()), return_exceptions=True)

    async def heal(self) -> None:
        """Undoes whatever was done: fair weather, an empty disk, everybody awake, and started where it does not run.

        Harmless where nothing was done. Raises OperatorError where a process does not become ready within 90 s.
        """
        await self.calm()
        if self.disk:
            await asyncio.to_thread(self.disk.free)
        servers = {"postgres", "kafka", *(names[0] for names in PROXIES.values())}
        await asyncio.gather(*(self.processes[name].start() for name in servers))
        await asyncio.gather(*(link.clear() for link in self.links.values()))
        await asyncio.gather(*(handle.start() for handle in self.processes.values()))

    def nemesis(self, seed: int, minutes: float, kinds: Sequence[str] | None = None) -> Nemesis:
        """The nemesis of this seed, of the named kinds or of all: on any machine with the same plan.

        What of it this machine cannot inject is left out, and added to `skipped`. Raises OperatorError for a name that
        is no kind.
        """
        wanted = faults.named(kinds)
        reasons = {kind.name: reason for kind in wanted if (reason := kind.possible(self)) is not None}
        self.skipped.extend(reasons.items())
        return Nemesis(self, seed, wanted, minutes, frozenset(reasons))

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        directory: Path | None = None,
        *,
        replicas: int = 2,
        variations: Mapping[str, Variation] = NO_VARIATIONS,
        lines: PartLines | None = None,
    ) -> AsyncIterator["Rig"]:
        """A rig from nothing, in `.local/prove` unless said; what was there of an earlier one is removed.

        Everything is stopped at the end, whatever happens; the logs stay until the next. `variations` are of processes
        by their names. Raises OperatorError where a part does not come up.
        """
        where, told = _places(directory), lines or PartLines(Console(), "starting")
        operate.demand_passing(where)
        operate.remove_earlier(where, told, _stop, unasked=True)
        places.make(where)
        with operate.locked(where, told):
            try:
                yield await _start(where, Layout(replicas, find_nginx() is not None, True, POSTGRES), variations, told)
            finally:
                await asyncio.to_thread(_stop, where, told)


def _places(directory: Path | None) -> Places:
    checkout = places.find_checkout(Path.cwd())
    return Places(checkout, (directory or checkout / ".local" / places.PROVE).expanduser().resolve())


def remove(where: Places, lines: PartLines) -> None:
    """Removes an earlier rig, as asked, whether or not it was stopped. One that is being proven on is waited for."""
    operate.remove_earlier(where, lines, _stop, unasked=False)


def _stop(where: Places, lines: PartLines) -> None:
    down.stop_all(where, [part.name for part in EVERY_PART], partial(operate.show_stopped, lines))
    mounts.release(where)


async def _start(where: Places, layout: Layout, variations: Mapping[str, Variation], lines: PartLines) -> Rig:
    check_space(where.directory)
    small = disk.mount(where)
    home = str(small.folder) if isinstance(small, Disk) else None
    places.fill(where)
    kept.write(where.kept, Kept(layout=layout, postgres_home=home, is_passing=True))
    stack = stacks.open_stack(where, os.environ, lines.say)
    parts = [varied(part, variations[part.name]) if part.name in variations else part for part in parts_of(layout)]
    results = await bring_up(stack, parts, partial(operate.show_result, lines))
    failed = [result.error for result in results if result.error]
    if failed:
        raise failed[0]
    rig = Rig(
        stack,
        {part.name: Handle(part.name, part, stack) for part in parts if part.is_process},
        {server: Link(server, stack.kept.ports[control]) for server, (_, control) in PROXIES.items()},
        small if isinstance(small, Disk) else None,
        "" if isinstance(small, Disk) else small,
    )
    if not layout.edge:
        rig.skipped.append(("edge", "nginx is not installed: the vendors send to each door itself"))
    return rig
