"""The rows that are expected of what the vendors hold: a second mapping, written down apart from the services'.

It shares nothing with them but the computation of ids: a proof that used what it proves would prove nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from synckit.identity import customer_id, photo_id, project_id, salesforce_id18

Held = Mapping[str, Any]
"""A record as its vendor's REST gives it."""
Row = Mapping[str, Any]
"""What columns hold, by name."""
Name = tuple[str, str]
"""What a project names its customer by, in normal form."""

COUNTRIES: Final = {"United States": "US", "USA": "US", "US": "US", "Canada": "CA", "CA": "CA"}
STATUSES: Final = {
    "Prospect": "PROSPECT",
    "Customer": "ACTIVE",
    "Customer - Direct": "ACTIVE",
    "Customer - Channel": "ACTIVE",
    "Former Customer": "CHURNED",
}
"""Account.Type → status, as shipped."""
ACCOUNT_TYPES: Final = {
    "Government": "GOVERNMENT",
    "Not For Profit": "NON_PROFIT",
    "Manufacturing": "INDUSTRIAL",
    "Energy": "INDUSTRIAL",
    "Utilities": "INDUSTRIAL",
}
"""Account.Industry → account type, as shipped, for the industries made here; other companies are COMMERCIAL."""


METADATA: Final = (
    *("company_id", "creator_id", "creator_type", "creator_name", "hash", "internal", "photo_url", "uris"),
    "processing_status",
)
"""What is kept of a photo beside that which has a column."""


def customers(contacts: Iterable[Held], accounts: Iterable[Held]) -> dict[str, Row]:
    """A customer of each contact, by its Salesforce id."""
    by_id = {account["Id"]: account for account in accounts}
    return {contact["Id"]: _customer(contact, by_id.get(contact.get("AccountId"))) for contact in contacts}


def _customer(contact: Held, account: Held | None) -> Row:
    company = account or {}
    return {
        "id": customer_id(contact["Id"]),
        "first_name": contact.get("FirstName") or "",
        "last_name": contact["LastName"],
        "email": contact.get("Email"),
        "phone": contact.get("Phone") or contact.get("MobilePhone"),
        "company": company.get("Name"),
        **_address("mailing", contact, "Mailing"),
        **_address("billing", company, "Billing"),
        **_address("service", company, "Shipping"),
        "lead_source": contact.get("LeadSource"),
        "industry": company.get("Industry"),
        "website": company.get("Website"),
        "account_number": company.get("AccountNumber"),
        "salesforce_account_id": contact.get("AccountId"),
        "salesforce_owner_id": contact["OwnerId"],
        "status": STATUSES.get(company.get("Type") or "", "PROSPECT"),
        "account_type": ACCOUNT_TYPES.get(company.get("Industry") or "", "COMMERCIAL") if account else "RESIDENTIAL",
        "is_deleted": contact["IsDeleted"],
    }


def _address(prefix: str, record: Held, source: str) -> Row:
    latitude, longitude = _place(record.get(f"{source}Latitude"), record.get(f"{source}Longitude"))
    return {
        f"{prefix}_street": record.get(f"{source}Street"),
        f"{prefix}_city": record.get(f"{source}City"),
        f"{prefix}_state": record.get(f"{source}State"),
        f"{prefix}_postal_code": record.get(f"{source}PostalCode"),
        f"{prefix}_country": _country(record.get(f"{source}Country")),
        f"{prefix}_latitude": latitude,
        f"{prefix}_longitude": longitude,
    }


def projects(held: Iterable[Held], contacts: Iterable[Held], photos: Iterable[Held]) -> dict[str, Row]:
    """A row of each project, by its CompanyCam id, with its customer and how many photos it has."""
    owners = {name: contact["Id"] for contact in contacts for name in _names_of_contact(contact)}
    counts = Counter(photo["project_id"] for photo in photos if photo["status"] != "deleted")
    return {one["id"]: _project(one, _owner(one, owners), counts[one["id"]]) for one in held}


def _project(project: Held, owner: UUID | None, photos: int) -> Row:
    address = project["address"]
    streets = [address[part] for part in ("street_address_1", "street_address_2") if address[part]]
    place = project["coordinates"] or {}
    latitude, longitude = _place(place.get("lat"), place.get("lon"))
    is_deleted = project["status"] == "deleted"
    return {
        "id": project_id(project["id"]),
        "name": project["name"],
        "service_street": ", ".join(streets),
        "service_city": address["city"] or "",
        "service_state": address["state"] or "",
        "service_postal_code": address["postal_code"] or "",
        "service_country": _country(address["country"]),
        "service_latitude": latitude,
        "service_longitude": longitude,
        "notes": project["notepad"],
        "customer_id": owner,
        "status": "CANCELLED" if is_deleted else "ARCHIVED" if project["archived"] else "PLANNING",
        "is_deleted": is_deleted,
        "photo_count": photos,
    }


