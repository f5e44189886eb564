"""Which processes run and are ready: the local stack's by their pid files, others by what they answer alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from paintbox.stack import kept, processes
from paintbox.stack.environments import URLS, url
from paintbox.stack.places import Places
from paintbox.stack.services import SERVICES, SIMULATORS, services_of, unready
from paintbox.status.answers import ask


class State(StrEnum):
    """What a process is found to be."""

    READY = "ready"
    UNREADY = "not ready"
    CRASHED = "crashed"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One process. `missing` says what keeps it from being ready; `log` is where it says why."""

    part: str
    state: State
    pid: int | None = None
    since: datetime | None = None
    missing: str | None = None
    log: str | None = None


def local(places: Places, name: str) -> PartStatus:
    """A process of the local stack as its pid file has it: running (said as READY, until it is asked), or not."""
    record = processes.read_records(places.pids).get(name)
    if record is None:
        return PartStatus(name, State.DOWN)
    if processes.find(record) is None:
        return PartStatus(
            name,
            State.CRASHED,
            log=str(places.log(name)),
            missing="its process is gone: it crashed, or somebody ended it",
        )
    since = datetime.fromtimestamp(record.started, UTC)
    return PartStatus(name, State.READY, record.pid, since, log=str(places.log(name)))


def with_answer(part: PartStatus, missing: str | None) -> PartStatus:
    """The same, after it was asked whether it is ready. What does not run is not made ready by any answer."""
    if part.state is not State.READY or missing is None:
        return part
    return PartStatus(part.part, State.UNREADY, part.pid, part.since, missing, part.log)


def local_urls(places: Places) -> dict[str, str]:
    """Each process of the local stack that answers over HTTP, every replica too, and its URL."""
    stack = kept.read(places.kept)
    expected = [service.name for service in (*SIMULATORS, *services_of(stack.layout))]
    return {name: url(stack, name) for name in expected if name in stack.ports}


def named_urls(environment: Mapping[str, str]) -> dict[str, str]:
    """Each process whose URL the environment names."""
    wanted = {service.name: environment.get(URLS[service.name], "") for service in (*SIMULATORS, *SERVICES)}
    return {name: address for name, address in wanted.items() if address}


async def services(asked: Mapping[str, str], found: Mapping[str, PartStatus]) -> list[PartStatus]:
    """Each process that answers over HTTP, asked all at once at its URL; `found` are those of a local stack."""
    answers = await asyncio.gather(*(ask(unready(address)) for address in asked.values()))
    missing = {name: answer.problem or answer.value for name, answer in zip(asked, answers, strict=True)}
    return [with_answer(found.get(name, PartStatus(name, State.READY)), missing[name]) for name in asked]
