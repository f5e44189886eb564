"""The rows that CompanyCam's records make."""

import mimetypes
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from photo_sync.models.columns import PROJECT_COLUMNS
from photo_sync.models.configuration import CompanyCamConfig
from photo_sync.models.rows import Photo, Project
from photo_sync.rules.reading import ARCHIVED, PHOTO, PROJECT, TAG
from synckit import times, versions
from synckit.columns import NOT_A_COORDINATE, Fitted, Problem, fit, words
from synckit.identity import photo_id, project_id
from synckit.mirror.facts import DELETED, Fact, Record

UNKNOWN_MIME_TYPE: Final = "application/octet-stream"
LONGEST_TAG: Final = 200
STREETS: Final = ("street_address_1", "street_address_2")


def project_from(record: Record, customer_id: UUID, config: CompanyCamConfig) -> Project:
    """The row of a project that belongs to a customer."""
    fitted = _project_columns(record)
    return Project(
        id=project_id(record.id),
        company_cam_id=record.id,
        customer_id=customer_id,
        columns={name: value for name, (value, _) in fitted.items()},
        type=config.project_type,
        is_archived=record.get(ARCHIVED) is True,
        deleted_at=_deleted_at(record) if is_deleted(record) else None,
        source_version=record.newest,
        modified_at=versions.modified_ms(record.newest),
        problems=_problems(fitted),
    )


def _project_columns(record: Record) -> dict[str, Fitted]:
    address = _object(record.get("address"))
    lines = [words(address.get(name)) for name in STREETS]
    given = {
        "service_city": address.get("city"),
        "service_state": address.get("state"),
        "service_postal_code": address.get("postal_code"),
        "service_country": address.get("country"),
        "notes": record.get("notepad"),
    }
    latitude, longitude = _coordinates(record)
    return {
        "name": _named(record, next((line for line in lines if line[0]), (None, None))),
        "service_street": _joined(lines),
        **{name: fit(value, PROJECT_COLUMNS[name]) for name, value in given.items()},
        "service_latitude": latitude,
        "service_longitude": longitude,
    }


def _named(record: Record, street: Fitted) -> Fitted:
    """The name, else the street, else one that we make: every project has one."""
    name, problem = fit(record.get("name"), PROJECT_COLUMNS["name"])
    made, _ = fit(street[0] or f"CompanyCam project {record.id}", PROJECT_COLUMNS["name"])
    return name or made, problem


def _joined(lines: Iterable[Fitted]) -> Fitted:
    """The lines of a street as one, and what was wrong with any of them."""
    given = list(lines)
    street, problem = fit(", ".join(line for line, _ in given if line), PROJECT_COLUMNS["service_street"])
    return street, next((wrong for _, wrong in given if wrong is not None), problem)


def photo_from(record: Record, project: UUID | None, config: CompanyCamConfig) -> Photo:
    """The row of a photo. Where its project has no row it is held: a row that it had in another one is retired."""
    uris = _uris(record)
    fitted = _photo_columns(record, uris)
    url = fitted["url"][0] or ""
    created_at = _time(record.get("created_at")) or record.first_seen_at or 0
    return Photo(
        id=photo_id(record.id),
        project_id=project,
        company_cam_id=record.id,
        url=url,
        thumbnail_url=_url(uris.get("thumbnail")),
        mime_type=_mime_type(url),
        category=config.photo_category,
        tags=fitted["tags"][0],
        description=fitted["description"][0],
        captured_at=_time(record.get("captured_at")) or created_at,
        uploaded_at=created_at,
        latitude=fitted["latitude"][0],
        longitude=fitted["longitude"][0],
        metadata=_metadata(record),
        sync_status="DELETED" if project is None or is_deleted(record) else "SYNCED",
        modified_at=versions.modified_ms(record.newest),
        problems=_problems(fitted),
    )


def _photo_columns(record: Record, uris: Mapping[str, Any]) -> dict[str, Fitted]:
    given_url = _url(uris.get("original")) or next(filter(None, map(_url, uris.values())), None)
    tags = [words(value) for name, value in record.fields.items() if name.startswith(TAG)]
    problem = next((wrong for _, wrong in tags if wrong is not None), None)
    latitude, longitude = _coordinates(record)
    return {
        "url": words(given_url or record.get("photo_url")),
        "description": words(record.get("description")),
        "tags": (tuple(sorted({word[:LONGEST_TAG] for word, _ in tags if word})), problem),
        "latitude": latitude,
        "longitude": longitude,
    }


def _uris(record: Record) -> dict[str, Any]:
    """Where the photo lies, by the kind of picture."""
    return {str(uri.get("type")): uri for uri in _list(record.get("uris")) if isinstance(uri, dict)}


def problems_of(fact: Fact) -> tuple[Problem, ...]:
    """What the columns cannot take of all that one fact says, whatever else is known of the record."""
    record = Record(object=fact.object, id=fact.id, fields=fact.fields)
    if fact.object == PROJECT:
        return _problems(_project_columns(record))
    return _problems(_photo_columns(record, _uris(record))) if fact.object == PHOTO else ()


def is_deleted(record: Record) -> bool:
    """Whether a deletion was told, or the record itself says that it is deleted (there is no event for photos)."""
    return record.is_deleted or record.get("status") == "deleted"


def _deleted_at(record: Record) -> int:
    """When it was deleted: when a deletion was told, else when the record that says so was modified."""
    told = record.stamp_of(DELETED).version if record.get(DELETED) else versions.UNKNOWN
    return versions.modified_ms(told or record.stamp_of("status").version)


def _coordinates(record: Record) -> tuple[Fitted, Fitted]:
    """Latitude and longitude; 0,0 is what CompanyCam sends where it knows nothing, and a half is none either."""
    given = record.get("coordinates")
    if isinstance(given, list) and len(given) == 1:
        (given,) = given  # as CompanyCam's older specifications have it
    if given and not isinstance(given, dict):
        return (None, NOT_A_COORDINATE), (None, NOT_A_COORDINATE)
    place = _object(given)
    latitude, wrong = fit(place.get("lat"), PROJECT_COLUMNS["service_latitude"])
    longitude, wrong_too = fit(place.get("lon"), PROJECT_COLUMNS["service_longitude"])
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
        return (None, wrong), (None, wrong_too)
    return (latitude, wrong), (longitude, wrong_too)


def _problems(fitted: Mapping[str, Fitted]) -> tuple[Problem, ...]:
    return tuple(Problem(name, problem) for name, (_, problem) in fitted.items() if problem is not None)


def _metadata(record: Record) -> dict[str, Any]:
    """What CompanyCam says beside what has a column."""
    names = ("company_id", "creator_id", "creator_type", "creator_name", "hash", "internal", "photo_url", "uris")
    return {name: record.fields[name] for name in (*names, "processing_status") if name in record.fields}


def _url(uri: Any) -> str | None:
    """Of an ImageURI `uri` and `url` hold the same."""
    value = (uri.get("uri") or uri.get("url")) if isinstance(uri, dict) else None
    return value if isinstance(value, str) else None


def _mime_type(url: str) -> str:
    """By the ending of the URL's path: CompanyCam's photo has no such field.

    `guess_type` takes a path that has a colon for a URL, and believes a `data:` one whatever it says of itself.
    """
    try:
        path = urlsplit(url).path
    except ValueError:
        return UNKNOWN_MIME_TYPE
    return mimetypes.guess_type("./" + path.rpartition("/")[2])[0] or UNKNOWN_MIME_TYPE


def _time(value: Any) -> int | None:
    try:
        return times.parse(value)
    except ValueError:
        return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
