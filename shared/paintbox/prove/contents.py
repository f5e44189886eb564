"""What is told of each event and record beside its id, in the form in which the topics and the tables can be compared.

Of bodies a digest alone is kept: there are many, and they are private.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson

from paintbox.databases import Connection
from synckit import times

LONGEST: Final = 100
"""Characters that the log keeps of a type and of a vendor's id."""
READ_AT_ONCE: Final = 500
SERVICES: Final = {"salesforce": "SALESFORCE", "companycam": "COMPANY_CAM"}
"""Of a vendor its name in the shared database."""
OURS: Final = "$"
"""What the names of fields in a mirror begin with that no vendor has."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a record of a webhook topic carries it, or as its row in the webhook log keeps it."""

    id: UUID
    received_at: int
    """In milliseconds since 1970; of the row the first receipt."""
    said: Mapping[str, str | None]
    """By what it is: service, type, ids, a digest of the request and of the payload."""
    raw: str | None
    """Digest of the bytes; of the row None where it keeps none."""


@dataclass(frozen=True, slots=True)
class Cached:
    """A record in the shared cache: what is kept of it, how new it is, and whether its hash is of what is kept."""

    data: Mapping[str, Any]
    version: int
    is_hashed: bool


def told(topic: str, headers: Mapping[str, bytes | None], value: bytes | None) -> Told | None:
    """What a record of a webhook topic says; None where its headers are none of ours."""
    try:
        texts = {name: (content or b"").decode() for name, content in headers.items()}
        return Told(
            id=UUID(texts["ce_id"]),
            received_at=times.parse(texts["ce_receivedat"]),
            said={
                "service": next((name for vendor, name in SERVICES.items() if vendor in topic), None),
                "event_type": texts["ce_type"].partition(".")[2].rpartition(".")[0][:LONGEST],
                "event_id": texts["ce_vendoreventid"][:LONGEST] if "ce_vendoreventid" in texts else None,
                "correlation_id": str(UUID(texts["ce_correlationid"])),
                "request": digest(texts.get("request", "{}")),
                "payload": digest(value or b""),
            },
            raw=sha256(value or b"").hexdigest(),
        )
    except (KeyError, ValueError):
        return None


def digest(text: str | bytes) -> str | None:
    """Of a JSON value, however it is written: JSONB keeps neither order nor spaces, nor how a number was spelled."""
    try:
        value = json.loads(text, parse_float=_number)
    except (ValueError, RecursionError):
        return None
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


async def logged(integrations: Connection) -> list[Told]:
    """The webhook log, row by row: never all of its bodies at once."""
    query = """
        SELECT id, service::text AS service, event_type, event_id, correlation_id, payload, received_at, raw,
               jsonb_strip_nulls(
                   jsonb_build_object('headers', headers, 'signature', signature,
                                      'user_agent', user_agent, 'source_ip', host(source_ip))
               ) AS request
          FROM integrations.webhook_events
    """
    async with integrations.transaction():
        return [_logged(dict(row)) async for row in integrations.cursor(query, prefetch=READ_AT_ONCE)]


def _logged(row: Mapping[str, Any]) -> Told:
    return Told(
        id=row["id"],
        received_at=times.milliseconds(row["received_at"]),
        said={
            "service": row["service"],
            "event_type": row["event_type"],
            "event_id": row["event_id"],
            "correlation_id": row["correlation_id"] and str(row["correlation_id"]),
            "request": digest(row["request"]),
            "payload": digest(row["payload"]),
        },
        raw=None if row["raw"] is None else sha256(row["raw"]).hexdigest(),
    )


async def cached(integrations: Connection) -> dict[tuple[str, str, str], Cached]:
    """The shared cache, by service, object and vendor id."""
    rows = await integrations.fetch(
        """
        SELECT service::text AS service, entity_type, external_id, data, data_hash, source_version
          FROM integrations.external_entity_cache
        """
    )
    return {(row["service"], row["entity_type"], row["external_id"]): _cached(dict(row)) for row in rows}


def _cached(row: Mapping[str, Any]) -> Cached:
    data = orjson.loads(row["data"])
    written = sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return Cached(data, row["source_version"], is_hashed=written == row["data_hash"])


def newest(fields: Mapping[str, Any], base: int, own: Mapping[str, Any]) -> int:
    """How new a mirrored record is as a whole: the greatest version of any of its fields; 0 where it has none."""
    return max((_version(own.get(name, base)) for name in fields), default=0)


def _version(stamp: int | list[int]) -> int:
    return stamp[0] if isinstance(stamp, list) else stamp
