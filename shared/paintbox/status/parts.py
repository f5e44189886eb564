"""Which processes run and are ready: the local stack's by their pid files, others by what they answer alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from paintbox.stack import processes
from paintbox.stack.environments import URLS
from paintbox.stack.places import Places
from paintbox.stack.services import SERVICES, SIMULATORS, unready
from paintbox.status.answers import READY_SECONDS, ask


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
        return PartStatus(name, State.CRASHED, log=str(places.log(name)), missing="its process is gone")
    since = datetime.fromtimestamp(record.started, UTC)
    return PartStatus(name, State.READY, record.pid, since, log=str(places.log(name)))


def with_answer(part: PartStatus, missing: str | None) -> PartStatus:
    """The same, after it was asked whether it is ready. What does not run is not made ready by any answer."""
    if part.state is not State.READY or missing is None:
        return part
    return PartStatus(part.part, State.UNREADY, part.pid, part.since, missing, part.log)


async def services(environment: Mapping[str, str], found: Mapping[str, PartStatus]) -> list[PartStatus]:
    """Each process that answers over HTTP, asked all at once; `found` are those of a local stack.

    Where there is no local stack, each of them is expected whose URL the environment names.
    """
    expected = [service.name for service in (*SIMULATORS, *SERVICES)]
    wanted = {name: environment.get(URLS[name], "") for name in expected}
    asked = {name: url for name, url in wanted.items() if url}
    answers = await asyncio.gather(*(ask(unready(url), READY_SECONDS) for url in asked.values()))
    missing = {name: answer.problem or answer.value for name, answer in zip(asked, answers, strict=True)}
    return [with_answer(found.get(name, PartStatus(name, State.READY)), missing[name]) for name in asked]