def photos(held: Iterable[Held], tags: Mapping[str, Sequence[str]]) -> dict[str, Row]:
    """A row of each photo, by its CompanyCam id; `tags` are those that photos hold, of photos that hold any."""
    return {one["id"]: _photo(one, tags.get(one["id"], ())) for one in held}


def _photo(photo: Held, tags: Iterable[str]) -> Row:
    uris = {uri["type"]: uri["uri"] for uri in photo["uris"]}
    place = photo["coordinates"] or {}
    latitude, longitude = _place(place.get("lat"), place.get("lon"))
    return {
        "id": photo_id(photo["id"]),
        "project_id": project_id(photo["project_id"]),
        "url": uris["original"],
        "thumbnail_url": uris["thumbnail"],
        "mime_type": "image/jpeg"
        if uris["original"].partition("?")[0].endswith(".jpg")
        else "application/octet-stream",
        "metadata": {name: photo[name] for name in METADATA if name in photo},
        "description": photo["description"],
        "captured_at": datetime.fromtimestamp(photo["captured_at"], UTC),
        "uploaded_at": datetime.fromtimestamp(photo["created_at"], UTC),
        "latitude": latitude,
        "longitude": longitude,
        "tags": sorted(tags),
        "sync_status": "DELETED" if photo["status"] == "deleted" else "SYNCED",
    }


def owned_keys(rows: Mapping[str, Row]) -> dict[str, Row]:
    """The federation key of each project, as the service of projects has it, by the project's CompanyCam id."""
    return {
        key: {
            "local_id": row["id"],
            "external_id": str(row["customer_id"]),
            "is_owner": True,
            "relationship_type": "one_to_many",
            "is_deleted": row["is_deleted"],
        }
        for key, row in rows.items()
    }


def applied_keys(rows: Mapping[str, Row]) -> dict[str, Row]:
    """The same as the service of customers has it: local and external the other way round, and not its own."""
    return {
        key: {
            "local_id": row["customer_id"],
            "external_id": str(row["id"]),
            "is_owner": False,
            "relationship_type": "one_to_many",
            "is_deleted": row["is_deleted"],
        }
        for key, row in rows.items()
    }


def project_facts(rows: Mapping[str, Row]) -> dict[str, Row]:
    """What the service of customers knows of each project."""
    names = ("customer_id", "name", "status", "is_deleted")
    return {key: {name: row[name] for name in names} for key, row in rows.items()}


def matches(rows: Mapping[str, Row], held: Iterable[Held]) -> dict[str, Row]:
    """That each project has found its customer, and by what: none is held, ambiguous or contested."""
    return {
        one["id"]: {"state": "matched", "customer_id": rows[one["id"]]["customer_id"], **_matched_by(one)}
        for one in held
        if one["id"] in rows
    }


def _matched_by(project: Held) -> Row:
    """All that it names its customer by, in the form in which it is looked up; it only ever names that one."""
    names = list(_names_in_project(project))
    of_kind = {kind: sorted(name for known, name in names if known == kind) for kind, _ in names}
    phone = next(iter(of_kind.get("phone", ())), None)
    return {
        "basis": names[0][0] if names else None,
        "relation_ids": of_kind.get("relation_id", []),
        "email": next(iter(of_kind.get("email", ())), None),
        "phone": None if phone is None else f"+1{phone}",
    }


def _owner(project: Held, owners: Mapping[Name, str]) -> UUID | None:
    """The customer whom the project names, in the strongest way in which it names any."""
    owner = next((owners[name] for name in _names_in_project(project) if name in owners), None)
    return None if owner is None else customer_id(owner)


def _names_of_contact(contact: Held) -> Iterator[Name]:
    yield "relation_id", contact["Id"]
    if contact.get("Email"):
        yield "email", contact["Email"].strip().lower()
    if number := contact.get("Phone") or contact.get("MobilePhone"):
        yield "phone", ten_digits(number)


def _names_in_project(project: Held) -> Iterator[Name]:
    """Strongest first."""
    for integration in project["integrations"]:
        if integration["type"] == "Salesforce":
            yield "relation_id", salesforce_id18(integration["relation_id"])
    person = project["primary_contact"] or {}
    if person.get("email"):
        yield "email", person["email"].strip().lower()
    if person.get("phone_number"):
        yield "phone", ten_digits(person["phone_number"])


def ten_digits(number: str) -> str:
    """The ten digits of a North American number, however it is written."""
    return "".join(filter(str.isdecimal, number))[-10:]


def _country(name: str | None) -> str:
    return COUNTRIES[name] if name else "US"


def _place(latitude: float | None, longitude: float | None) -> tuple[Decimal | None, Decimal | None]:
    """Where on earth; nowhere for a half of a place, and for 0,0, which vendors send where they know nothing."""
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
        return None, None
    return Decimal(str(latitude)), Decimal(str(longitude))
