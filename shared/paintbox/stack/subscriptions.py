"""Points both simulators at the doors, as an administrator does at the vendors."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from paintbox.errors import OperatorError
from simulators.salesforce.definitions import DEFINITIONS, ORGANIZATION_ID

STEERING: Final = "/_simulator/subscriptions"
SIMULATOR_SECONDS: Final = 10.0

Content = Mapping[str, Any]


async def subscribe(names: Mapping[str, str], doors: Sequence[str]) -> bool:
    """Makes the subscriptions that are missing and ends those to where the doors were before; whether any changed.

    `names` are the public ones; `doors` are where the vendors may send, of which the subscriptions take turns. Raises
    OperatorError where a simulator refuses.
    """
    *salesforce, companycam = by_turns([*salesforce_subscriptions(names), companycam_subscription(names)], doors)
    wanted = {names["PAINTBOX_SALESFORCE_URL"]: salesforce, names["PAINTBOX_COMPANYCAM_URL"]: [companycam]}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=SIMULATOR_SECONDS) as client:
            changed = [await _subscribe(client, simulator, contents) for simulator, contents in wanted.items()]
    except httpx.HTTPError as error:
        raise OperatorError(f"A simulator does not take its subscriptions: {type(error).__name__}.") from error
    return any(changed)


def salesforce_subscriptions(names: Mapping[str, str]) -> list[Content]:
    """Outbound Messages by the local definitions, and change events (which alone tell of deletions) of the same."""
    token = names["PAINTBOX_SALESFORCE_ENDPOINT_TOKENS"]
    messages = [
        {
            "kind": "outbound_message",
            "object": definition.object,
            "url": f"{names['PAINTBOX_INGEST_URL']}/webhooks/salesforce/outbound-messages/{token}",
            "organization_id": ORGANIZATION_ID,
            "action_id": definition.action_id,
            "fields": list(definition.fields),
        }
        for definition in DEFINITIONS
    ]
    events = {
        "kind": "change_events",
        "objects": [definition.object for definition in DEFINITIONS],
        "url": f"{names['PAINTBOX_INGEST_URL']}/webhooks/salesforce/events",
        "form": "cometd",
        "organization_id": ORGANIZATION_ID,
        "secret": names["PAINTBOX_SALESFORCE_WEBHOOK_SECRETS"],
        "bearer": None,
    }
    return [*messages, events]


def companycam_subscription(names: Mapping[str, str]) -> Content:
    """Every event, signed with the webhook token."""
    return {
        "url": f"{names['PAINTBOX_INGEST_URL']}/webhooks/companycam",
        "scopes": ["*"],
        "token": names["PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS"],
        "enabled": True,
    }


def by_turns(subscriptions: Sequence[Content], doors: Sequence[str]) -> list[Content]:
    """The subscriptions, the first at the first door, the next at the next, and so on around."""
    turns = zip(subscriptions, itertools.cycle(urlsplit(door).netloc for door in doors), strict=False)
    return [{**content, "url": urlsplit(content["url"])._replace(netloc=door).geturl()} for content, door in turns]


async def _subscribe(client: httpx.AsyncClient, simulator: str, contents: list[Content]) -> bool:
    before = await _list(client, simulator)
    for content in contents:
        answer = await client.post(f"{simulator}{STEERING}", json=content)
        answer.raise_for_status()
    for existing in before:
        if any(is_moved(existing, content) for content in contents):
            (await client.delete(f"{simulator}{STEERING}/{existing['id']}")).raise_for_status()
    return _marks(before) != _marks(await _list(client, simulator))


async def _list(client: httpx.AsyncClient, simulator: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{simulator}{STEERING}")
    answer.raise_for_status()
    subscriptions: list[dict[str, Any]] = answer.json()["subscriptions"]
    return subscriptions


def _marks(subscriptions: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return [(subscription["id"], subscription.get("enabled", True)) for subscription in subscriptions]


def is_moved(existing: Content, wanted: Content) -> bool:
    """Whether it is the wanted one at another address: the door's port changed. A person's own never is."""
    then, now = urlsplit(existing.get("url", "")), urlsplit(wanted["url"])
    credentials = ("kind", "action_id", "secret", "token")
    same = all(existing.get(name) == wanted.get(name) for name in credentials if name in wanted)
    return same and then.path == now.path and then.netloc != now.netloc
