"""Where a secret or something personal could have leaked to: logs, metrics, answers, reasons, stories."""

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
from httpx import codes

from paintbox.prove import bad_requests, tables, trace
from paintbox.prove.bad_requests import BadRequest
from paintbox.prove.checks.secret import Canary, Sighting, sightings
from paintbox.prove.evidence import databases
from paintbox.stack.environments import SECRETS

ANSWER_SECONDS: Final = 6.0
"""A door refuses within 5 s."""
AT_ONCE: Final = 16
TIMEOUT: Final = httpx.Timeout(ANSWER_SECONDS, pool=None)
LIMITS: Final = httpx.Limits(max_connections=AT_ONCE)
ELSEWHERE: Final = frozenset(
    {codes.NOT_FOUND, codes.TOO_MANY_REQUESTS, codes.BAD_GATEWAY, codes.SERVICE_UNAVAILABLE, codes.GATEWAY_TIMEOUT}
)
"""What is answered where there is no door, or where it takes nothing just then."""

Content = Mapping[str, bytes | None]
"""What stands at each place that was looked at; None where that could not be read."""


def secrets_of(environment: Mapping[str, str]) -> list[Canary]:
    """Every secret of the stack: tokens, and the passwords in its DSNs."""
    tokens = [Canary("a secret", environment[name]) for name in SECRETS if environment.get(name)]
    dsns = (urlsplit(value) for name, value in environment.items() if name.endswith("_DSN"))
    return [*tokens, *(Canary("a password", dsn.password) for dsn in dsns if dsn.password)]


def logs(folder: Path) -> Content:
    """Every log of the stack."""
    return {f"log {path.name}": path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


async def answers(environment: Mapping[str, str], doors: Mapping[str, str], canaries: Sequence[Canary]) -> Content:
    """What each door answers to bad requests that hold canaries. Leaves what the doors set aside in quarantine."""
    every = list(bad_requests.of_every_kind(environment, canaries)) if doors else []
    async with _client() as client:
        asked = {
            f"answer of {name} to {bad.name}": _answer(client, url, bad) for name, url in doors.items() for bad in every
        }
        return await _all(asked)


async def metrics(urls: Mapping[str, str]) -> Content:
    """What each process measures now: of bad requests only once they are answered, and logged."""
    async with _client() as client:
        return await _all({f"metrics of {name}": _metrics(client, url) for name, url in urls.items()})


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=TIMEOUT, limits=LIMITS)


async def _all(asked: Mapping[str, Awaitable[bytes | None]]) -> Content:
    return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))


async def _metrics(client: httpx.AsyncClient, url: str) -> bytes | None:
    try:
        answer = await client.get(f"{url}/metrics")
    except httpx.HTTPError:
        return None
    return answer.content if answer.status_code == codes.OK else None


async def _answer(client: httpx.AsyncClient, door: str, bad: BadRequest) -> bytes | None:
    """Head and body. None where none came, and where it says nothing of how the door takes such a request."""
    headers = {name.encode(): value for name, value in bad.headers.items()}
    try:
        answer = await client.request(bad.method, f"{door}/webhooks/{bad.path}", content=bad.body, headers=headers)
    except httpx.HTTPError:
        return None
    if answer.status_code in ELSEWHERE or (bad.is_authenticated and answer.status_code == codes.UNAUTHORIZED):
        return None
    return b"\n".join((*(name + b": " + value for name, value in answer.headers.raw), answer.content))


async def reasons(environment: Mapping[str, str]) -> Content:
    """What we wrote about what went wrong."""
    async with databases(environment) as sessions:
        said = await tables.said(sessions)
    return {"reasons in the databases": "\n".join(said).encode()}


async def story(environment: Mapping[str, str], record: str) -> Content:
    """What `paintbox trace` tells of a record."""
    told = await trace.tell(environment, record)
    return {f"trace of {record}": json.dumps(told.as_document()).encode() if told.topics_unread is None else None}


def search(canaries: Sequence[Canary], contents: Iterable[Content]) -> tuple[dict[str, int | None], list[Sighting]]:
    """How many bytes of each place were searched, None where it could not be read, and what was seen there."""
    looked: dict[str, int | None] = {}
    seen: list[Sighting] = []
    for content in contents:
        for place, text in content.items():
            looked[place] = None if text is None else len(text)
            seen += sightings(canaries, place, text or b"")
    return looked, seen
