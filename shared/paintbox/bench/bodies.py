"""What vendors would post, made beforehand: bodies of the sizes that the workloads ask for, and their requests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

import orjson

from paintbox.world import people
from paintbox.world.people import Fields
from paintbox.world.runs import CONTACT, PHOTO, PROJECT, Run
from simulators.companycam import webhooks
from simulators.companycam.shapes import SHAPES
from simulators.salesforce import definitions
from simulators.salesforce.outbound_messages import HEADERS, envelope
from simulators.salesforce.records import rest_time
from simulators.salesforce.subscriptions import OutboundMessage

WEBHOOK_ID: Final = 282_001
SHORT_FIELDS: Final = ("Id", "FirstName", "LastName", "Email", "Phone", "SystemModstamp")
"""Few enough that an envelope with one notification has about 1 KB."""
ENVELOPE: Final = 100
"""As many notifications as Salesforce puts into one message at most."""
SEED: Final = 7
BEGAN_MS: Final = 1_767_225_600_000


def a_run(number: int) -> Run:
    """The records of one part of a workload: those of another number have other ids."""
    return Run(number, SEED, BEGAN_MS)


def contacts(run: Run, many: int, accounts: Sequence[Fields] = ()) -> Iterator[Fields]:
    """Contacts as Salesforce shows them; of no company where there are no accounts."""
    dice = Random(SEED)  # noqa: S311 - to be repeatable, not to be secret
    for index in range(many):
        fields = people.a_contact(run, index, accounts or [{"Id": None}], dice)
        yield {name: value for name, value in fields.items() if value is not None}


def stamped(fields: Fields, moment: int) -> Fields:
    """The record as changed at a moment (ms)."""
    stamp = rest_time(moment)
    made = {"CreatedDate": stamp} if "CreatedDate" not in fields else {}
    return {**fields, **made, "OwnerId": definitions.USER_ID, "LastModifiedDate": stamp, "SystemModstamp": stamp}


def message(notifications: Iterable[tuple[str, Fields]], names: Sequence[str] = definitions.CONTACT.fields) -> bytes:
    """An Outbound Message of contacts with these fields."""
    definition = OutboundMessage(
        url="http://127.0.0.1/",
        kind="outbound_message",
        object="Contact",
        organization_id=definitions.ORGANIZATION_ID,
        action_id=definitions.CONTACT.action_id,
        fields=tuple(names),
    )
    return envelope(definition, list(notifications))


def photo(run: Run, index: int, second: int) -> bytes:
    """A `photo.created`, about 1 KB."""
    fields = SHAPES["photos"](run.companycam_id(PHOTO, index), second)
    named: Fields = {"project_id": run.companycam_id(PROJECT, index % 1_000), "description": "South wall, first coat"}
    return webhooks.envelope("photo.created", second, {"photo": {**fields, **named}}, WEBHOOK_ID)


def project(run: Run, index: int, second: int, email: str) -> bytes:
    """A `project.created` of the customer with this e-mail address."""
    fields = SHAPES["projects"](run.companycam_id(PROJECT, index), second)
    named: Fields = {
        "name": f"Repaint {index}",
        "address": {
            "street_address_1": f"{index} Main Street",
            "street_address_2": None,
            "city": "Portland",
            "state": "OR",
            "postal_code": "97201",
            "country": "US",
        },
        "coordinates": {"lat": 45.5, "lon": -122.6},
        "primary_contact": {"name": "Ann Lee", "email": email, "phone_number": None},
    }
    return webhooks.envelope("project.created", second, {"project": {**fields, **named}}, WEBHOOK_ID)


def large(run: Run, index: int, second: int, size: int) -> bytes:
    """A `photo.created` whose description makes it this large."""
    body: dict[str, Any] = orjson.loads(photo(run, index, second))
    body["payload"]["photo"]["description"] = ""
    body["payload"]["photo"]["description"] = "x" * (size - len(orjson.dumps(body)))
    return orjson.dumps(body)


def companycam_request(environment: Mapping[str, str], body: bytes) -> bytes:
    """The whole request, signed with the stack's token."""
    token = environment["PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS"].partition(",")[0]
    signed = {"Content-Type": "application/json", webhooks.SIGNATURE: webhooks.signature(token, body)}
    return request("/webhooks/companycam", body, signed)


def salesforce_request(environment: Mapping[str, str], body: bytes) -> bytes:
    """The whole request to the SOAP door, whose path has the stack's token."""
    token = environment["PAINTBOX_SALESFORCE_ENDPOINT_TOKENS"].partition(",")[0]
    return request(f"/webhooks/salesforce/outbound-messages/{token}", body, HEADERS)


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """An HTTP/1.1 request as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def body_of(raw: bytes) -> bytes:
    """The body of a request that `request` made."""
    return raw.partition(b"\r\n\r\n")[2]


def mixed(environment: Mapping[str, str], many: int, now_ms: int) -> list[bytes]:
    """Requests of about 1 KB, every other one of each vendor."""
    run, made = a_run(1), contacts(a_run(1), many // 2)
    requests = []
    for index, contact in enumerate(made):
        one = message([(f"04l5e0000{index:06}AAA", stamped(contact, now_ms))], SHORT_FIELDS)
        requests.append(salesforce_request(environment, one))
        requests.append(companycam_request(environment, photo(run, index, now_ms // 1000)))
    return requests


def contact_id(run: Run, index: int) -> str:
    """The id of the nth contact of a run."""
    return run.salesforce_id(CONTACT, index)
