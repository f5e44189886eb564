"""What demo and proof ask of the simulators: make records, change them, misbehave, tell what they hold and delivered.

docs/simulators.md has their side of it.
"""

import asyncio
import shlex
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from paintbox.environment import require
from paintbox.errors import OperatorError
from paintbox.stack.environments import URLS
from paintbox.world.edits import Step, Vendor
from paintbox.world.people import Fields

VENDORS: Final[tuple[Vendor, ...]] = ("salesforce", "companycam")
LARGEST_REQUEST: Final = 1000
"""How many records one request makes or lists. A simulator does nothing else meanwhile: a third of a second."""
AT_ONCE: Final = 8
"""How many requests are under way at once: one that waits for its record's next second holds up no other."""
ANSWER_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 1.0
"""For how long a connection is used again: a simulator closes one that was idle for 5 s, perhaps as we ask anew."""

TRIES: Final = 4
PAUSE_SECONDS: Final = 0.5
CUT: Final = (httpx.NetworkError, httpx.RemoteProtocolError)
"""A connection that ended before its answer: on a busy machine that happens to the best."""

DUPLICATES: Final = 0.2
FAULTS: Final[Mapping[str, Any]] = {
    "duplicate": DUPLICATES,
    "reorder": 0.15,
    "delay": {"probability": 0.1, "seconds": 3.0},
}
"""What goes wrong with deliveries of edits. Never `drop`: nobody reads again yet, so what is lost stays lost."""


class RefusedError(OperatorError):
    """A simulator answered that it does not do what it was asked."""


@dataclass(frozen=True, slots=True)
class Simulators:
    """Both, as a client of their steering API."""

    client: httpx.AsyncClient
    urls: Mapping[Vendor, str]
    status: str
    """The command that shows whether they run."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as the simulator tells of it."""

    seq: int
    subscription: str
    event: str
    form: str
    records: tuple[str, ...]
    copy_of: int | None
    is_answered: bool
    """With what counts as success."""
    attempts: int


@asynccontextmanager
async def connected(environment: Mapping[str, str]) -> AsyncIterator[Simulators]:
    """The simulators that the environment names, for the block. No proxy is ever asked."""
    urls = dict(zip(VENDORS, require(environment, *(URLS[vendor] for vendor in VENDORS)), strict=True))
    limits = httpx.Limits(keepalive_expiry=IDLE_SECONDS)
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS, limits=limits) as client:
        yield Simulators(client, urls, _status(environment.get("PAINTBOX_DIRECTORY")))


def _status(directory: str | None) -> str:
    return f"paintbox status --directory {shlex.quote(directory)}" if directory else "paintbox status"


async def create(simulators: Simulators, vendor: Vendor, kind: str, records: Sequence[Fields]) -> None:
    """Makes these records."""
    for start in range(0, len(records), LARGEST_REQUEST):
        await ask(simulators, vendor, "POST", f"records/{kind}", json=records[start : start + LARGEST_REQUEST])


async def take(simulators: Simulators, steps: Iterable[Step]) -> None:
    """Takes all of these steps, in any order."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(step: Step) -> None:
        async with turns:
            await ask(simulators, step.vendor, step.method, f"records/{step.path}", json=step.body)

    await asyncio.gather(*map(one, steps))


async def misbehave(simulators: Simulators, seed: int, *, patient: bool = False) -> None:
    """From now on deliveries come twice, late and in the wrong order. Replaces whatever faults were in force.

    `patient`: what fails is tried again for ever.
    """
    for vendor in VENDORS:
        await ask(simulators, vendor, "PUT", "faults", json={**FAULTS, "patient": patient, "seed": seed})


async def only_be_patient(simulators: Simulators) -> None:
    """Nothing goes wrong from now on, and what failed is tried again for ever."""
    for vendor in VENDORS:
        await ask(simulators, vendor, "PUT", "faults", json={"patient": True})


async def behave(simulators: Simulators) -> None:
    """Ends all faults, of one simulator also where the other does not answer; then it raises OperatorError."""
    ended = await asyncio.gather(
        *(ask(simulators, vendor, "DELETE", "faults") for vendor in VENDORS), return_exceptions=True
    )
    for failure in ended:
        if isinstance(failure, BaseException):
            raise failure


async def set_clocks_right(simulators: Simulators) -> dict[Vendor, float]:
    """Lets both simulators' clocks show real time; by how many seconds those went before it that did not."""
    wrong: dict[Vendor, float] = {}
    for vendor in VENDORS:
        shift = (await ask(simulators, vendor, "GET", "clock"))["shift_seconds"]
        if shift:
            await ask(simulators, vendor, "PUT", "clock", json={"shift_seconds": 0})
            wrong[vendor] = shift
    return wrong


