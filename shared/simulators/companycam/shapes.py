"""What each kind of record holds, in the order in which CompanyCam writes it, where nothing was given."""

import hashlib
from collections.abc import Callable, Mapping
from string import ascii_letters, digits
from typing import Final

from pydantic import JsonValue

from simulators.records import Fields

COMPANY_ID: Final = "798001"

_CREATOR: Final[Fields] = {"creator_id": "2870001", "creator_type": "User", "creator_name": "Simulated User"}
_WEB: Final = "https://app.companycam.com"
_FILES: Final = "https://static.companycam.com"
_SIZES: Final = {"original": "4032x4032", "web": "400x400", "thumbnail": "250x250"}
_SLUG_LENGTH: Final = 16

ADDRESS: Final[Fields] = dict.fromkeys(
    ("street_address_1", "street_address_2", "city", "state", "postal_code", "country")
)
CONTACT_PARTS: Final = ("name", "email", "phone_number")


def _project(record_id: str, second: int) -> Fields:
    slug = _slug(record_id)
    return {
        "id": record_id,
        "company_id": COMPANY_ID,
        **_CREATOR,
        "integration_relation_id": None,
        "status": "active",
        "archived": False,
        "public": True,
        "name": None,
        "slug": slug,
        "project_url": f"{_WEB}/projects/{record_id}",
        "public_url": f"{_WEB}/timeline/{slug}",
        "geofence": [],
        "created_at": second,
        "updated_at": second,
        "embedded_project_url": f"{_WEB}/embed/projects/{slug}",
        "photo_count": 0,
        "capture_photo_deeplink": None,
        "primary_contact": None,
        "integrations": [],
        "notepad": None,
        "address": dict(ADDRESS),
        "feature_image": [],
        "coordinates": None,
    }


def _photo(record_id: str, second: int) -> Fields:
    picture = hashlib.md5(record_id.encode(), usedforsecurity=False).hexdigest()
    return {
        "id": record_id,
        "company_id": COMPANY_ID,
        **_CREATOR,
        "project_id": None,
        "coordinates": None,
        "status": "active",
        "uris": [_image(kind, f"{_FILES}/{picture}.jpg?d={size}") for kind, size in _SIZES.items()],
        "hash": picture,
        "internal": False,
        "photo_url": f"{_WEB}/photos/{record_id}",
        "captured_at": second,
        "created_at": second,
        "updated_at": second,
        "processing_status": "processed",
        "description": None,
    }


def _document(record_id: str, second: int) -> Fields:
    return {
        "id": record_id,
        **_CREATOR,
        "project_id": None,
        "name": None,
        "url": f"{_FILES}/documents/{_slug(record_id)}.pdf",
        "content_type": None,
        "byte_size": None,
        "created_at": second,
        "updated_at": second,
    }


def _comment(record_id: str, second: int) -> Fields:
    return {
        "id": record_id,
        **_CREATOR,
        "commentable_id": None,
        "commentable_type": None,
        "status": "active",
        "content": None,
        "created_at": second,
        "updated_at": second,
    }


def _todo_list(record_id: str, second: int) -> Fields:
    return {
        "id": record_id,
        "company_id": COMPANY_ID,
        "project_id": None,
        "name": None,
        "created_at": second,
        "updated_at": second,
        "completed_at": None,
        "creator_id": _CREATOR["creator_id"],
        "checklist_template_id": None,
        "is_populating": False,
        "sectionless_tasks": [],
        "sections": [],
    }


def _image(kind: str, address: str) -> dict[str, JsonValue]:
    return {"type": kind, "uri": address, "url": address}


def _slug(record_id: str) -> str:
    letters = ascii_letters + digits
    return "".join(letters[byte % len(letters)] for byte in hashlib.sha256(record_id.encode()).digest()[:_SLUG_LENGTH])


SHAPES: Final[Mapping[str, Callable[[str, int], Fields]]] = {
    "projects": _project,
    "photos": _photo,
    "documents": _document,
    "comments": _comment,
    "todo_lists": _todo_list,
}
"""Kind → what a record with this id, made in this second, holds."""

FIRST_IDS: Final[Mapping[str, int]] = {
    "projects": 111_390_000,
    "photos": 3_553_000_000,
    "documents": 4_115_000,
    "comments": 66_120_000,
    "todo_lists": 4_782_000_000,
    "labels": 27_370_000,
    "tags": 31_550_000,
    "webhooks": 282_000,
}
"""The ids of each kind begin behind these numbers, so that they are as long as the vendor's."""


def numbered_id(kind: str, number: int) -> str:
    """The id of the nth thing of a kind."""
    return str(FIRST_IDS[kind] + number)
