"""The whole of `paintbox status`: everything asked at once, and told in one piece."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from paintbox.databases import Database
from paintbox.environment import SERVERS
from paintbox.stack.places import Places
from paintbox.status import parts
from paintbox.status.answers import Answer, ask
from paintbox.status.lag import TopicLag, topic_lags
from paintbox.status.parts import PartStatus, State
from paintbox.status.rows import Waiting, waiting
from paintbox.topics import Change, differences, replication_of


@dataclass(frozen=True, slots=True)
class Status:
    """What was found. A problem is a question that nobody answered."""

    parts: list[PartStatus]
    topics: list[TopicLag] = field(default_factory=list)
    databases: Mapping[Database, Waiting] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    drift: list[Change] = field(default_factory=list)
    """How topics differ from their definitions."""

    @property
    def is_well(self) -> bool:
        """Whether all that should be up is, and every question was answered."""
        return bool(self.parts) and all(part.state is State.READY for part in self.parts) and not self.problems


async def find_status(environment: Mapping[str, str], places: Places | None) -> Status:
    """The state of the local stack in `places`, or (None) of what the environment names. Takes little over 8 s."""
    servers = environment.get(SERVERS)
    kafka, drift, databases, services = await asyncio.gather(
        ask(topic_lags(servers)) if servers else _unknown("no broker is named"),
        ask(_drift(servers, environment)) if servers else _unknown("no broker is named"),
        _ask_databases(environment),
        _ask_services(environment, places),
    )
    answered = {database: answer.value for database, answer in databases.items() if answer.value is not None}
    return Status(
        parts=[*_servers(places, kafka, databases), *services],
        topics=kafka.value or [],
        databases=answered,
        problems=list(_problems(kafka, drift, databases)),
        drift=drift.value or [],
    )


async def _unknown(problem: str) -> Answer[Any]:
    return Answer(None, problem)


async def _drift(servers: str, environment: Mapping[str, str]) -> list[Change]:
    return await differences(servers, replication_of(environment))


async def _ask_databases(environment: Mapping[str, str]) -> dict[Database, Answer[Waiting]]:
    asked = [database for database in Database if environment.get(database.dsn_name)]
    answers = await asyncio.gather(*(ask(waiting(environment[each.dsn_name], each)) for each in asked))
    return dict(zip(asked, answers, strict=True))


async def _ask_services(environment: Mapping[str, str], places: Places | None) -> list[PartStatus]:
    if places is None:
        return await parts.services(parts.named_urls(environment), {})
    urls = parts.local_urls(places)
    return await parts.services(urls, {name: parts.local(places, name) for name in urls})


def _servers(
    places: Places | None, kafka: Answer[list[TopicLag]], databases: Mapping[Database, Answer[Waiting]]
) -> Iterator[PartStatus]:
    """PostgreSQL and Kafka of the local stack: ready where they answered what was asked of them."""
    if places is not None:
        refused = [answer.problem for answer in databases.values() if answer.problem]
        yield parts.with_answer(parts.local(places, "postgres"), refused[0] if refused else None)
        yield parts.with_answer(parts.local(places, "kafka"), kafka.problem)


def _problems(
    kafka: Answer[list[TopicLag]], drift: Answer[list[Change]], databases: Mapping[Database, Answer[Waiting]]
) -> Iterator[str]:
    if problem := kafka.problem or drift.problem:
        yield f"kafka: {problem}"
    for database, answer in databases.items():
        if answer.problem:
            yield f"{database}: {answer.problem}"


def as_document(status: Status) -> dict[str, Any]:
    """As `--json` prints it."""
    said = status.databases.items()
    outboxes = {database: asdict(found.outbox) for database, found in said if found.outbox}
    held = [found.held for _, found in said if found.held]
    aside = [found.set_aside for _, found in said if found.set_aside]
    return {
        "well": status.is_well,
        "parts": [{**asdict(part), "since": part.since.isoformat() if part.since else None} for part in status.parts],
        "topics": [asdict(topic) for topic in status.topics],
        "drift": [asdict(change) for change in status.drift],
        "outboxes": outboxes,
        "refused": {database: found.refused for database, found in said if found.refused is not None},
        "held": asdict(held[0]) if held else None,
        "quarantined": aside[0].quarantined if aside else None,
        "parked": aside[0].parked if aside else None,
        "unfinished": aside[0].unfinished if aside else None,
        "alarms": [asdict(one) | {"raised_at": one.raised_at.isoformat()} for one in aside[0].alarms]
        if aside
        else None,
        "problems": status.problems,
    }
