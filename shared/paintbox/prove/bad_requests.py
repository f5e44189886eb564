"""Requests that no door understands, full of canaries: as a vendor would send them, and as a stranger.

Only what is authenticated is read at all, so only there an error of a parser could quote what it has read. What a door
sets aside lies in quarantine afterwards.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from paintbox.environment import require
from paintbox.prove.checks.secret import Canary
from simulators.companycam import webhooks
from simulators.salesforce import signing

COMPANYCAM: Final = "companycam"
EVENTS: Final = "salesforce/events"
MESSAGES: Final = "salesforce/outbound-messages"
NAMES: Final = (
    "PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS",
    "PAINTBOX_SALESFORCE_WEBHOOK_SECRETS",
    "PAINTBOX_SALESFORCE_ENDPOINT_TOKENS",
    "PAINTBOX_SALESFORCE_ORGANIZATION_IDS",
)
"""What a vendor knows of a door."""
LEVELS: Final = 500
"""More than either kind of body may be nested."""
ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE_12: Final = "http://www.w3.org/2003/05/soap-envelope"
NOTIFICATIONS: Final = "http://soap.sforce.com/2005/09/outbound"

Bodies = Mapping[str, bytes]
"""By what is wrong with each."""
Headers = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class BadRequest:
    """One of them."""

    name: str
    """Door, fault and sender; nothing of what it carries."""
    path: str = field(repr=False)
    """A token may stand in it."""
    body: bytes = field(repr=False)
    headers: Headers = field(repr=False)
    is_authenticated: bool
    method: str = "POST"


def of_every_kind(environment: Mapping[str, str], canaries: Sequence[Canary]) -> Iterator[BadRequest]:
    """Of each door what it cannot understand, from its vendor and from a stranger.

    Raises OperatorError where the environment lacks what a vendor knows.
    """
    token, secret, endpoint, organization = (value.split(",")[0] for value in require(environment, *NAMES))
    text = carried(canaries)
    foreign = f"{MESSAGES}/{quote(text, safe='')}"

    def companycam(body: bytes) -> Headers:
        return {webhooks.SIGNATURE: webhooks.signature(token, body).encode()}

    def salesforce(body: bytes) -> Headers:
        return {name: value.encode() for name, value in signing.headers(secret, None, time.time(), body).items()}

    json_bodies, xml_bodies = _json_bodies(text), _xml_bodies(text, organization)
    yield from _from_vendor(COMPANYCAM, COMPANYCAM, json_bodies, companycam, text)
    yield from _from_vendor(EVENTS, EVENTS, json_bodies, salesforce, text)
    yield from _from_vendor(MESSAGES, f"{MESSAGES}/{endpoint}", xml_bodies, lambda _: {}, text)
    yield from _from_stranger(COMPANYCAM, COMPANYCAM, json_bodies, {webhooks.SIGNATURE: text.encode()})
    yield from _from_stranger(EVENTS, EVENTS, json_bodies, {"Authorization": b"Bearer " + text.encode()})
    yield from _from_stranger(MESSAGES, foreign, xml_bodies, {})


def carried(canaries: Sequence[Canary]) -> str:
    """A canary of each kind, the shortest first: what quotes only the beginning quotes one of them whole."""
    shortest = {one.kind: one.text for one in sorted(canaries, key=lambda one: len(one.text), reverse=True) if one.text}
    return " ".join(sorted(shortest.values(), key=len))


def _from_vendor(
    door: str, path: str, bodies: Bodies, sign: Callable[[bytes], Headers], text: str
) -> Iterator[BadRequest]:
    for fault, body in bodies.items():
        yield BadRequest(f"{door}: {fault}, from its vendor", path, body, sign(body), is_authenticated=True)
    some = next(iter(bodies.values()))
    encoded = {**sign(some), "Content-Encoding": text.encode()}
    yield BadRequest(f"{door}: an encoding, from its vendor", path, some, encoded, is_authenticated=True)
    yield BadRequest(f"{door}: a method, from its vendor", path, some, sign(some), is_authenticated=True, method="PUT")


def _from_stranger(door: str, path: str, bodies: Bodies, headers: Headers) -> Iterator[BadRequest]:
    for fault, body in bodies.items():
        yield BadRequest(f"{door}: {fault}, from a stranger", path, body, headers, is_authenticated=False)


def _json_bodies(text: str) -> Bodies:
    """For both JSON doors: each meets the other's faults, too."""
    quoted = json.dumps(text, ensure_ascii=False)
    return {
        "no JSON": text.encode(),
        "broken JSON": f'{{"event_type": {quoted}, {quoted}'.encode(),
        "no UTF-8": b'{"event_type": %b, "\xff": 0}' % quoted.encode(),
        "too deep": b"[" * LEVELS + quoted.encode() + b"]" * LEVELS,
        "U+0000": json.dumps({text: f"{text}\0"}).encode(),
        "another shape": json.dumps([text]).encode(),
        "a wrong type": _event(event_type=[text]),
        "a wrong time": _event(created_at=text),
        "a wrong id": _event(payload={"photo": {"id": text}}),
        "a wrong change": _event(ChangeEventHeader={"entityName": text, "recordIds": [text], "commitTimestamp": text}),
        "a wrong record": _event(new=[{"Id": text, "attributes": {"type": text}}]),
    }


def _event(**changes: Any) -> bytes:
    """An event of CompanyCam's, but for its payload, and these members."""
    return json.dumps({"event_type": "photo.created", "created_at": 1, "payload": None, **changes}).encode()


def _xml_bodies(text: str, organization: str) -> Bodies:
    safe = escape(text, {'"': "&quot;"})
    deep = f"{'<a>' * LEVELS}{safe}{'</a>' * LEVELS}"
    return {
        "no XML": text.encode(),
        "broken XML": f'<a b="{safe}">{safe}</{safe}>'.encode(),
        "no UTF-8": b'<a b="%b">\xff</a>' % safe.encode(),
        "a DTD": f'<!DOCTYPE a [<!ENTITY b "{safe}">]><a>&b;</a>'.encode(),
        "another encoding": f'<?xml version="1.0" encoding="{safe}"?><a>{safe}</a>'.encode(),
        "too deep": deep.encode(),
        "another root": f'<a b="{safe}">{safe}</a>'.encode(),
        "another SOAP": f'<e:Envelope xmlns:e="{ENVELOPE_12}">{safe}</e:Envelope>'.encode(),
        "no notifications": _envelope(f"<a>{safe}</a>"),
        "a wrong record": _envelope(
            f'<notifications xmlns="{NOTIFICATIONS}"><OrganizationId>{organization}</OrganizationId>'
            f"<ActionId>{safe}</ActionId><Notification><Id>{safe}</Id>"
            f'<sObject xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="s:{safe}"><Id>{safe}</Id></sObject>'
            "</Notification></notifications>"
        ),
    }


def _envelope(content: str) -> bytes:
    return f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body>{content}</e:Body></e:Envelope>'.encode()