async def list_records(simulators: Simulators, vendor: Vendor, kind: str, place: str) -> list[Fields]:
    """The records whose ids begin so (all, for ""), deleted ones too, as they are held now."""
    name = "Id" if vendor == "salesforce" else "id"
    found: list[Fields] = []
    after: str | None = place
    while after is not None:
        page = await ask(
            simulators, vendor, "GET", f"records/{kind}", params={"after": after, "limit": LARGEST_REQUEST}
        )
        ours = [record for record in page["records"] if record[name].startswith(place)]
        found += ours
        after = page["next"] if len(ours) == len(page["records"]) else None
    return found


async def list_tags(simulators: Simulators, photo_ids: Iterable[str]) -> dict[str, list[str]]:
    """The words of the tags that these photos hold."""
    return await _list_words(simulators, "photos", "tags", photo_ids)


async def list_labels(simulators: Simulators, project_ids: Iterable[str]) -> dict[str, list[str]]:
    """The words of the labels that these projects hold."""
    return await _list_words(simulators, "projects", "labels", project_ids)


async def _list_words(simulators: Simulators, kind: str, name: str, ids: Iterable[str]) -> dict[str, list[str]]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(record_id: str) -> tuple[str, list[str]]:
        async with turns:
            answer = await ask(simulators, "companycam", "GET", f"records/{kind}/{record_id}/{name}")
        return record_id, [str(word["display_value"]) for word in answer[name]]

    return dict(await asyncio.gather(*map(one, ids)))


async def count_deliveries(
    simulators: Simulators, vendor: Vendor, subscriptions: Iterable[str] | None = None
) -> Mapping[str, int]:
    """How many deliveries are in each state: pending, delivered, failed, dropped. None is ever forgotten.

    Of all subscriptions, unless said.
    """
    answer = await ask(simulators, vendor, "GET", "deliveries", params={"limit": 1, **_those(subscriptions)})
    counts: Mapping[str, int] = answer["counts"]
    return counts


async def list_subscriptions(simulators: Simulators, vendor: Vendor, url: str) -> set[str]:
    """The ids of the subscriptions that are told below this URL."""
    answer = await ask(simulators, vendor, "GET", "subscriptions")
    return {told["id"] for told in answer["subscriptions"] if told["url"].startswith(f"{url}/")}


async def list_deliveries(
    simulators: Simulators, vendor: Vendor, after: int, subscriptions: Iterable[str] | None = None
) -> list[Delivery]:
    """All deliveries with a greater number, from 1 on without gaps: of all subscriptions, or of these."""
    those = _those(subscriptions)
    found: list[Delivery] = []
    following: int | None = after
    while following is not None:
        params = {"after": following, "limit": LARGEST_REQUEST, **those}
        page = await ask(simulators, vendor, "GET", "deliveries", params=params)
        found += [_delivery(each) for each in page["deliveries"]]
        following = page["next"]
    return found


def _those(subscriptions: Iterable[str] | None) -> dict[str, str]:
    return {} if subscriptions is None else {"subscription": ",".join(sorted(subscriptions))}


def _delivery(told: Mapping[str, Any]) -> Delivery:
    return Delivery(
        seq=told["seq"],
        subscription=told["subscription"],
        event=told["event"],
        form=told["form"],
        records=tuple(told["records"]),
        copy_of=told["copy_of"],
        is_answered=told["state"] == "delivered",
        attempts=len(told["attempts"]),
    )


async def ask(simulators: Simulators, vendor: Vendor, method: str, path: str, **content: Any) -> Any:
    """The answer's JSON, None where it has none. OperatorError where there is no answer, RefusedError for a refusal.

    What changes nothing when it is done twice is tried again where its connection was cut.
    """
    url = f"{simulators.urls[vendor]}/_simulator/{path}"
    try:
        answer = await _request(simulators, method, url, TRIES if _is_idempotent(method, path) else 1, content)
    except httpx.HTTPError as error:
        raise OperatorError(
            f"The simulator {vendor} does not answer ({type(error).__name__}): "
            f"`{simulators.status}` shows whether it runs."
        ) from error
    if answer.is_error:
        raise RefusedError(f"The simulator {vendor} refuses {method} {path} ({answer.status_code}): {_detail(answer)}")
    return answer.json() if answer.content else None


def _is_idempotent(method: str, path: str) -> bool:
    return method in {"GET", "PUT"} or (method, path) == ("DELETE", "faults")


async def _request(
    simulators: Simulators, method: str, url: str, tries: int, content: Mapping[str, Any]
) -> httpx.Response:
    for _number in range(tries - 1):
        try:
            return await simulators.client.request(method, url, **content)
        except CUT:
            await asyncio.sleep(PAUSE_SECONDS)
    return await simulators.client.request(method, url, **content)


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail") or answer.json()["title"])
    except (ValueError, KeyError, AttributeError):
        return "it does not say why"
