"""What a project and a customer are matched by, each in the one form in which equals are equal."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import phonenumbers

from photo_sync.models.matching import CustomerRef, MatchKeys
from synckit.columns import EMAIL
from synckit.contracts.values import CustomerChanged
from synckit.identity import salesforce_id18
from synckit.mirror.facts import Record

HOME_REGION: Final = "US"
LONGEST_EMAIL: Final = 320


def match_keys(project: Record, relation_types: Iterable[str]) -> MatchKeys:
    """What a project is matched by: the Salesforce records of its integrations, its primary contact."""
    contact = project.get("primary_contact")
    contact = contact if isinstance(contact, dict) else {}
    return MatchKeys(
        project_id=project.id,
        relation_ids=_relation_ids(project.get("integrations"), {kind.casefold() for kind in relation_types}),
        email=email_key(contact.get("email")),
        phone=phone_key(contact.get("phone_number")),
    )


def customer_ref(customer: CustomerChanged) -> CustomerRef:
    """What is kept of a customer to match projects by."""
    return CustomerRef(
        customer_id=customer.customer_id,
        salesforce_ids=customer.salesforce_ids,
        email=email_key(customer.email),
        phone=phone_key(customer.phone),
        name=f"{customer.first_name} {customer.last_name}".strip(),
        merged_into=customer.merged_into,
        source_version=customer.source_version,
        deleted_at=customer.deleted_at,
    )


def _relation_ids(integrations: Any, kinds: set[str]) -> tuple[str, ...]:
    """Of the configured kinds of integration, as 18 characters. What is no Salesforce id counts for nothing."""
    found = set()
    for integration in integrations if isinstance(integrations, list) else ():
        if isinstance(integration, Mapping) and str(integration.get("type", "")).casefold() in kinds:
            try:
                found.add(salesforce_id18(str(integration.get("relation_id") or "")))
            except ValueError:
                continue
    return tuple(sorted(found))


def email_key(value: Any) -> str | None:
    """The address without the spaces around it, in lower case; None for what is no address."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if len(text) <= LONGEST_EMAIL and EMAIL.fullmatch(text) else None


def phone_key(value: Any) -> str | None:
    """The number in E.164, of the United States where it names no country; None for what is no number."""
    try:
        number = phonenumbers.parse(value if isinstance(value, str) else "", HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
