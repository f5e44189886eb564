"""Where a secret or something personal could have leaked to: logs, metrics, answers, reasons, stories."""

import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from paintbox.prove import tables, trace
from paintbox.prove.checks.secret import Canary, Sighting, sightings
from paintbox.prove.evidence import databases
from paintbox.stack.environments import SECRETS

ANSWER_SECONDS: Final = 5.0

Content = Mapping[str, bytes]
"""What stands at each place that was looked at."""


def secrets_of(environment: Mapping[str, str]) -> list[Canary]:
    """Every secret of the stack: tokens, and the passwords in its DSNs."""
    tokens = [Canary("a secret", environment[name]) for name in SECRETS if environment.get(name)]
    dsns = (urlsplit(value) for name, value in environment.items() if name.endswith("_DSN"))
    return [*tokens, *(Canary("a password", dsn.password) for dsn in dsns if dsn.password)]


def logs(folder: Path) -> Content:
    """Every log of the stack."""
    return {f"log {path.name}": path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


async def answers(urls: Mapping[str, str], doors: Sequence[str], canaries: Sequence[Canary]) -> Content:
    """The metrics of each process, and what the doors answer to bad requests that hold canaries."""
    found: dict[str, bytes] = {}
    carried = "\n".join(canary.text for canary in canaries).encode()
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as client:
        for name, url in urls.items():
            found[f"metrics of {name}"] = await _content(client.get(f"{url}/metrics"))
        for door in doors:
            for path in ("companycam", "salesforce/events", "salesforce/outbound-messages/wrong"):
                url = f"{door}/webhooks/{path}"
                found[f"problem of {path}"] = await _content(client.post(url, content=carried))
    return found


async def _content(asked: Awaitable[httpx.Response]) -> bytes:
    """The body of an answer; the error's name where none came."""
    try:
        return (await asked).content
    except httpx.HTTPError as error:
        return type(error).__name__.encode()


async def reasons(environment: Mapping[str, str]) -> Content:
    """What we wrote about what went wrong."""
    async with databases(environment) as sessions:
        said = await tables.said(sessions)
    return {"reasons in the databases": "\n".join(said).encode()}


async def story(environment: Mapping[str, str], record: str) -> Content:
    """What `paintbox trace` tells of a record."""
    told = await trace.tell(environment, record)
    return {f"trace of {record}": json.dumps(told.as_document()).encode()}


def search(canaries: Sequence[Canary], contents: Iterable[Content]) -> tuple[dict[str, int], list[Sighting]]:
    """How many bytes of each place were searched, and what was seen there."""
    looked: dict[str, int] = {}
    seen: list[Sighting] = []
    for content in contents:
        for place, text in content.items():
            looked[place] = len(text)
            seen += sightings(canaries, place, text)
    return looked, seen
