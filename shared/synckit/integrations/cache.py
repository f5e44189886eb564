"""`external_entity_cache`: the shared, expiring copy of vendors' records, for look-ups. Never what a poll is compared
with: that is the owner's mirror."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

import orjson

from synckit.mirror.facts import OURS, Record, canonical
from synckit.postgres import Connection, as_json

DAYS_KEPT: Final = 7
"""At least: a row expires at the end of the day (UTC) on which it becomes so old. Its index is not written then where a
row is stored twice on a day, and PostgreSQL needs to write none at all (HOT): half the time."""


async def store(connection: Connection, service: str, records: Iterable[Record]) -> None:
    """Keep these records, where they are no older than what is kept. After their owner committed them.

    `cached_at` is when the owner locked the record: of two states of one version, as a late delivery leaves them, the
    one that was locked later is the newer, whoever comes here first.

    A row's own id is left to its default: a computed one would be a second unique key, which ON CONFLICT does not
    cover, and two sessions that store the same new record would fail on it.
    """
    rows = [_row(service, record) for record in records]
    if not rows:
        return
    await connection.execute(
        """
        INSERT INTO integrations.external_entity_cache AS stored
               (service, entity_type, external_id, data, data_hash, source_version, cached_at, expires_at)
        SELECT service, entity_type, external_id, data, data_hash, source_version, coalesce(cached_at, now()),
               date_trunc('day', now(), 'UTC') + make_interval(days => $2 + 1)
          FROM json_to_recordset($1::json)
            AS incoming (service integrations.integration_service_enum, entity_type text, external_id text,
                         data jsonb, data_hash text, source_version bigint, cached_at timestamptz)
         ORDER BY service, entity_type, external_id
        ON CONFLICT (service, entity_type, external_id) DO UPDATE
           SET data           = excluded.data,
               data_hash      = excluded.data_hash,
               source_version = excluded.source_version,
               cached_at      = excluded.cached_at,
               expires_at     = excluded.expires_at,
               is_valid       = TRUE
         WHERE (excluded.source_version, excluded.cached_at) >= (stored.source_version, stored.cached_at)
           AND (excluded.data_hash, excluded.source_version) IS DISTINCT FROM (stored.data_hash, stored.source_version)
        """,
        as_json(rows),
        DAYS_KEPT,
    )


def _row(service: str, record: Record) -> dict[str, Any]:
    ours = [name for name in record.fields if name.startswith(OURS)]
    said_by_vendor = {name: record.fields[name] for name in record.fields.keys() - ours} if ours else record.fields
    data = canonical(said_by_vendor)
    return {
        "service": service,
        "entity_type": record.object,
        "external_id": record.id,
        "data": orjson.Fragment(data),
        "data_hash": sha256(data).hexdigest(),
        "source_version": record.newest,
        "cached_at": None if record.locked_at is None else record.locked_at.isoformat(),
    }
