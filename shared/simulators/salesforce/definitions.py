"""The simulated organization, and the Outbound Message definitions that the local stack sets up in it."""

from dataclasses import dataclass
from typing import Final

ORGANIZATION_ID: Final = "00D5e000000Pnt1EAC"
USER_ID: Final = "0055e000001SimuAAC"
"""Who makes every change here, and owns what names no other owner."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An Outbound Message as an administrator defines one: a kind of record, and the fields that it carries."""

    action_id: str
    object: str
    fields: tuple[str, ...]


def _address(prefix: str) -> tuple[str, ...]:
    parts = ("Street", "City", "State", "PostalCode", "Country", "Latitude", "Longitude")
    return tuple(f"{prefix}{part}" for part in parts)


_STAMPS: Final = ("CreatedDate", "LastModifiedDate", "SystemModstamp")

CONTACT: Final = Definition(
    action_id="04k5e0000000Ct1AAE",
    object="Contact",
    fields=(
        "Id",
        "AccountId",
        "Salutation",
        "FirstName",
        "LastName",
        "Title",
        "Email",
        "Phone",
        "MobilePhone",
        *_address("Mailing"),
        *_address("Other"),
        "LeadSource",
        "OwnerId",
        *_STAMPS,
    ),
)
ACCOUNT: Final = Definition(
    action_id="04k5e0000000Ac1AAE",
    object="Account",
    fields=(
        "Id",
        "Name",
        "Type",
        "AccountNumber",
        "AccountSource",
        "Industry",
        "Website",
        "Phone",
        *_address("Billing"),
        *_address("Shipping"),
        "OwnerId",
        *_STAMPS,
    ),
)
DEFINITIONS: Final = (CONTACT, ACCOUNT)


def outbound_messages() -> dict[str, dict[str, object]]:
    """What a receiver must know of them: ActionId → object and fields, as `integration_configs` keeps it."""
    return {each.action_id: {"object": each.object, "fields": list(each.fields)} for each in DEFINITIONS}
