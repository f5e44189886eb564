"""What the tests make up must stand in no log, metric, reason, story or answer about a problem.

A stack's processes and databases are asked and its logs searched before it is cleaned, a process's metrics before it
is ended and its log afterwards; the rest is searched when the session ends. An answer is searched when it comes.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

import httpx
from prometheus_client import generate_latest

from paintbox.environment import parse
from paintbox.errors import OperatorError
from paintbox.prove import leaks
from paintbox.prove.canaries import of_everybody
from paintbox.prove.checks.secret import Canary, Sighting

TESTS: Final = Path(__file__).parents[1]
NAMES: Final = ("Lovelace", "Hunting", "Geraldine", "Byron", "Kong", "Quillfeather")
"""Names of the tests' people that no log holds for another reason."""
MAIL: Final = re.compile(r"[\w}+.-](@[A-Za-z0-9-]+\.(?:com|net|org|ie|example))\b", re.IGNORECASE)
"""Whoever writes to it: each address of the tests is at one of these domains, also one that is computed."""
TELEPHONE: Final = re.compile(r"\+1 ?\d{3} ?\d{3} ?\d{4}|\(\d{3}\) ?\d{3}-\d{4}|\b\d{3}[-. /]\d{3}[-. ]\d{4}\b")
SUFFIXES: Final = frozenset({".py", ".json", ".xml"})
PROBLEM: Final = "application/problem+json"
METRICS_SECONDS: Final = 1.0
SHORTEST_SECRET: Final = 16
"""A test may make do with less, which then stands anywhere."""

_seen: list[Sighting] = []
"""By this session's process: under xdist each worker searches what it started."""


def seen() -> Sequence[Sighting]:
    """What was found so far."""
    return _seen


@cache
def of_the_tests() -> Sequence[Canary]:
    """What is written in the tests, and whatever they have made up at random: domains of e-mail addresses, names, and
    telephone numbers, as typed and as we store them.
    """
    texts = [file.read_text(errors="replace") for file in sorted(TESTS.rglob("*.*")) if file.suffix in SUFFIXES]
    mails = {found.lower() for text in texts for found in MAIL.findall(text)}
    telephones = {found for text in texts for found in TELEPHONE.findall(text)}
    telephones |= {_stored(number) for number in telephones}
    return [
        *of_everybody(),
        *(Canary("an e-mail address", domain) for domain in sorted(mails)),
        *(Canary("a telephone number", number) for number in sorted(telephones)),
        *(Canary("a name", name) for name in NAMES),
    ]


def _stored(number: str) -> str:
    """A number of the tests in E.164: all are of the United States."""
    return "+1" + "".join(filter(str.isdecimal, number))[-10:]


def secrets_in(environment: Mapping[str, str]) -> list[Canary]:
    """The secrets of an environment, each of several by itself."""
    found = (Canary(one.kind, part) for one in leaks.secrets_of(environment) for part in one.text.split(","))
    return [one for one in found if len(one.text) >= SHORTEST_SECRET]


def search_stack(directory: Path) -> list[Sighting]:
    """What stands in the logs of the stack in this directory; nothing where there is none."""
    logs = directory / "logs"
    return leaks.search(_canaries(directory), [leaks.logs(logs)])[1] if logs.is_dir() else []


def search_running(directory: Path) -> list[Sighting]:
    """What the processes of the stack measure and answer to bad requests, and the reasons that they wrote down.

    Of what is away, or was never there, nothing can be asked.
    """
    if not (directory / "env").is_file():
        return []
    environment = parse((directory / "env").read_text())
    listening = {file.name: parse(file.read_text()).get("PAINTBOX_LISTEN") for file in (directory / "env.d").glob("*")}
    urls = {name: f"http://{address}" for name, address in listening.items() if address}
    doors = {name: url for name, url in urls.items() if name.startswith("webhook-ingest")}
    canaries = _canaries(directory)
    contents = [asyncio.run(leaks.answers(environment, doors, canaries)), asyncio.run(leaks.metrics(urls))]
    with suppress(OperatorError):
        contents.append(asyncio.run(leaks.reasons(environment)))
    return leaks.search(canaries, contents)[1]


def search_metrics(url: str, secrets: Sequence[Canary]) -> list[Sighting]:
    """What stands in the metrics of a process; nothing where it does not answer any more."""
    try:
        answer = httpx.get(f"{url}/metrics", trust_env=False, timeout=METRICS_SECONDS)
    except httpx.TransportError:
        return []
    return search_text(f"metrics of {url}", answer.content, secrets)


def search_text(place: str, text: bytes, secrets: Sequence[Canary] = ()) -> list[Sighting]:
    """What stands in what was said at a place."""
    return leaks.search([*of_the_tests(), *secrets], [{place: text}])[1]


def _canaries(directory: Path) -> list[Canary]:
    """What is written in the tests, and the secrets of the stack in this directory."""
    files = [directory / "env", *(directory / "env.d").glob("*")]
    secrets = {canary for file in files if file.is_file() for canary in secrets_in(parse(file.read_text()))}
    return [*of_the_tests(), *secrets]


def search_log(log: Path, secrets: Sequence[Canary]) -> list[Sighting]:
    """What stands in one process's log."""
    content = {f"log {log.name}": log.read_bytes()} if log.is_file() else {}
    return leaks.search([*of_the_tests(), *secrets], [content])[1]


def search_rest(folder: Path, run: Path) -> list[Sighting]:
    """What stands in the logs of stacks that still lie below a folder and of this run's servers, and in our metrics."""
    stacks = [kept.parent for kept in folder.rglob("stack.json")]
    found = [one for stack in stacks for one in search_stack(stack)]
    found += search_text("metrics of the tests' own process", generate_latest())
    return found + [one for state in run.glob("*.json") for one in search_log(*_shared(state))]


def _shared(state: Path) -> tuple[Path, list[Canary]]:
    """The log of a server that the workers share, and its passwords."""
    said = json.loads(state.read_text())
    return Path(said["home"], "log"), [Canary("a password", said[name]) for name in said if name.endswith("password")]


async def search_answer(answer: httpx.Response) -> None:
    """Notes what stands in an answer that tells of a problem."""
    if answer.headers.get("content-type", "").startswith(PROBLEM):
        note(search_text(f"problem of {answer.url.path}", await answer.aread()))


def note(found: Sequence[Sighting]) -> None:
    """Keeps it for the end of the session, which then fails."""
    _seen.extend(found)


def told(found: Sequence[Sighting]) -> Iterator[str]:
    """Each kind and place, never the canary."""
    yield from sorted({f"{one.place} holds {one.kind}" for one in found})
